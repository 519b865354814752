"""Requests to compute nodes that are under way. Source: orchestrator reference 8 (2)."""

from __future__ import annotations

from typing import Final

import attrs

from devstack.messages import AskForBid, BidAccepted, BidRejected, CancelExecution
from devstack.orchestrator.planner import Call
from devstack.orchestrator.store import JobRecord

__all__ = ["ENDING", "OFFERING", "OutstandingCall", "OutstandingCalls", "Request", "request_of"]

Request = AskForBid | BidAccepted | BidRejected | CancelExecution
OFFERING: Final = frozenset({"AskForBid", "BidAccepted"})
"""Without an answer nobody knows whether the node has the execution, so that it is given up."""
ENDING: Final = frozenset({"BidRejected", "CancelExecution"})
"""Said again until the node answers; a node that knows of no such execution has nothing left to end."""


@attrs.frozen
class OutstandingCall:
    """A request that has not been answered yet."""

    call: Call
    name: str
    deadline_ns: int


def request_of(call: Call, record: JobRecord) -> Request:
    """The message that carries the call."""
    execution_id = call.execution.id
    match call.kind:
        case "ask" | "ask-direct":
            return AskForBid(execution_id, record.job, record.digest, call.kind == "ask")
        case "accept":
            return BidAccepted(execution_id)
        case "reject":
            return BidRejected(execution_id, call.justification)
        case "cancel":
            return CancelExecution(execution_id, call.justification)


class OutstandingCalls:
    """In the order of their deadlines, for all wait equally long. One an execution and kind: a later one replaces."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], OutstandingCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: OutstandingCall) -> None:
        key = call.call.execution.id, call.name
        self._calls.pop(key, None)  # It would keep its place, and with it an earlier deadline's.
        self._calls[key] = call

    def take(self, execution_id: str, name: str) -> OutstandingCall | None:
        """The call that this is the answer to; None if nobody waits for it (any more)."""
        return self._calls.pop((execution_id, name), None)

    def awaits(self, execution_id: str) -> bool:
        """Whether some answer about that execution is still to come. Looks at all calls: for rare use."""
        return any(key[0] == execution_id for key in self._calls)

    def take_expired(self, now_ns: int) -> OutstandingCall | None:
        """The next call that went unanswered for too long."""
        oldest = next(iter(self._calls.values()), None)
        if oldest is None or oldest.deadline_ns > now_ns:
            return None
        return self.take(oldest.call.execution.id, oldest.name)

    def next_deadline_ns(self) -> int | None:
        return next((call.deadline_ns for call in self._calls.values()), None)
