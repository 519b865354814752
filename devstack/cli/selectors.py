"""Label selectors: `env=prod,region notin (a,b),!gpu,size>42`. Source: command line reference 4.5.

The grammar is Kubernetes', `>` and `<` for whole numbers only.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from devstack.errors import UsageError

__all__ = ["Requirement", "check_label", "parse_selector"]

_KEY: Final = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE: Final = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_COMPARED: Final = re.compile(rf"({_KEY})\s*(==|=|!=|>|<)\s*(\S*)")
_IN_SET: Final = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EXISTS: Final = re.compile(rf"(!?)\s*({_KEY})")
_NAMES: Final = {">": "gt", "<": "lt"}
_SIGNS: Final = {"gt": ">", "lt": "<", "==": "="}


@attrs.frozen
class Requirement:
    """One condition on labels, with the operator as a job's constraint spells it."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def as_constraint(self) -> dict[str, object]:
        constraint: dict[str, object] = {"Key": self.key, "Operator": self.operator}
        return constraint | ({"Values": list(self.values)} if self.values else {})

    def __str__(self) -> str:
        """The canonical text that the API takes as a `labels` parameter."""
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        return f"{self.key}{_SIGNS.get(self.operator, self.operator)}{self.values[0]}"


def parse_selector(text: str) -> list[Requirement]:
    """The requirements, sorted by key.

    Raises:
        UsageError: a part that is no requirement; it is named.
    """
    parts = [part.strip() for part in re.split(r",(?![^()]*\))", text)]
    if parts == [""]:
        return []
    return sorted((_requirement(part) for part in parts), key=lambda requirement: requirement.key)


def _requirement(text: str) -> Requirement:
    if match := _IN_SET.fullmatch(text):
        values = {value.strip() for value in match[3].split(",")}
        return Requirement(match[1], match[2], tuple(sorted(_checked(value, text) for value in values)))
    if match := _COMPARED.fullmatch(text):
        operator = _NAMES.get(match[2], match[2])
        if operator in ("gt", "lt") and not re.fullmatch(r"-?\d+", match[3]):
            raise UsageError(f"{text!r}: > and < compare whole numbers only")
        return Requirement(match[1], operator, (_checked(match[3], text),))
    if match := _EXISTS.fullmatch(text):
        return Requirement(match[2], "!" if match[1] else "exists")
    raise UsageError(
        f"{text!r} is no condition on a label: write k=v, k!=v, k in (a,b), k notin (a,b), k, !k, k>1 or k<1"
    )


def _checked(value: str, text: str) -> str:
    if not re.fullmatch(r"-?" + _VALUE, value) or len(value) > 63:
        raise UsageError(f"{text!r}: {value!r} is no label value (letters, digits, - _ . inside, at most 63)")
    return value


def check_label(key: str, value: str) -> None:
    """Raises UsageError unless both obey Kubernetes' rules for labels."""
    if not re.fullmatch(_KEY, key) or len(key.rpartition("/")[2]) > 63:
        raise UsageError(
            f"invalid label key {key!r}: it has letters, digits, - _ . and starts and ends with one of the first two"
        )
    if not re.fullmatch(_VALUE, value) or len(value) > 63:
        raise UsageError(f"invalid label value {value!r}: it has letters, digits, - _ . inside, at most 63")
