"""The requester's job store: jobs, their executions, and the history that every change writes.

One writer, no clock: each write takes the time it happens at. A write is checked in full before anything is
changed, so that a refused one leaves no trace. Source: orchestrator reference 15.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from itertools import islice, takewhile

import attrs

from devstack.errors import ConflictError, LateInvalidJobError, NotFoundError
from devstack.models.event import NO_EVENT, Event
from devstack.models.execution import TERMINAL, ComputeState, DesiredState, Execution, RunCommandResult
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.job import Job, JobState, SpecConfig

__all__ = ["HistoryEntry", "JobRecord", "JobStore", "StateConflictError"]

HistoryEntry = JobHistory | ExecutionHistory


class StateConflictError(ConflictError):
    """A write's condition does not hold: somebody else changed the thing first."""


@attrs.define
class JobRecord:
    """A stored job and all that hangs on it; `executions` are in the order they were created."""

    job: Job
    digest: str
    state: JobState = JobState.PENDING
    message: str = ""
    revision: int = 1
    create_time_ns: int = 0
    modify_time_ns: int = 0
    completed: int = 0
    executions: dict[str, Execution] = attrs.field(factory=dict)
    history: list[HistoryEntry] = attrs.field(factory=list)

    @property
    def is_terminal(self) -> bool:
        return self.state >= JobState.COMPLETED


