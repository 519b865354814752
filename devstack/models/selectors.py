"""Label requirements: one rule for what a job's constraints and a query's selector ask of labels.

A constraint comes as key, operator and values; a selector is text such as `env in (prod,test),!gpu,size>2`.
Both become `Requirement`s. Numbers are compared exactly, never as floats.
Source: orchestrator reference 1.8 and 7.4, http_api reference 3.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs

from devstack.errors import DevstackError, InvalidJobError, InvalidQueryError
from devstack.models.job import Constraint

__all__ = ["EVERYTHING", "Requirement", "Selector", "parse_selector", "requirement"]

_IN: Final = frozenset({"in", "=", "=="})
_NOT_IN: Final = frozenset({"notin", "!="})
_ORDER: Final = frozenset({"gt", "lt"})
_PRESENCE: Final = frozenset({"exists", "!"})
_OPERATORS: Final = _IN | _NOT_IN | _ORDER | _PRESENCE

_WORD: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_DNS_PREFIX: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+\Z")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+\.[0-9]+\Z")
_MAX_WORD_LENGTH: Final = 63
_MAX_PREFIX_LENGTH: Final = 253
_SURELY_INT64: Final = 19  # digits that are too many to be sure
_INT64: Final = range(-(1 << 63), 1 << 63)
_MIXED: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)


@attrs.frozen
class Requirement:
    """One condition on labels; made by `requirement` or `parse_selector`, which refuse what cannot be asked."""

    key: str
    operator: str
    values: tuple[str, ...] = ()
    decimals: bool = False
    _operand: int | Decimal = attrs.field(default=0, repr=False)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet this condition."""
        return self.allows(labels.get(self.key))

    def allows(self, value: str | None) -> bool:
        """Whether a label of that value (None: no such label) meets this condition."""
        if self.operator in _IN:
            return value is not None and value in self.values
        if self.operator in _NOT_IN:
            return value is None or value not in self.values
        if self.operator in _PRESENCE:
            return (value is None) is (self.operator == "!")
        number = None if value is None else _number(value, self.decimals)
        if number is None:
            return False
        return number > self._operand if self.operator == "gt" else number < self._operand

    def __str__(self) -> str:
        return f"{self.key} {self.operator} {'|'.join(self.values)}".rstrip()


@attrs.frozen
class Selector:
    """Requirements that must all hold, sorted by key; none at all matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet every requirement."""
        for wanted in self.requirements:  # noqa: SIM110 - lists of 10,000 jobs ask this once for each
            if not wanted.allows(labels.get(wanted.key)):
                return False
        return True

    def __str__(self) -> str:
        """The text that `parse_selector` reads as this same selector."""
        return ",".join(map(_text, self.requirements))


EVERYTHING: Final = Selector()


def requirement(constraint: Constraint, strict: bool = True) -> Requirement:
    """What a job's constraint asks of a node's labels.

    Args:
        strict: `gt` and `lt` take whole numbers only, as Bacalhau documents; otherwise decimals too.

    Raises:
        InvalidJobError: the key, the operator or a value is none that can be.
    """
    problem = _problem(constraint.key, constraint.operator, constraint.values, decimals=not strict)
    if problem:
        raise InvalidJobError(problem)
    return _build(constraint.key, constraint.operator, constraint.values, decimals=not strict)


def _build(key: str, operator: str, values: tuple[str, ...], decimals: bool) -> Requirement:
    operand = _number(values[0], decimals) if operator in _ORDER else 0
    assert operand is not None  # `_problem` has refused what is no number
    return Requirement(key, operator, values, decimals, operand)


def _number(text: str, decimals: bool) -> int | Decimal | None:
    """The number that a label's value stands for; whole ones have 64 bits, as in Bacalhau."""
    if len(text) < _SURELY_INT64 and text.isascii() and text.isdigit():  # Nearly all are, and long lists ask for each.
        return int(text)
    if _INTEGER.match(text):
        number = Decimal(text)
        return number if _INT64.start <= number < _INT64.stop else None
    return Decimal(text) if decimals and _DECIMAL.match(text) else None


def _problem(key: str, operator: str, values: tuple[str, ...], decimals: bool) -> str:
    """Why there can be no such requirement, or an empty text."""
    if problem := _key_problem(key):
        return problem
    if operator not in _OPERATORS:
        return f'operator: Unsupported value: "{operator}": use {", ".join(_BINARY)}, exists or !'
    if operator in ("in", "notin"):
        if not values:
            return "for 'in', 'notin' operators, values set can't be empty"
    elif operator in _PRESENCE:
        if values:
            return "values set must be empty for exists and does not exist"
    elif len(values) != 1:
        return f"operator {operator} takes exactly one value"
    elif operator in _ORDER and _number(values[0], decimals) is None:
        kind = "an integer or a decimal" if decimals else "an integer"
        return f"for 'Gt', 'Lt' operators, the value must be {kind}: {values[0]!r}"
    return next((problem for value in values if (problem := _value_problem(value))), "")


