"""Parameters of the address, bound as v1.4.0 binds them. Source: http_api reference 1.1, query parsing."""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import parse_qsl

from devstack.http_api.errors import BadQueryError

__all__ = ["Query"]

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False", ""})
_DIGITS: Final = re.compile(r"[0-9]+\Z")
_SIGNED: Final = re.compile(r"[+-]?[0-9]+\Z")
# More digits than any 64-bit number has; longer texts are out of range without being converted.
_MAX_DIGITS: Final = 30


class Query:
    """Names match in any case, the first value counts, an empty one counts as not given."""

    def __init__(self, raw: bytes) -> None:
        self._values: dict[str, list[str]] = {}
        if raw:
            for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
                self._values.setdefault(name.lower(), []).append(value)

    def token_for_pagers(self, token: str) -> str:
        """The token of the next page, if the request says that it pages, by `next_token` with or without a value.

        v1.4.0 pages jobs only, and recorded clients that set a mere limit elsewhere expect no token [D10].
        """
        return token if "next_token" in self._values else ""

    def text(self, name: str) -> str:
        values = self._values.get(name)
        return values[0] if values else ""

    def texts(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def unsigned(self, name: str) -> int:
        """A number of 32 bits; 0 if not given."""
        return self._number(name, "ParseUint", _DIGITS, 0, 2**32 - 1)

    def signed(self, name: str) -> int:
        """A number of 64 bits; 0 if not given."""
        return self._number(name, "ParseInt", _SIGNED, -(2**63), 2**63 - 1)

    def flag(self, name: str) -> bool:
        text = self.text(name)
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise _bad("ParseBool", text, "invalid syntax")

    def _number(self, name: str, parser: str, form: re.Pattern[str], low: int, high: int) -> int:
        text = self.text(name)
        if not text:
            return 0
        if not form.match(text):
            raise _bad(parser, text, "invalid syntax")
        if len(text) > _MAX_DIGITS or not low <= int(text) <= high:
            raise _bad(parser, text, "value out of range")
        return int(text)


def _bad(parser: str, text: str, reason: str) -> BadQueryError:
    return BadQueryError(f"strconv.{parser}: parsing {json.dumps(text, ensure_ascii=False)}: {reason}")
