"""An Event says why something changed; job history is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

__all__ = ["NO_EVENT", "Event", "Topic"]


class Topic:
    """Where in a job's way an event happened. Source: orchestrator reference 12.2, compute reference 1."""

    SUBMISSION: Final = "Submission"
    SCHEDULING: Final = "Scheduling"
    QUEUEING: Final = "Queueing"
    EXECUTION_TIMEOUT: Final = "Exec Timeout"
    JOB_TIMEOUT: Final = "Job Timeout"
    BIDDING: Final = "Requesting Node"
    PREPARING: Final = "Preparing Environment"
    RUNNING: Final = "Running Execution"
    PUBLISHING: Final = "Publishing Results"
    CANCELING: Final = "Canceling"


@attrs.frozen
class Event:
    message: str = ""
    topic: str = ""
    time_ns: int = 0
    details: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def of_error(
        cls, message: str, topic: str, time_ns: int, *, hint: str = "", retryable: bool = False,
        fails_execution: bool = False, details: Mapping[str, str] | None = None,
    ) -> Event:  # fmt: skip
        """An event made of an error; its details say so. Source: orchestrator reference 1.14."""
        known = {"IsError": "true", **(details or {})}
        if hint:
            known["Hint"] = hint
        if retryable:
            known["Retryable"] = "true"
        if fails_execution:
            known["FailsExecution"] = "true"
        return cls(message, topic, time_ns, known)


NO_EVENT: Final = Event()
