"""A job's executions, sorted into what a scheduler asks of them, in one pass."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from devstack.models.execution import TERMINAL, ComputeState, DesiredState, Execution

__all__ = ["Executions", "expired", "newest_beyond", "oldest_first", "sort_out"]


@attrs.define
class Executions:
    """`live` ones still do something or may, in the order they were created."""

    live: list[Execution] = attrs.field(factory=list)
    failed: list[Execution] = attrs.field(factory=list)
    completed: int = 0


def sort_out(executions: Iterable[Execution], stopping_is_live: bool) -> Executions:
    """Sort by compute state.

    Bacalhau v1.4.0 ignores the desired state: what was told to stop counts as live until its node has answered. That
    is `stopping_is_live`; else such executions are left out.
    """
    found = Executions()
    live, failed, completed = found.live, found.failed, 0
    finished, broken, stopped = ComputeState.COMPLETED, ComputeState.FAILED, DesiredState.STOPPED
    for execution in executions:
        compute = execution.compute
        if compute is finished:
            completed += 1
        elif compute is broken:
            failed.append(execution)
        elif compute not in TERMINAL and (stopping_is_live or execution.desired is not stopped):
            live.append(execution)
    found.completed = completed
    return found


def oldest_first(executions: Iterable[Execution]) -> list[Execution]:
    """By the time of their last change; of equals the one created first."""
    return sorted(executions, key=lambda execution: execution.modify_time_ns)


def newest_beyond(executions: list[Execution], wanted: int) -> list[Execution]:
    """The executions that are too many, so that the `wanted` oldest stay."""
    return oldest_first(executions)[wanted:] if len(executions) > wanted else []


def expired(executions: Iterable[Execution], before_ns: int) -> list[Execution]:
    """Those that run since before that instant, by the time of their last change."""
    running = ComputeState.BID_ACCEPTED
    return [x for x in executions if x.modify_time_ns < before_ns and x.compute is running]
