"""Fills in the templates of job files, as Go's text/template does with a flat map of strings.

Source: command line reference 3.2.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from devstack.cli.template_parser import If, Name, Node, Pipeline, parse
from devstack.errors import InvalidJobError, UsageError

__all__ = ["fill_in", "variables"]

Value = Any


def variables(pairs: Iterable[str], environment_pattern: str) -> dict[str, str]:
    """The variables of `-V` and, where their name matches, of the environment; `-V` wins.

    Raises:
        UsageError: a pair without `=`, or a pattern that cannot be read.
    """
    pattern = ".*" if environment_pattern == "*" else environment_pattern
    try:
        found = {name: value for name, value in os.environ.items() if pattern and re.search(pattern, name)}
    except re.error as exc:
        raise UsageError(f"--template-envs {environment_pattern}: {exc}") from None
    for text in pairs:
        found.update(_pair(part) for part in _parts(text))
    return found


def _parts(text: str) -> list[str]:
    """One pair as it is; several in one value as a CSV record."""
    return [text.strip('"')] if text.count("=") == 1 else next(csv.reader([text]), [])


def _pair(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        raise UsageError(f"{part} must be formatted as key=value")
    return name, value


def fill_in(text: str, data: Mapping[str, str]) -> str:
    """The text with its actions carried out.

    Raises:
        InvalidJobError: the template cannot be read, or names a variable that there is not.
    """
    return _write(parse(text, _FUNCTIONS), _Scope(data, {}))


@attrs.frozen
class _Scope:
    data: Mapping[str, str]
    variables: dict[str, Value]


def _write(nodes: Iterable[Node], scope: _Scope) -> str:
    return "".join(_written(node, scope) for node in nodes)


def _written(node: Node, scope: _Scope) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, If):
        return _write(node.then if _evaluate(node.condition, scope) else node.otherwise, scope)
    value = _evaluate(node, scope)
    if node.assigns:
        scope.variables[node.assigns] = value
        return ""
    return _text(value)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _evaluate(pipeline: Pipeline, scope: _Scope) -> Value:
    carried: list[Value] = []
    for command in pipeline.commands:
        carried = [_called(command, carried, scope, pipeline.line)]
    return carried[0]


def _called(command: list[Any], carried: list[Value], scope: _Scope, line: int) -> Value:
    head, *rest = command
    if isinstance(head, Name) and head.kind == "word":
        arguments = [_value(operand, scope, line) for operand in rest] + carried
        try:
            return _FUNCTIONS[head.name](*arguments)
        except (TypeError, KeyError, IndexError, ValueError):
            raise _failed(f"{head.name} cannot be called like this", line) from None
    if rest or carried:
        raise _failed("can't give argument to non-function", line)
    return _value(head, scope, line)


def _value(operand: Any, scope: _Scope, line: int) -> Value:
    if isinstance(operand, Pipeline):
        return _evaluate(operand, scope)
    if not isinstance(operand, Name):
        return operand
    if operand.kind == "word":
        return _called([operand], [], scope, line)
    if operand.name in (".", "$"):
        return scope.data
    if operand.kind == "variable":
        if operand.name not in scope.variables:
            raise _failed(f'undefined variable "{operand.name}"', line)
        return scope.variables[operand.name]
    name = operand.name[1:]
    if name not in scope.data:
        raise _failed(f'there is no value for "{name}": give one with -V {name}=VALUE', line)
    return scope.data[name]


def _failed(what: str, line: int) -> InvalidJobError:
    return InvalidJobError(f"failed to execute template: line {line}: {what}")


def _or(*values: Value) -> Value:
    return next((value for value in values if value), values[-1])


def _and(*values: Value) -> Value:
    return next((value for value in values if not value), values[-1])


def _printf(form: str, *values: Value) -> str:
    return re.sub(r"%v", "%s", form) % tuple(
        _text(v) if not isinstance(v, int) or isinstance(v, bool) else v for v in values
    )


_FUNCTIONS: Final[Mapping[str, Callable[..., Value]]] = {
    "or": _or,
    "and": _and,
    "not": lambda value: not value,
    "eq": lambda first, *others: any(first == other for other in others),
    "ne": lambda first, second: first != second,
    "index": lambda container, key: container.get(key, "") if isinstance(container, Mapping) else container[key],
    "len": len,
    "printf": _printf,
    "print": lambda *values: "".join(_text(value) for value in values),
}
