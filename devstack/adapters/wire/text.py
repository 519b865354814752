"""JSON text to Python values, as Go's decoder reads it.

The quick way is orjson. Where orjson refuses (a mistake, bytes after the value, broken UTF-8, a lone surrogate) the
standard library's reader decides: it forgives what Go forgives, and tells where a mistake is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final, NoReturn

import orjson

from devstack.errors import DevstackError

__all__ = ["UnreadableError", "byte_offset", "place", "read"]

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_UINT64_MAX: Final = 2**64 - 1
_INT64_MIN: Final = -(2**63)


class UnreadableError(DevstackError):
    """A body that is no JSON, or holds a value of the wrong type.

    `message` is for people, `cause` is the decoder's own text; clients get both. Source: http_api reference 2, B.
    """

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause or message


def read(body: bytes) -> Any:
    """The first JSON value of the body; what follows it is not looked at.

    Raises:
        UnreadableError: there is none, or it is broken.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _read_slowly(body.decode("utf-8", "replace"))


def _read_slowly(text: str) -> Any:
    start = _skip(text, 0)
    if start == len(text):
        raise UnreadableError("EOF")
    try:
        value, _ = _DECODER.raw_decode(text, start)
        return _without_surrogates(value)
    except JSONDecodeError as exc:
        raise _syntax_error(text, exc) from None
    except RecursionError:
        raise UnreadableError("Syntax error: offset=0, error=exceeded max depth", "exceeded max depth") from None


def _skip(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    assert match is not None  # the pattern matches nothing, too
    return match.end()


def _int(digits: str) -> int | float:
    # Python refuses to convert thousands of digits; Go's interface{} holds a float64 anyway.
    if len(digits) > 20:
        return float(digits)
    value = int(digits)
    return value if _INT64_MIN <= value <= _UINT64_MAX else float(value)


def _refuse_constant(word: str) -> NoReturn:
    raise JSONDecodeError("Expecting value", word, 0)


_DECODER: Final = JSONDecoder(parse_int=_int, parse_constant=_refuse_constant)


def _without_surrogates(value: Any) -> Any:
    """The value with each half of a broken surrogate pair replaced, as Go does."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


_LOOKING_FOR: Final = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after a value",
    "Invalid control character at": "in string literal",
}


def _syntax_error(text: str, error: JSONDecodeError) -> UnreadableError:
    if error.msg.startswith("Unterminated string") or error.pos >= len(text.rstrip()):
        return UnreadableError("unexpected EOF")
    where = next(
        (phrase for start, phrase in _LOOKING_FOR.items() if error.msg.startswith(start)), "in string escape code"
    )
    # A constant such as NaN is told without its place.
    place = error.pos if error.doc is text else text.index(error.doc)
    cause = f"invalid character {text[place]!r} {where}"
    return UnreadableError(f"Syntax error: offset={byte_offset(text, place) + 1}, error={cause}", cause)


def byte_offset(text: str, position: int) -> int:
    return len(text[:position].encode("utf-8", "surrogatepass"))


def place(text: str, steps: Sequence[str | int]) -> tuple[int, int]:
    """Where the value begins and ends that the keys and indexes lead to; the text has been read without an error."""
    position = _skip(text, 0)
    for step in steps:
        position = _child(text, position, step)
    return position, _DECODER.raw_decode(text, position)[1]


def _child(text: str, position: int, step: str | int) -> int:
    """Where the element of that index begins, or the last one of that key."""
    in_object = text[position] == "{"
    found, index = position, 0
    position = _skip(text, position + 1)
    while text[position] not in "}]":
        name: Any = index
        if in_object:
            name, position = _DECODER.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)
        if name == step:
            found = position
        position = _skip(text, _DECODER.raw_decode(text, position)[1])
        position = _skip(text, position + 1) if text[position] == "," else position
        index += 1
    return found
