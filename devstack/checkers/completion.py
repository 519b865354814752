"""What "completed" promises: enough executions, each with its output, each of a program that really came to its end.

Source: orchestrator reference 2.1, 5 and 9.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.job import Job, JobState, JobType
from devstack.orchestrator.store import JobRecord

__all__ = ["CompletionChecker"]

C = ComputeState


@attrs.define
class _Tally:
    """The completed executions of one job; `in_turn` are those that had not been told to stop before."""

    completed: int = 0
    in_turn: int = 0


class CompletionChecker(Checker):
    name = "completion"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._tallies: dict[str, _Tally] = {}
        self._told_to_stop: set[str] = set()

    def forget(self) -> None:
        self._tallies.clear()
        self._told_to_stop.clear()

    def saw_job(self, now_ns: int, entry: JobHistory) -> None:
        if entry.new is JobState.COMPLETED:
            self._job_completed(self.facts.store.job(entry.job_id))

    # ---- executions ----------------------------------------------------------------------------------------

    def saw_execution(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        if entry.new is entry.previous and execution.desired is DesiredState.STOPPED:
            self._told_to_stop.add(entry.execution_id)

    def saw_end(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        job = self.facts.store.job(entry.job_id).job
        if entry.new is C.COMPLETED:
            self._has_output(execution, job)
            self._count(execution, job)
        else:
            self._has_no_result(execution, job)

    def _has_output(self, execution: Execution, job: Job) -> None:
        output, true = execution.run_output, self.facts.results.get(execution.id)
        publisher, published = job.task.publisher, execution.published_result
        if output is None:
            self.violated("a completed execution has its output", execution=execution)
        elif true is None:
            self.violated("an execution completes when its program has come to its end", execution=execution)
        elif output != true:
            self.violated("a completed execution has the output of its program", execution=execution)
        elif true.error_msg:
            self.violated("an execution whose program failed does not complete", execution=execution)
        if publisher is not None and publisher.key not in ("", "noop") and (published is None or not published.type):
            self.violated("a completed execution has its published result", execution=execution)

    def _count(self, execution: Execution, job: Job) -> None:
        tally = self._tallies.setdefault(job.id, _Tally())
        tally.completed += 1
        if job.type == JobType.BATCH and job.wanted == 1 and tally.completed > 1:
            self.violated(
                "of a job of Count 1 one execution completes, whatever became of the others", execution=execution
            )
        if execution.id in self._told_to_stop:
            return  # It was given up, and perhaps replaced, before it could tell of its success.
        tally.in_turn += 1
        if job.type == JobType.BATCH and tally.in_turn > job.wanted:
            self.violated(f"no more executions complete than Count, which is {job.wanted}", execution=execution)

    def _has_no_result(self, execution: Execution, job: Job) -> None:
        published = execution.published_result
        # The program of a daemon or a service that ends by itself counts as failed, and still leaves its result.
        if published is not None and published.type and not job.is_long_running:
            self.violated("a published result belongs to a completed execution", execution=execution)

    # ---- jobs ----------------------------------------------------------------------------------------------

    def _job_completed(self, record: JobRecord) -> None:
        job, tally = record.job, self._tallies.get(record.job.id, _Tally())
        completed = [e for e in record.executions.values() if e.compute is C.COMPLETED]
        if len(completed) < tally.completed:
            self.violated(
                f"completions never become fewer: there were {tally.completed} and are {len(completed)}", jobs=(job.id,)
            )
        if job.type == JobType.BATCH and len(completed) < job.wanted:
            self.violated(
                f"a completed job has Count completed executions: it has {len(completed)} of {job.wanted}",
                jobs=(job.id,),
            )
        elif job.type == JobType.OPS:
            self._everywhere(record)

    def _everywhere(self, record: JobRecord) -> None:
        latest = {execution.node_id: execution for execution in record.executions.values()}
        for execution in latest.values():
            if execution.compute is not C.COMPLETED:
                self.violated("a completed ops job has completed on all its nodes", execution=execution)
