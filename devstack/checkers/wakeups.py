"""A job that lacks something has a reason to be looked at again.

Counted change by change, so that the look after each plan costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.models.execution import ComputeState, Execution
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.job import Job, JobType

__all__ = ["WakeChecker"]


@attrs.define
class _Open:
    """A job that is not over: its live executions, and how many have completed."""

    job: Job
    live: set[str] = attrs.field(factory=set)
    completed: int = 0

    @property
    def lacks(self) -> bool:
        if self.job.type == JobType.DAEMON:
            return False
        if self.job.type == JobType.OPS:
            return not self.live
        wanted = self.job.wanted - (self.completed if self.job.type == JobType.BATCH else 0)
        return len(self.live) < wanted or wanted <= 0


class WakeChecker(Checker):
    name = "reasons to wake"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._open: dict[str, _Open] = {}

    def forget(self) -> None:
        self._open.clear()

    def saw_job(self, now_ns: int, entry: JobHistory) -> None:
        if entry.new.is_terminal:
            self._open.pop(entry.job_id, None)
        elif entry.job_id not in self._open:
            self._open[entry.job_id] = _Open(self.facts.store.job(entry.job_id).job)

    def saw_execution(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        found = self._open.get(entry.job_id)
        if found is None:
            return
        if entry.new_revision == 1:
            found.live.add(entry.execution_id)
        elif execution.is_terminal and entry.execution_id in found.live:
            found.live.remove(entry.execution_id)
            self._look(found)

    def saw_end(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        found = self._open.get(entry.job_id)
        if found is not None and entry.new is ComputeState.COMPLETED:
            found.completed += 1
            self._look(found)

    def at_end(self) -> None:
        if self.cluster.has_power(self.cluster.requester_id):
            for found in list(self._open.values()):
                self._look(found)

    def saw_plan(self, now_ns: int, job_id: str) -> None:
        """The requester carried out a plan for the job: an evaluation is used up."""
        found = self._open.get(job_id)
        if found is not None:
            self._look(found)

    def _look(self, found: _Open) -> None:
        job_id = found.job.id
        if not found.lacks or self.cluster.requester.broker.will_look_at(job_id):
            return
        record = self.facts.store.get(job_id)
        # The job may have ended, or got what it lacked, in this very step; the store knows, our count does not yet.
        if record is None or record.is_terminal:
            return
        live = [e for e in record.executions.values() if not e.is_terminal]
        found.live, found.completed = (
            {e.id for e in live},
            sum(e.compute is ComputeState.COMPLETED for e in record.executions.values()),
        )
        if found.lacks:
            self.violated(
                "a job that lacks executions will be looked at again, and no evaluation of it waits", jobs=(job_id,)
            )

    def saw_unanswered(self, now_ns: int, execution_id: str) -> None:
        """A node did not answer, or refused: the execution is given up, or its node is asked again."""
        execution = self.facts.store.execution(execution_id)
        if execution is None or execution.is_terminal:
            return
        if execution.compute is ComputeState.NEW and not self.cluster.requester.awaits_reply(execution_id):
            self.violated("who is not answered asks again or gives up", execution=execution)
