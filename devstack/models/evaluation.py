"""A request to look at a job again."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["Evaluation", "Trigger"]


class Trigger:
    """What made somebody ask for an evaluation. Source: orchestrator reference 1.11."""

    JOB_REGISTER: Final = "job-register"
    JOB_CANCEL: Final = "job-cancel"
    JOB_QUEUE: Final = "job-queue"
    JOB_TIMEOUT: Final = "job-timeout"
    EXEC_UPDATE: Final = "exec-update"
    EXEC_TIMEOUT: Final = "exec-timeout"
    NODE_JOIN: Final = "node-join"
    NODE_LEAVE: Final = "node-leave"


@attrs.frozen
class Evaluation:
    """One evaluation. `wait_until_ns` zero means: now."""

    id: str
    job_id: str
    type: str
    triggered_by: str
    namespace: str = ""
    priority: int = 0
    status: str = "pending"
    comment: str = ""
    wait_until_ns: int = 0
    create_time_ns: int = 0
    modify_time_ns: int = 0
