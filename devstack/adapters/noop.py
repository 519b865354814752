"""The simulated engine: a program that does what its job's parameters say, without running anything.

It is pure: the kernel lets the duration pass, and the outcome is a value. Source: product.md 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from devstack.errors import InvariantError
from devstack.models.gotext import parse_duration_ns
from devstack.models.job import SpecConfig, Task

__all__ = ["NoopEngine", "NoopOutcome", "check_noop"]

_MAX_NS: Final = 2**63 - 1
_FAILED_EXIT_CODE: Final = -1


@attrs.frozen
class NoopOutcome:
    """How a simulated run ends: after `duration_ns`, with this output; `error` non-empty means that it failed."""

    duration_ns: int = 0
    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    error: str = ""


@attrs.frozen
class _Params:
    runs_for_ns: int = 0
    exit_code: int = 0
    stdout: str = ""
    stderr: str = ""
    fails: str = ""
    fails_on: tuple[str, ...] = ()


_SUCCESS: Final = NoopOutcome()


def check_noop(engine: SpecConfig) -> str:
    """Why the engine's parameters cannot be run, with the key's name; empty if they can."""
    if not engine.params:
        return ""
    try:
        _parse(engine.params)
    except ValueError as exc:
        return str(exc)
    return ""


class NoopEngine:
    key = "noop"

    def problem(self, task: Task) -> str:
        """Why the task's parameters cannot be run, with the key's name; empty if they can."""
        return check_noop(task.engine) if task.engine is not None else ""

    def outcome(self, task: Task, node_name: str) -> NoopOutcome:
        """What the program does on that node.

        Raises:
            InvariantError: a task that `problem` refuses, which no bid can have let pass.
        """
        given = task.engine.params if task.engine is not None else None
        if not given:
            return _SUCCESS
        try:
            params = _parse(given)
        except ValueError as exc:
            raise InvariantError(f"a noop task ran in spite of: {exc}") from exc
        error = _error(params, node_name)
        exit_code = _FAILED_EXIT_CODE if error else params.exit_code
        return NoopOutcome(params.runs_for_ns, params.stdout, params.stderr, exit_code, error)


def _error(params: _Params, node_name: str) -> str:
    if not params.fails_on:
        return params.fails
    if node_name not in params.fails_on:
        return ""
    return params.fails or f"FailsOn names {node_name}"


def _parse(given: Mapping[str, Any]) -> _Params:
    """The parameters as values; ValueError names the key that is wrong."""
    values: dict[str, Any] = {}
    for key, value in given.items():
        name = _NAME_OF.get(key.lower())
        if name is None:
            raise ValueError(f"unknown noop engine param {key!r}; known are {', '.join(_READERS)}")
        if value is not None:
            values[name] = value
    read = {}
    for name, (field, reader) in _READERS.items():  # In this order: the first that is wrong is told.
        if name in values:
            read[field] = reader(name, values[name])
    return _Params(**read)


def _wrong(key: str, wanted: str, value: object) -> ValueError:
    return ValueError(f"invalid noop engine param: '{key}' must be {wanted}, not {value!r}")


def _runs_for_ns(key: str, value: object) -> int:
    wanted = "a duration such as 2m or 500ms"
    if not isinstance(value, str):
        raise _wrong(key, wanted, value)
    try:
        duration_ns = _duration_ns(value) if value else 0
    except ValueError:
        raise _wrong(key, wanted, value) from None
    if not 0 <= duration_ns <= _MAX_NS:
        raise _wrong(key, "from 0s to 2562047h", value)
    return duration_ns


@lru_cache(maxsize=1024)
def _duration_ns(text: str) -> int:
    return parse_duration_ns(text)


def _exit_code(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(key, "a whole number", value)
    return value


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(key, "a text", value)
    return value


def _names(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise _wrong(key, "a list of node names", value)
    return tuple(value)


_READERS: Final[Mapping[str, tuple[str, Callable[[str, object], Any]]]] = {
    "RunsFor": ("runs_for_ns", _runs_for_ns),
    "ExitCode": ("exit_code", _exit_code),
    "Stdout": ("stdout", _text),
    "Stderr": ("stderr", _text),
    "Fails": ("fails", _text),
    "FailsOn": ("fails_on", _names),
}
_NAME_OF: Final = {name.lower(): name for name in _READERS}