def _key_problem(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    why = ""
    if slash and not prefix:
        why = "prefix part must be non-empty"
    elif slash and not (len(prefix) <= _MAX_PREFIX_LENGTH and _DNS_PREFIX.match(prefix)):
        why = "prefix part must be a lower case DNS name, and there is one '/' at most"
    elif not name:
        why = "name part must be non-empty"
    elif len(name) > _MAX_WORD_LENGTH:
        why = f"name part must be no more than {_MAX_WORD_LENGTH} characters"
    elif not _WORD.match(name):
        why = f"name part {_MIXED}"
    return f'key: Invalid value: "{key}": {why}' if why else ""


def _value_problem(value: str) -> str:
    why = ""
    if len(value) > _MAX_WORD_LENGTH:
        why = f"must be no more than {_MAX_WORD_LENGTH} characters"
    elif value and not _WORD.match(value):
        why = f"a valid label must be an empty string or {_MIXED}"
    return f'values: Invalid value: "{value}": {why}' if why else ""


# ---- the grammar of selectors --------------------------------------------------------------------------------

_BLANKS: Final = " \t\r\n"
_TOKEN: Final = re.compile(rf"[{_BLANKS}]*(==|!=|[=!(),<>]|[^{_BLANKS}=!(),<>]+)")
_SPECIAL: Final = frozenset("=!(),<>") | {"==", "!="}
_BINARY: Final = ("in", "notin", "=", "==", "!=", "gt", "lt")
_SYMBOLS: Final = {word: word for word in ("in", "notin", "=", "==", "!=")} | {">": "gt", "<": "lt"}
_EXTENSIONS: Final = {"gt": "gt", "lt": "lt", "exists": "exists"}


def parse_selector(text: str, extended: bool = True) -> Selector:
    """The selector that a query's `labels` text writes down; empty text selects everything.

    Args:
        extended: also accept `k exists`, `k gt n`, `k lt n` and decimal numbers (http_api reference, D7).

    Raises:
        InvalidQueryError: the text does not follow the grammar.
    """
    requirements = _Parser(_TOKEN.findall(text.strip(_BLANKS)), extended).selector()
    return Selector(tuple(sorted(requirements, key=lambda wanted: wanted.key)))


class _ParseError(DevstackError):
    """A requirement that cannot be read; `parse_selector` says so to the caller."""


class _Parser:
    """Reads tokens left to right. `in` and `notin` are ordinary words wherever no operator is expected."""

    def __init__(self, tokens: list[str], extended: bool) -> None:
        self._tokens = [*tokens, ""]  # the empty token is the end
        self._at = 0
        self._extended = extended
        self._operators = _SYMBOLS | _EXTENSIONS if extended else _SYMBOLS

    def selector(self) -> list[Requirement]:
        requirements: list[Requirement] = []
        if not self._peek():
            return requirements
        expected = "!, identifier, or 'end of string'"
        while self._is_word() or self._peek() == "!":
            requirements.append(self._requirement())
            if not (token := self._take()):
                return requirements
            if token != ",":
                raise InvalidQueryError(f"found '{token}', expected: ',' or 'end of string'")
            expected = "identifier after ','"
        raise InvalidQueryError(f"found '{self._peek()}', expected: {expected}")

    def _requirement(self) -> Requirement:
        try:
            key, operator, listed = self._parts()
            values = tuple(sorted(set(listed)))
            if problem := _problem(key, operator, values, self._extended):
                raise _ParseError(problem)
            return _build(key, operator, values, self._extended)
        except _ParseError as exc:
            raise InvalidQueryError(f"unable to parse requirement: {exc.message}") from None

    def _parts(self) -> tuple[str, str, list[str]]:
        negated = self._peek() == "!" and bool(self._take())
        if not self._is_word():
            raise _ParseError(f"found '{self._peek()}', expected: identifier")
        key = self._take()
        if problem := _key_problem(key):
            raise _ParseError(problem)
        if negated:
            return key, "!", []
        if self._peek() in ("", ","):
            return key, "exists", []
        return key, *self._operator_and_values()

    def _operator_and_values(self) -> tuple[str, list[str]]:
        token = self._take()
        operator = self._operators.get(token)
        if operator is None:
            raise _ParseError(f"found '{token}', expected: {', '.join(_BINARY)}")
        if operator in ("in", "notin"):
            return operator, self._list()
        return operator, [] if operator == "exists" else [self._exact_value()]

    def _exact_value(self) -> str:
        if self._peek() in ("", ","):
            return ""
        if not self._is_word():
            raise _ParseError(f"found '{self._peek()}', expected: identifier")
        return self._take()

    def _list(self) -> list[str]:
        """Values in parentheses; an empty place is the empty value."""
        if self._take() != "(":
            raise _ParseError(f"found '{self._tokens[self._at - 1]}', expected: '('")
        values: list[str] = []
        while True:
            values.append(self._take() if self._is_word() else "")
            token = self._take()
            if token == ")":
                return values
            if token != ",":
                raise _ParseError(f"found '{token}', expected: ',' or ')'")

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _is_word(self) -> bool:
        token = self._peek()
        return bool(token) and token not in _SPECIAL

    def _take(self) -> str:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token


def _text(wanted: Requirement) -> str:
    match wanted.operator:
        case "exists":
            return wanted.key
        case "!":
            return f"!{wanted.key}"
        case "in" | "notin":
            return f"{wanted.key} {wanted.operator} ({','.join(wanted.values)})"
        case operator:
            return f"{wanted.key}{ {'gt': '>', 'lt': '<'}.get(operator, operator)}{wanted.values[0]}"
