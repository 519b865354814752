"""Jobs and executions change only as their tables allow, and their history tells the same story.

Source: orchestrator reference 2.1 and 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.models.execution import TERMINAL, ComputeState, DesiredState, Execution
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.job import JobState
from devstack.orchestrator.store import HistoryEntry, JobRecord

__all__ = ["EXECUTION_STEPS", "JOB_STEPS", "TransitionChecker"]

J = JobState
_ENDS: Final = frozenset({J.COMPLETED, J.FAILED, J.STOPPED})
JOB_STEPS: Final[Mapping[JobState, frozenset[JobState]]] = {
    J.PENDING: _ENDS | {J.QUEUED, J.RUNNING},
    J.QUEUED: _ENDS | {J.RUNNING},
    J.RUNNING: _ENDS | {J.QUEUED},
}

C = ComputeState
_ANY_END: Final = frozenset({C.COMPLETED, C.FAILED, C.CANCELLED})
EXECUTION_STEPS: Final[Mapping[ComputeState, frozenset[ComputeState]]] = {
    C.NEW: _ANY_END | {C.ASK_FOR_BID, C.ASK_FOR_BID_ACCEPTED, C.ASK_FOR_BID_REJECTED, C.BID_ACCEPTED},
    C.ASK_FOR_BID: frozenset({C.ASK_FOR_BID_ACCEPTED, C.ASK_FOR_BID_REJECTED, C.FAILED, C.CANCELLED}),
    # Cancelled: it was stopped while its bid was under way.
    C.ASK_FOR_BID_ACCEPTED: _ANY_END | {C.BID_ACCEPTED, C.BID_REJECTED},
    C.BID_ACCEPTED: _ANY_END,
}


@attrs.define
class _Known:
    """The last state that an entry told of."""

    state: int
    revision: int
    is_stopped: bool = False


class TransitionChecker(Checker):
    name = "legal transitions"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._jobs: dict[str, _Known] = {}
        self._executions: dict[str, _Known] = {}

    def forget(self) -> None:
        self._jobs.clear()
        self._executions.clear()

    def saw_job(self, now_ns: int, entry: JobHistory) -> None:
        known = self._jobs.get(entry.job_id)
        if known is None:
            self._jobs[entry.job_id] = _Known(entry.new, entry.new_revision)
            if entry.new_revision == 1 and (entry.previous, entry.new) != (J.PENDING, J.PENDING):
                self._wrong(entry, f"a job begins as Pending, not as {entry.new.text}")
            return
        if self._follows(known, entry) and entry.new not in JOB_STEPS.get(entry.previous, ()):
            self._wrong(entry, f"a job does not go from {entry.previous.text} to {entry.new.text}")
        known.state, known.revision = entry.new, entry.new_revision

    def saw_execution(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        known = self._executions.get(entry.execution_id)
        if known is None:
            self._executions[entry.execution_id] = _Known(entry.new, entry.new_revision)
            if entry.new_revision == 1 and (entry.previous, entry.new) != (C.NEW, C.NEW):
                self._wrong(entry, f"an execution begins as New, not as {entry.new.text}")
            return
        if self._follows(known, entry):
            self._step(known, entry, execution)
        known.state, known.revision = entry.new, entry.new_revision

    def _step(self, known: _Known, entry: ExecutionHistory, execution: Execution) -> None:
        previous, new = entry.previous, entry.new
        if new not in EXECUTION_STEPS.get(previous, ()) and (new is not previous or new in TERMINAL):
            self._wrong(entry, f"an execution does not go from {previous.text} to {new.text}")
        if execution.desired is DesiredState.STOPPED:
            known.is_stopped = True
        elif known.is_stopped:
            self._wrong(entry, "an execution that was told to stop stays told to stop")

    def _follows(self, known: _Known, entry: HistoryEntry) -> bool:
        if known.state == entry.previous and known.revision + 1 == entry.new_revision:
            return True
        self._wrong(
            entry,
            f"a change goes on from the last one, which left state {known.state:d} and revision {known.revision}",
        )
        return False

    def _wrong(self, entry: HistoryEntry, what: str) -> None:
        text = f"{entry.previous.text} > {entry.new.text}, revision {entry.new_revision} {entry.event.message}"
        if isinstance(entry, JobHistory):
            self.violated(what, jobs=(entry.job_id,), event=text)
        else:
            self.violated(
                what, nodes=(entry.node_id,), jobs=(entry.job_id,), executions=(entry.execution_id,), event=text
            )

    def at_end(self) -> None:
        for record in self.facts.store.jobs():
            self._replay(record)

    def _replay(self, record: JobRecord) -> None:
        """The history, read from its beginning, ends where the records stand."""
        last: dict[str, tuple[int, int]] = {}
        for entry in record.history:
            key = entry.job_id if isinstance(entry, JobHistory) else entry.execution_id
            last[key] = (entry.new, entry.new_revision)
        stored: dict[str, tuple[int, int]] = {record.job.id: (record.state, record.revision)}
        stored.update((e.id, (e.compute, e.revision)) for e in record.executions.values())
        if last != stored:
            wrong = sorted(key for key in last.keys() | stored.keys() if last.get(key) != stored.get(key))
            self.violated(f"history agrees with state, and does not for {', '.join(wrong)}", jobs=(record.job.id,))
