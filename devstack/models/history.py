"""Job history: one entry for each change of a job or one of its executions.

Nobody changes an entry. They are not frozen for speed alone: making a frozen value takes several times as long.
"""

from __future__ import annotations

import attrs

from devstack.models.event import NO_EVENT, Event
from devstack.models.execution import ComputeState
from devstack.models.job import JobState

__all__ = ["ExecutionHistory", "JobHistory"]


@attrs.define
class JobHistory:
    """A job-level entry. `comment` on the wire is the event's message."""

    job_id: str
    previous: JobState
    new: JobState
    new_revision: int
    time_ns: int
    event: Event = NO_EVENT


@attrs.define
class ExecutionHistory:
    """An execution-level entry."""

    job_id: str
    execution_id: str
    node_id: str
    previous: ComputeState
    new: ComputeState
    new_revision: int
    time_ns: int
    event: Event = NO_EVENT
