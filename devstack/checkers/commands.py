"""What a node is told takes effect once, and what a handler begins to write is written when it returns.

Messages may be lost, sent again or come twice: a node must not take a second ask for another execution, nor one that
is another node's. A handler of a machine is one transaction: between two of them nothing is half written.
Source: orchestrator reference 8 and 15, compute reference 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.compute.lifecycle import LocalExecutionState
from devstack.compute.store import LocalChange

__all__ = ["CommandChecker"]

L = LocalExecutionState
# Changes that a command of the requester brings about; the others come of what happens on the node.
_EFFECTS: Final = {
    (L.UNDEFINED, L.CREATED): "an ask",
    (L.UNDEFINED, L.BID_ACCEPTED): "an ask",
    (L.CREATED, L.BID_ACCEPTED): "an approval",
    (L.CREATED, L.CANCELLED): "a rejection or a cancel",
}


class CommandChecker(Checker):
    name = "commands"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._taken: dict[tuple[str, str], str] = {}  # By execution and command: the node on which it had its effect.

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        """A node that has lost its store may be told everything once more."""
        node = self.cluster.nodes.get(machine)
        if is_on and node is not None:
            lost = [
                key for key, node_id in self._taken.items() if node_id == machine and node.store.get(key[0]) is None
            ]
            for key in lost:
                del self._taken[key]

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        execution_id, previous, new = change
        command = _EFFECTS.get((previous, new))
        if command is None:
            return
        key = (execution_id, command)
        earlier = self._taken.get(key)
        if earlier is None:
            self._taken[key] = node_id
        elif node_id not in self.facts.doubled:
            self.violated(
                f"{command} takes effect once, and has had its effect on {earlier}", nodes=(node_id,),
                executions=(execution_id,), event=f"{previous.text} > {new.text}",
            )  # fmt: skip

    def saw_report(self, now_ns: int, node_id: str, event: Any) -> None:
        """Before a machine is told of anything, all others have ended what they were told before."""
        for name, machine in (
            (self.cluster.requester_id, self.cluster.requester),
            (node_id, self.cluster.node(node_id)),
        ):
            if machine.store.journal or machine.actions:
                self.violated("what a handler begins to write is written when it returns", nodes=(name,))
