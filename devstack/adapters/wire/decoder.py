"""The one reader of typed JSON, driven by tables of fields.

A reader is a function from a JSON value to one of ours. A struct matches its keys in any case, ignores unknown
keys and takes null for absent; a map keeps its keys as they are. Source: http_api reference 0.10, 1.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from devstack.adapters.wire.text import UnreadableError, byte_offset, place, read

__all__ = [
    "FLAT",
    "INT",
    "INT64",
    "PARAMS",
    "TEXT",
    "UINT64",
    "Array",
    "Free",
    "Integer",
    "Map",
    "Reader",
    "Struct",
    "Word",
    "WrongTypeError",
    "decode",
]

Reader = Callable[[Any], Any]
# Deeper parameters are refused: the encoder would stumble over them.
MAX_DEPTH: Final = 200


class WrongTypeError(Exception):
    """A value of another type than its field's; while it travels up, each level adds its step and name."""

    def __init__(self, expected: str, value: Any, *, with_number: bool = False) -> None:
        super().__init__(expected)
        self.expected = expected
        self.value = value
        self.with_number = with_number
        self.struct = ""
        self.steps: list[str | int] = []
        self.names: list[str] = []

    def under(self, step: str | int, name: str = "", struct: str = "") -> WrongTypeError:
        self.steps.insert(0, step)
        if name:
            self.names.insert(0, name)
            self.struct = self.struct or struct
        return self


@attrs.frozen
class Struct:
    """A reader of objects: `fields` maps the wire's key to our name and the value's reader."""

    go_type: str
    make: Callable[..., Any]
    fields: Mapping[str, tuple[str, Reader]]
    # Every key as spelled and in lower case: (wire key, our name, reader).
    _by_key: dict[str, tuple[str, str, Reader]] = attrs.field(init=False)

    @_by_key.default
    def _index(self) -> dict[str, tuple[str, str, Reader]]:
        rows = {key: (key, *row) for key, row in self.fields.items()}
        return {key.lower(): row for key, row in rows.items()} | rows

    def __call__(self, value: Any) -> Any:
        if type(value) is not dict:
            raise WrongTypeError(self.go_type, value)
        arguments: dict[str, Any] = {}
        for key, item in value.items():
            row = self._by_key.get(key) or self._by_key.get(key.lower())
            if row is None or item is None:
                continue
            try:
                arguments[row[1]] = row[2](item)
            except WrongTypeError as exc:
                raise exc.under(key, row[0], self.go_type.rpartition(".")[2]) from None
        return self.make(**arguments)


def TEXT(value: Any) -> str:  # noqa: N802 - readers without parameters are named like constants in the tables
    if type(value) is not str:
        raise WrongTypeError("string", value)
    return value


@attrs.frozen
class Integer:
    """A reader of whole numbers between the two, inclusive."""

    go_type: str
    low: int
    high: int

    def __call__(self, value: Any) -> int:
        if type(value) is not int or not self.low <= value <= self.high:
            raise WrongTypeError(self.go_type, value, with_number=True)
        return value


INT: Final = Integer("int", -(2**63), 2**63 - 1)
INT64: Final = Integer("int64", -(2**63), 2**63 - 1)
UINT64: Final = Integer("uint64", 0, 2**64 - 1)


@attrs.frozen
class Word:
    """A reader of texts that stand for something, in any case; `unknown` makes something of the others, or refuses."""

    meanings: Mapping[str, Any]
    unknown: Callable[[str], Any]
    _by_text: dict[str, Any] = attrs.field(init=False)

    @_by_text.default
    def _index(self) -> dict[str, Any]:
        return {text.lower(): meaning for text, meaning in self.meanings.items()}

    def __call__(self, value: Any) -> Any:
        meaning = self._by_text.get(TEXT(value).lower())
        return self.unknown(value) if meaning is None else meaning


@attrs.frozen
class Array:
    """A reader of arrays; a null element becomes `null`."""

    go_type: str
    item: Reader
    null: Any

    def __call__(self, value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise WrongTypeError(self.go_type, value)
        items = []
        for index, element in enumerate(value):
            try:
                items.append(self.null if element is None else self.item(element))
            except WrongTypeError as exc:
                raise exc.under(index) from None
        return tuple(items)


@attrs.frozen
class Map:
    """A reader of maps; a null value becomes `null`."""

    go_type: str
    item: Reader
    null: Any

    def __call__(self, value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise WrongTypeError(self.go_type, value)
        items = {}
        for key, element in value.items():
            try:
                items[key] = self.null if element is None else self.item(element)
            except WrongTypeError as exc:
                raise exc.under(key) from None
        return items


FLAT: Final = Map("map[string]string", TEXT, "")


def PARAMS(value: Any) -> dict[str, Any]:  # noqa: N802
    """Any JSON in an object, as Go holds it: keys sorted, whole floats without their point."""
    if type(value) is not dict:
        raise WrongTypeError("map[string]interface {}", value)
    plain: dict[str, Any] = _plain(value, 0)
    return plain


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is dict or kind is list:
        if depth > MAX_DEPTH:
            raise UnreadableError(f"exceeded max depth: parameters may be nested {MAX_DEPTH} levels deep")
        if kind is list:
            return [_plain(item, depth + 1) for item in value]
        return {key: _plain(value[key], depth + 1) for key in sorted(value)}
    if kind is float:
        if not math.isfinite(value):
            raise WrongTypeError("float64", value, with_number=True)
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    return value


@attrs.frozen
class Free:
    """A reader that takes any value as it is; `keys` tells people which keys an object may have, and what they mean."""

    keys: Mapping[str, str]

    def __call__(self, value: Any) -> Any:
        return value


def decode(reader: Reader, body: bytes) -> Any:
    """What the reader makes of the body's first JSON value; None for null.

    Raises:
        UnreadableError: no JSON, or a value of the wrong type.
    """
    value = read(body)
    try:
        return None if value is None else reader(value)
    except WrongTypeError as exc:
        raise _unreadable(exc, body.decode("utf-8", "replace")) from None


_KINDS: Final = {str: "string", bool: "bool", list: "array", dict: "object", int: "number", float: "number"}


def _unreadable(error: WrongTypeError, text: str) -> UnreadableError:
    try:
        start, end = place(text, error.steps)
    except RecursionError:  # What stands before it is nested too deep to be stepped over.
        start = end = 0
    got = _KINDS[type(error.value)]
    if got in ("array", "object"):
        end = start + 1
    elif got == "number" and error.with_number:
        got = f"number {text[start:end]}"
    field = ".".join(error.names)
    target = f"struct field {error.struct}.{field}" if field else "value"
    return UnreadableError(
        f"Unmarshal type error: expected={error.expected}, got={got}, field={field}, offset={byte_offset(text, end)}",
        f"json: cannot unmarshal {got} into Go {target} of type {error.expected}",
    )
