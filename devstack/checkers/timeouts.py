"""Timeouts fire when they should. That they never fire before is a matter of honesty.

Source: compute reference 4, orchestrator reference 5.1 and 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts, Hold
from devstack.checkers.violation import Violation
from devstack.compute.actions import Discard, Publish, StopRun
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.history import JobHistory
from devstack.models.job import Job, JobState
from devstack.orchestrator.store import JobRecord

__all__ = ["TimeoutChecker"]

# Messages travel, and clocks of machines that were just set right may be off by as much as this.
SLACK_NS: Final = SECOND_NS


class TimeoutChecker(Checker):
    """Is told of an action before the facts are: they show what ran until now."""

    name = "timeouts"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        config = self.cluster.requester.config
        # A total timeout is found by housekeeping at the latest: buffer, then the next round.
        self._grace_ns = config.housekeeping_buffer_ns + 2 * config.housekeeping_interval_ns + SLACK_NS

    # ---- on the node ---------------------------------------------------------------------------------------

    def saw_action(self, now_ns: int, node_id: str, action: Any) -> None:
        """What runs, runs no longer than its limit, whatever ends it."""
        kind = type(action)
        if kind is StopRun or kind is Publish or kind is Discard:
            hold = self.facts.holds_on(node_id).get(action.execution_id)
            if hold is not None and hold.is_running:
                self._check_run(now_ns, hold)

    def saw_report(self, now_ns: int, node_id: str, event: Any) -> None:
        hold = self.facts.holds_on(node_id).get(event.execution_id)
        if hold is not None and hold.is_running:
            self._check_run(now_ns, hold)

    def at_end(self) -> None:
        for holds in self.facts.holds.values():
            for hold in holds.values():
                if hold.is_running:
                    self._check_run(self.cluster.now_ns, hold)
        if self.cluster.has_power(self.cluster.requester_id):
            for record in self.facts.store.in_progress():
                self._check_job(self.cluster.now_ns, record)

    def _check_run(self, now_ns: int, hold: Hold) -> None:
        limit_ns = self.facts.limit_ns(hold)
        if (
            limit_ns
            and now_ns - hold.since_ns > limit_ns
            and not self.cluster.was_disturbed(hold.node_id, hold.since_ns)
        ):
            self.violated(
                f"an execution ends within its timeout of {duration_text(limit_ns)}, and has run for "
                f"{duration_text(now_ns - hold.since_ns)}",
                nodes=(hold.node_id,), jobs=(hold.job.id,), executions=(hold.execution_id,),
            )  # fmt: skip

    # ---- at the requester ----------------------------------------------------------------------------------

    def saw_job(self, now_ns: int, entry: JobHistory) -> None:
        if entry.new.is_terminal and entry.new is not JobState.STOPPED:
            self._check_job(now_ns, self.facts.store.job(entry.job_id))

    def _check_job(self, now_ns: int, record: JobRecord) -> None:
        total_ns = _total_ns(record.job)
        if (
            not total_ns
            or self.facts.is_skewed
            or self.cluster.was_disturbed(self.cluster.requester_id, now_ns - self._grace_ns)
        ):
            return
        if now_ns - record.create_time_ns > total_ns + self._grace_ns:
            self.violated(
                f"a job ends within its total timeout of {duration_text(total_ns)} and one round of housekeeping, and "
                f"is {duration_text(now_ns - record.create_time_ns)} old",
                jobs=(record.job.id,),
            )  # fmt: skip


def _total_ns(job: Job) -> int:
    return 0 if job.is_long_running else job.task.timeouts.total_s * SECOND_NS
