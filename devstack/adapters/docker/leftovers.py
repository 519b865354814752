"""Containers and networks of this stack, and of stacks that are gone.

A stack is known by its process: `<pid>-<start time>`, the start in clock ticks since boot as the kernel counts it. So
a pid that was given away again is not taken for the stack that had it before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import trio

from devstack.adapters.docker.container import STACK_LABEL
from devstack.adapters.docker.engine import Engine, EngineError

__all__ = ["is_gone", "remove_labelled", "remove_leftovers", "this_stack_id"]

_PROC: Final = Path("/proc")
_ENDED_STATES: Final = ("Z", "X")
_START_TIME_FIELD: Final = 19  # counted from the state, which follows the command's name in brackets


def this_stack_id() -> str:
    """The id of the stack that this process is."""
    return f"{os.getpid()}-{_start_ticks(os.getpid())}"


def _start_ticks(pid: int) -> int | None:
    """When the process started; None: there is none (or it has ended and waits to be collected)."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in _ENDED_STATES else int(fields[_START_TIME_FIELD])


def is_gone(stack_id: str) -> bool:
    """Whether the stack's process has ended; no for an id that is none of ours."""
    pid, dash, started = stack_id.partition("-")
    if not (dash and pid.isdecimal() and started.isdecimal() and (_PROC / "self").exists()):
        return False
    return _start_ticks(int(pid)) != int(started)


def remove_labelled(engine: Engine, *labels: str) -> int:
    """Remove containers, then networks, that have the labels; how many there were."""
    containers, networks = engine.labelled(*labels), engine.labelled_networks(*labels)
    return _remove(engine, containers, networks)


def _remove(engine: Engine, containers: list[Mapping[str, Any]], networks: list[Mapping[str, Any]]) -> int:
    for container in containers:
        with suppress(EngineError):  # somebody else was quicker
            engine.remove(container["Id"])
    for network in networks:
        with suppress(EngineError):
            engine.remove_network(network["Id"])
    return len(containers) + len(networks)


def _remove_of_gone_stacks() -> int:
    engine = Engine()
    try:
        containers = [found for found in engine.labelled(STACK_LABEL) if is_gone(found["Labels"][STACK_LABEL])]
        networks = [found for found in engine.labelled_networks(STACK_LABEL) if is_gone(found["Labels"][STACK_LABEL])]
        return _remove(engine, containers, networks)
    except EngineError:
        return 0  # without an engine there is nothing left over
    finally:
        engine.close()


async def remove_leftovers() -> int:
    """Remove what stacks left behind whose process is gone; how much that was. Live stacks keep theirs."""
    return await trio.to_thread.run_sync(_remove_of_gone_stacks, abandon_on_cancel=True)
