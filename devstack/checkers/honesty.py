"""What is told as the reason of a failure is true.

Source: orchestrator reference 5.1, 7.5 and 12.2, compute reference 4.
"""

from __future__ import annotations

from collections.abc import Callable

from devstack.checkers.checker import Checker
from devstack.checkers.facts import REPORT_AGE_NS, Facts
from devstack.checkers.room import free_nodes
from devstack.checkers.violation import Violation
from devstack.compute.lifecycle import LocalExecutionState
from devstack.models.execution import ComputeState, Execution
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.job import JobState

__all__ = ["HonestyChecker"]


class HonestyChecker(Checker):
    name = "honest failure"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._accepted_ns: dict[str, int] = {}

    def forget(self) -> None:
        self._accepted_ns.clear()

    def saw_job(self, now_ns: int, entry: JobHistory) -> None:
        if entry.new is JobState.FAILED:
            self._job_failed(now_ns, entry)

    def saw_end(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        if entry.new is ComputeState.FAILED:
            self._execution_failed(entry, execution)

    def saw_execution(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        if entry.new is ComputeState.BID_ACCEPTED:
            if entry.previous is not ComputeState.BID_ACCEPTED:
                self._accepted_ns[entry.execution_id] = now_ns
            elif entry.event.message.startswith("Execution timed out"):
                self._given_up_as_late(now_ns, entry, execution)

    # ---- executions ----------------------------------------------------------------------------------------

    def _execution_failed(self, entry: ExecutionHistory, execution: Execution) -> None:
        message = entry.event.message
        if message.startswith("Execution timed out after"):
            self._timed_out_on_node(entry, execution)
        elif message == "Failed due to node restart":
            if not self.cluster.was_disturbed(entry.node_id, execution.create_time_ns):
                self.violated("who fails for a restart was on a node that restarted", execution=execution)
        elif message.endswith("did not answer") and entry.previous is ComputeState.BID_ACCEPTED:
            self.violated(
                "a node that has agreed to run an execution has answered",
                execution=execution, event=message,
            )  # fmt: skip
        self._succeeded(entry, execution)

    def _timed_out_on_node(self, entry: ExecutionHistory, execution: Execution) -> None:
        held_ns = self.facts.held_ns.get(entry.execution_id)
        if held_ns is None or self.cluster.was_disturbed(entry.node_id, execution.create_time_ns):
            return
        job = self.facts.store.job(entry.job_id).job
        limit_ns = job.task.timeouts.effective_execution_s * SECOND_NS
        limit_ns = limit_ns or self.cluster.nodes[entry.node_id].config.default_timeout_ns
        if held_ns < limit_ns:
            self._too_early(entry, execution, limit_ns, held_ns)

    def _given_up_as_late(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        accepted_ns = self._accepted_ns.get(entry.execution_id)
        if accepted_ns is None or self._is_skewed(accepted_ns):
            return
        limit_ns = self.facts.store.job(entry.job_id).job.task.timeouts.effective_execution_s * SECOND_NS
        if now_ns - accepted_ns < limit_ns:
            self._too_early(entry, execution, limit_ns, now_ns - accepted_ns)

    def _too_early(self, entry: ExecutionHistory, execution: Execution, limit_ns: int, had_ns: int) -> None:
        self.violated(
            f"an execution times out when its {duration_text(limit_ns)} are over, and had {duration_text(had_ns)}",
            execution=execution, event=entry.event.message,
        )  # fmt: skip

    def _succeeded(self, entry: ExecutionHistory, execution: Execution) -> None:
        """Work that succeeded, and could be told of, is not failed."""
        node = self.cluster.nodes.get(entry.node_id)
        record = None if node is None else node.store.get(entry.execution_id)
        if record is None or record.state is not LocalExecutionState.COMPLETED or record.job.is_long_running:
            return
        if self.facts.is_calm(record.create_time_ns, entry.node_id):
            self.violated(
                "an execution that has succeeded does not fail",
                execution=execution, event=entry.event.message,
            )  # fmt: skip

    def _is_skewed(self, since_ns: int) -> bool:
        """Whether what the requester's clock says of a duration since then may be wrong."""
        return self.facts.is_skewed or self.cluster.was_disturbed(self.cluster.requester_id, since_ns)

    # ---- jobs ----------------------------------------------------------------------------------------------

    def _job_failed(self, now_ns: int, entry: JobHistory) -> None:
        message, record = entry.event.message, self.facts.store.job(entry.job_id)
        if message.startswith("Job timed out"):
            total_ns, age_ns = record.job.task.timeouts.total_s * SECOND_NS, now_ns - record.create_time_ns
            if age_ns < total_ns and not self._is_skewed(record.create_time_ns):
                self.violated(
                    f"a job times out when its {duration_text(total_ns)} are over, and was {duration_text(age_ns)} old",
                    jobs=(entry.job_id,), event=message,
                )  # fmt: skip
        elif message.startswith("not enough nodes") and self.facts.is_calm(now_ns - REPORT_AGE_NS):
            self._enough_nodes(now_ns, entry)

    def _enough_nodes(self, now_ns: int, entry: JobHistory) -> None:
        """Not enough nodes means that fewer could take the job than it lacked."""
        record = self.facts.store.job(entry.job_id)
        free = free_nodes(self.facts, record, steady_since_ns=now_ns - REPORT_AGE_NS)
        if len(free) >= int(entry.event.details["NodesRequested"]):
            self.violated(
                "a job that fails for lack of nodes lacks them, and there were some that could take it", nodes=free,
                jobs=(entry.job_id,), event=entry.event.message.splitlines()[0],
            )  # fmt: skip
