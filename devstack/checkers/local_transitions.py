"""A node's executions change only as its table allows, and what is over stays over.

Source: compute reference 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.compute.lifecycle import TRANSITIONS, LocalExecutionState
from devstack.compute.store import LocalChange

__all__ = ["LocalTransitionChecker"]

_STEPS: Final = frozenset((state, new) for (state, _), new in TRANSITIONS.items())
_BEGINNINGS: Final = frozenset({LocalExecutionState.CREATED, LocalExecutionState.BID_ACCEPTED})


class LocalTransitionChecker(Checker):
    name = "legal transitions on nodes"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._states: dict[tuple[str, str], LocalExecutionState] = {}

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        """A node that comes back may have lost its store, and then knows nothing of what it has had."""
        node = self.cluster.nodes.get(machine)
        if is_on and node is not None:
            lost = [key for key in self._states if key[0] == machine and node.store.get(key[1]) is None]
            for key in lost:
                del self._states[key]

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        execution_id, previous, new = change
        known = self._states.get((node_id, execution_id))
        self._states[node_id, execution_id] = new
        if known is None and previous is LocalExecutionState.UNDEFINED:
            if new not in _BEGINNINGS:
                self._wrong(node_id, change, f"an execution begins as Created or BidAccepted, not as {new.text}")
        elif known is not None and known is not previous:
            self._wrong(node_id, change, f"a change goes on from the last state, which was {known.text}")
        elif (previous, new) not in _STEPS:
            self._wrong(node_id, change, f"an execution does not go from {previous.text} to {new.text} on its node")

    def _wrong(self, node_id: str, change: LocalChange, what: str) -> None:
        execution_id, previous, new = change
        record = self.cluster.node(node_id).store.get(execution_id)
        self.violated(
            what, nodes=(node_id,), jobs=() if record is None else (record.job.id,), executions=(execution_id,),
            event=f"{previous.text} > {new.text}",
        )  # fmt: skip
