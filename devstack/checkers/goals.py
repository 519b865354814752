"""Once faults have stopped and a quiet time has passed, every job has what it asks for, or is over and says why.

Source: orchestrator reference 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from devstack.checkers.checker import Checker
from devstack.checkers.facts import REPORT_AGE_NS, Facts
from devstack.checkers.room import free_nodes, is_free
from devstack.checkers.violation import Violation
from devstack.models.execution import ComputeState, Execution
from devstack.models.gotext import SECOND_NS
from devstack.models.job import JobState, JobType
from devstack.orchestrator.store import JobRecord

__all__ = ["GoalChecker"]

# A node starts the same daemon or service at most that often, so that one whose program ends is away for so long.
REST_NS: Final = 10 * SECOND_NS


class GoalChecker(Checker):
    """A job that is being worked on is not waited for: that its executions are real is another checker's matter."""

    name = "every job reaches its goal"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        config = self.cluster.requester.config
        # By then a node has told of its room, and jobs that wait for it have been looked at.
        self._noticed_ns = REPORT_AGE_NS + config.queue_backoff_ns + config.housekeeping_interval_ns

    def open_ends(self, *, is_last: bool) -> Iterable[Violation]:
        steady_since_ns = self.cluster.now_ns - self._noticed_ns if is_last else None
        for record in self.facts.store.in_progress():
            judge = self._daemon if record.job.type == JobType.DAEMON else self._counted
            why = judge(record, steady_since_ns)
            if why:
                yield self.finding(why, jobs=(record.job.id,))

    def at_end(self) -> None:
        for record in self.facts.store.jobs():
            if record.state is JobState.FAILED and not record.message:
                self.violated("a job that failed says why", jobs=(record.job.id,))

    def _counted(self, record: JobRecord, steady_since_ns: int | None) -> str:
        """Why a batch, service or ops job is not where it should be; empty if it is."""
        job = record.job
        live = [execution for execution in record.executions.values() if not execution.is_terminal]
        completed = sum(execution.compute is ComputeState.COMPLETED for execution in record.executions.values())
        if job.type == JobType.OPS:
            return "" if live else "an ops job of which nothing runs any more is over"
        lacking = job.wanted - len(live) - (completed if job.type == JobType.BATCH else 0)
        if lacking < 0:
            return f"no more executions are live than the job wants, and {-lacking} are"
        if lacking == 0:
            return "" if live else "a job that has all it asks for is over"
        if self._rests(record.executions.values()):
            return ""
        return self._why_short(record, lacking, steady_since_ns)

    def _why_short(self, record: JobRecord, lacking: int, steady_since_ns: int | None) -> str:
        if not self.cluster.requester.broker.will_look_at(record.job.id):
            return f"a job that lacks {lacking} executions will be looked at again"
        if not self.cluster.requester.nodes.eligible():
            return ""  # It waits for a node to connect, for as long as that takes.
        if free := free_nodes(self.facts, record, steady_since_ns):
            return f"a job that lacks {lacking} executions gets them while {', '.join(free)} could take them"
        config = self.cluster.requester.config
        limit_ns = record.job.task.timeouts.queue_s * SECOND_NS + config.queue_backoff_ns
        if self.cluster.now_ns - record.create_time_ns > limit_ns + config.housekeeping_interval_ns:
            return f"a job that lacks {lacking} executions for longer than it may queue is failed"
        return ""

    def _daemon(self, record: JobRecord, steady_since_ns: int | None) -> str:
        """Why a daemon job is not on all the nodes that it should be on; empty if it is."""
        by_node: dict[str, list[Execution]] = {}
        for execution in record.executions.values():
            by_node.setdefault(execution.node_id, []).append(execution)
        for state in self.cluster.requester.nodes.eligible():
            node_id = state.info.node_id
            past = by_node.get(node_id, [])
            live = sum(not execution.is_terminal for execution in past)
            is_missing = live == 0 and not self._rests(past)
            if live > 1 or (is_missing and is_free(self.facts, node_id, record.job, steady_since_ns=steady_since_ns)):
                return f"a daemon has one execution on every node that suits it, and {live} on {node_id}"
        return ""

    def _rests(self, executions: Iterable[Execution]) -> bool:
        """Whether one of them began so lately that its node may not begin another."""
        return any(self.cluster.now_ns - execution.create_time_ns <= REST_NS + SECOND_NS for execution in executions)