class JobStore:
    """All jobs of one requester.

    `journal` collects the history entries written since it was last taken; the cluster puts them into the trace.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, JobRecord] = {}
        self._ids: list[str] = []
        self._ids_are_sorted = True
        self._executions: dict[str, Execution] = {}
        self._in_progress: dict[str, JobRecord] = {}
        self.journal: list[HistoryEntry] = []

    # ---- reading -------------------------------------------------------------------------------------------

    def jobs(self, newest_first: bool = False) -> Iterator[JobRecord]:
        """All jobs, oldest first (or last)."""
        return reversed(self._jobs.values()) if newest_first else iter(self._jobs.values())

    def jobs_by_id(self, backwards: bool = False) -> Iterator[JobRecord]:
        """All jobs in the order of their ids."""
        ids = self._sorted_ids()
        return (self._jobs[job_id] for job_id in (reversed(ids) if backwards else ids))

    def _sorted_ids(self) -> list[str]:
        # Sorted when somebody asks: jobs come more often, and sorting what is sorted but for its end is quick.
        if not self._ids_are_sorted:
            self._ids.sort()
            self._ids_are_sorted = True
        return self._ids

    def in_progress(self) -> list[JobRecord]:
        """The jobs that are not over, oldest first."""
        return list(self._in_progress.values())

    def job(self, job_id: str) -> JobRecord:
        """The job of exactly that id.

        Raises:
            NotFoundError: there is none.
        """
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFoundError(f"job not found: {job_id}") from None

    def get(self, job_id: str) -> JobRecord | None:
        return self._jobs.get(job_id)

    def ids_with_prefix(self, prefix: str) -> list[str]:
        """Sorted ids of the jobs whose id begins so."""
        ids = self._sorted_ids()
        from_here_on = islice(ids, bisect_left(ids, prefix), None)
        return list(takewhile(lambda job_id: job_id.startswith(prefix), from_here_on))

    def execution(self, execution_id: str) -> Execution | None:
        return self._executions.get(execution_id)

    # ---- writing -------------------------------------------------------------------------------------------

    def create_job(self, job: Job, digest: str, event: Event, now_ns: int) -> JobRecord:
        """Store a new job as Pending.

        Raises:
            LateInvalidJobError: its id is taken.
        """
        if job.id in self._jobs:
            raise LateInvalidJobError(f"job already exists: {job.id}")
        record = JobRecord(job, digest, create_time_ns=now_ns, modify_time_ns=now_ns)
        self._jobs[job.id] = self._in_progress[job.id] = record
        self._ids.append(job.id)
        self._ids_are_sorted = False
        self._write(record, JobHistory(job.id, JobState.PENDING, JobState.PENDING, 1, now_ns, event))
        return record

    def check_job(self, record: JobRecord, expected_revision: int, state: JobState) -> None:
        """Whether the job may go to `state`.

        Raises:
            StateConflictError: it was changed since `expected_revision` (0 = don't care), or is over.
        """
        job_id = record.job.id
        if expected_revision and record.revision != expected_revision:
            raise StateConflictError(f"job {job_id} has version {record.revision} but expected {expected_revision}")
        if record.is_terminal:
            raise StateConflictError(
                f"job {job_id} is in terminal state {record.state.text} and cannot transition to {state.text}"
            )

    def update_job(
        self, record: JobRecord, state: JobState, event: Event, now_ns: int, expected_revision: int = 0
    ) -> None:
        """Move the job to `state`; the event's message replaces the job's."""
        self.check_job(record, expected_revision, state)
        previous = record.state
        record.state, record.message = state, event.message
        record.revision += 1
        record.modify_time_ns = now_ns
        if record.is_terminal:
            self._in_progress.pop(record.job.id, None)
        self._write(record, JobHistory(record.job.id, previous, state, record.revision, now_ns, event))

    def create_execution(self, execution: Execution, event: Event, now_ns: int) -> None:
        """Store a new execution.

        Raises:
            NotFoundError: its job is unknown.
            StateConflictError: its id is taken.
        """
        record = self.job(execution.job_id)
        if execution.id in self._executions:
            raise StateConflictError(f"execution already exists: {execution.id}")
        execution.create_time_ns = execution.modify_time_ns = now_ns
        execution.revision = 1
        record.executions[execution.id] = self._executions[execution.id] = execution
        self._log(record, execution, execution.compute, event, now_ns)

    def check_execution(
        self,
        execution: Execution,
        expected_states: Collection[ComputeState] = (),
        expected_revision: int = 0,
        unexpected_states: Collection[ComputeState] = (),
        target: ComputeState | None = None,
    ) -> None:
        """Whether the execution may be changed under these conditions (empty or 0 = don't care).

        Raises:
            StateConflictError: a condition does not hold, or the execution is over.
        """
        state, execution_id = execution.compute, execution.id
        if expected_states and state not in expected_states:
            raise StateConflictError(f"execution {execution_id} is in unexpected state {state.text}")
        if expected_revision and execution.revision != expected_revision:
            raise StateConflictError(
                f"execution {execution_id} has version {execution.revision} but expected {expected_revision}"
            )
        if state in unexpected_states:
            raise StateConflictError(f"execution {execution_id} is in state {state.text}, but expected []")
        if state in TERMINAL:
            raise StateConflictError(
                f"execution {execution_id} is in terminal state {state.text} and cannot transition to "
                f"{(state if target is None else target).text}"
            )

    def update_execution(
        self,
        execution: Execution,
        now_ns: int,
        *,
        compute: ComputeState | None = None,
        compute_message: str = "",
        desired: DesiredState | None = None,
        desired_message: str = "",
        published_result: SpecConfig | None = None,
        run_output: RunCommandResult | None = None,
        event: Event = NO_EVENT,
        expected_states: Collection[ComputeState] = (),
        expected_revision: int = 0,
        unexpected_states: Collection[ComputeState] = (),
    ) -> None:
        """Change what is given; what is not given (or an empty message) stays as it was.

        Raises:
            StateConflictError: see `check_execution`; nothing was changed.
        """
        self.check_execution(execution, expected_states, expected_revision, unexpected_states, compute)
        record, previous = self._jobs[execution.job_id], execution.compute
        if compute is not None:
            execution.compute = compute
            if compute is ComputeState.BID_ACCEPTED:
                execution.has_run = True
            elif compute is ComputeState.COMPLETED:
                record.completed += 1
        if compute_message:
            execution.compute_message = compute_message
        if desired is not None:
            execution.desired = desired
        if desired_message:
            execution.desired_message = desired_message
        if published_result is not None:
            execution.published_result = published_result
        if run_output is not None:
            execution.run_output = run_output
        execution.revision += 1
        execution.modify_time_ns = now_ns
        self._log(record, execution, previous, event, now_ns)

    def _log(self, record: JobRecord, execution: Execution, previous: ComputeState, event: Event, now_ns: int) -> None:
        entry = ExecutionHistory(
            execution.job_id, execution.id, execution.node_id, previous, execution.compute, execution.revision,
            now_ns, event,
        )  # fmt: skip
        self._write(record, entry)

    def _write(self, record: JobRecord, entry: HistoryEntry) -> None:
        record.history.append(entry)
        self.journal.append(entry)
