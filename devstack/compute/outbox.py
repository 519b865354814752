"""What a node's machine wants done, in order, until the surroundings come for it."""

from __future__ import annotations

from typing import Any

from devstack.messages import Send

__all__ = ["Outbox"]


class Outbox:
    __slots__ = ("_requester_id", "actions")

    def __init__(self, requester_id: str) -> None:
        self.actions: list[Any] = []
        self._requester_id = requester_id

    def add(self, action: Any) -> None:
        self.actions.append(action)

    def send(self, target: str, message: Any) -> None:
        self.actions.append(Send(target, message))

    def tell(self, message: Any) -> None:
        """Send to the requester."""
        self.actions.append(Send(self._requester_id, message))

    def drain(self) -> list[Any]:
        actions = self.actions
        if actions:
            self.actions = []
        return actions
