"""Copies a running world fast: what can change is copied, what cannot is shared.

Most of a world is what it remembers: jobs, history, messages, settings, the trace. These are values that nobody
changes, so that the copy may hold the very same ones; only the machines' own records are pickled.
"""

from __future__ import annotations

import copyreg
import gc
import io
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs

from devstack import messages
from devstack.behaviour import Behaviour
from devstack.compute.config import ComputeConfig
from devstack.errors import UsageError
from devstack.faults import Fault
from devstack.kernel import Trace
from devstack.models.evaluation import Evaluation
from devstack.models.event import Event
from devstack.models.execution import Execution, RunCommandResult
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.job import Job, SpecConfig
from devstack.models.node import NodeInfo, NodeState
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.store import JobRecord

__all__ = ["copied"]

_MESSAGES: Final = (
    messages.AskForBid, messages.BidAccepted, messages.BidRejected, messages.BidResult, messages.CancelExecution,
    messages.CancelResult, messages.ComputeError, messages.ExecutionReply, messages.Heartbeat,
    messages.ManagementReply, messages.Reconcile, messages.Register, messages.RunResult, messages.UpdateInfo,
    messages.UpdateResources,
)  # fmt: skip
_VALUES: Final = (
    Behaviour, ComputeConfig, Event, Evaluation, ExecutionHistory, Fault, Job, JobHistory, NodeInfo, NodeState,
    RequesterConfig, Resources, RunCommandResult, SpecConfig, *_MESSAGES,
)  # fmt: skip


class _Shared:
    """What a copy has in common with its original, by number, while it is made."""

    current: list[Any]


def _shared(number: int) -> Any:
    return _Shared.current[number]


def _record(number: int, executions: dict[str, Execution]) -> JobRecord:
    """A job's record with a history of its own. Most of a world are the entries of histories."""
    record: JobRecord = _shared(number)
    return attrs.evolve(record, executions=executions, history=record.history.copy())


def copied(world: Any) -> Any:
    """A copy that lives its own life.

    Raises:
        UsageError: something in it cannot be copied.
    """
    shared: list[Any] = []

    def share(value: Any) -> tuple[Callable[[int], Any], tuple[int]]:
        shared.append(value)
        return _shared, (len(shared) - 1,)

    def share_history(record: JobRecord) -> tuple[Callable[..., JobRecord], tuple[int, dict[str, Execution]]]:
        shared.append(record)
        return _record, (len(shared) - 1, record.executions)

    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=5)
    pickler.dispatch_table = {
        **copyreg.dispatch_table, **dict.fromkeys(_VALUES, share), JobRecord: share_history,
        Trace: lambda trace: share(trace.copy()),
    }  # fmt: skip
    with _collecting_nothing():
        try:
            pickler.dump(world)
        except (pickle.PicklingError, TypeError, AttributeError) as exc:
            raise UsageError(f"this world cannot be copied: {exc}") from None
        _Shared.current = shared
        try:
            return pickle.loads(buffer.getbuffer())
        finally:
            _Shared.current = []


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """A copy makes no garbage, and to look for some among all that lives takes twice as long as the copy."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
