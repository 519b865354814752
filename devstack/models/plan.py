"""A Plan is what a scheduler wants done, as a value that the planner applies.

Source: orchestrator reference 1.12.
"""

from __future__ import annotations

import attrs

from devstack.models.evaluation import Evaluation
from devstack.models.event import NO_EVENT, Event
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.job import Job, JobState

__all__ = ["Plan", "PlannedUpdate"]


@attrs.define
class PlannedUpdate:
    """A wish for one execution; `compute` and `revision` are what the scheduler read, for the record may move on."""

    execution: Execution
    desired: DesiredState
    event: Event
    compute: ComputeState = attrs.field()
    revision: int = attrs.field()

    @compute.default
    def _compute_as_read(self) -> ComputeState:
        return self.execution.compute

    @revision.default
    def _revision_as_read(self) -> int:
        return self.execution.revision


@attrs.define
class Plan:
    """Changes to one job, made by one evaluation.

    `job_revision` and each execution's revision are those the scheduler read: the planner refuses a stale plan.
    """

    evaluation: Evaluation
    job: Job
    job_state: JobState
    job_revision: int
    desired_job_state: JobState = JobState.UNDEFINED
    event: Event = NO_EVENT
    new_executions: list[Execution] = attrs.field(factory=list)
    updates: dict[str, PlannedUpdate] = attrs.field(factory=dict)
    new_evaluations: list[Evaluation] = attrs.field(factory=list)

    @property
    def is_job_failed(self) -> bool:
        return self.desired_job_state is JobState.FAILED

    def stop(self, execution: Execution, event: Event) -> None:
        """Stop the execution; overrides what was planned for it before."""
        self.updates[execution.id] = PlannedUpdate(execution, DesiredState.STOPPED, event)

    def approve(self, execution: Execution) -> None:
        """Accept the execution's bid."""
        self.updates[execution.id] = PlannedUpdate(execution, DesiredState.RUNNING, NO_EVENT)

    def mark_completed(self) -> None:
        self.desired_job_state = JobState.COMPLETED
        self.new_executions.clear()

    def mark_queued(self, event: Event) -> None:
        self.desired_job_state, self.event = JobState.QUEUED, event

    def mark_failed(self, event: Event) -> None:
        """Fail the job: nothing new is started, and only stops remain of what was planned."""
        self.desired_job_state, self.event = JobState.FAILED, event
        self.new_executions.clear()
        self.updates = {k: u for k, u in self.updates.items() if u.desired is DesiredState.STOPPED}

    def mark_running_if_eligible(self) -> None:
        """A waiting job runs as soon as the plan has an execution that is to run."""
        if self.desired_job_state is not JobState.UNDEFINED:
            return
        if self.job_state not in (JobState.PENDING, JobState.QUEUED):
            return
        if any(e.desired is DesiredState.RUNNING for e in self.new_executions) or any(
            u.desired is DesiredState.RUNNING for u in self.updates.values()
        ):
            self.desired_job_state = JobState.RUNNING
