"""What the requester takes for connected is connected, and changes for a reason.

Source: orchestrator reference 11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.models.gotext import SECOND_NS
from devstack.models.history import ExecutionHistory

__all__ = ["MembershipChecker"]

SLACK_NS: Final = 2 * SECOND_NS  # Ages are compared in whole seconds, and messages travel.


class MembershipChecker(Checker):
    name = "membership"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        config = self.cluster.requester.config
        # A node that falls silent is noticed by the first look that finds it silent for long enough.
        self._noticed_ns = config.disconnect_after_ns + config.heartbeat_check_ns + SLACK_NS
        self._off_since_ns: dict[str, int] = {}

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        if is_on:
            self._off_since_ns.pop(machine, None)
            if machine == self.cluster.requester_id:  # It gives everybody the usual time again.
                self._off_since_ns = dict.fromkeys(self._off_since_ns, now_ns)
        else:
            self._off_since_ns[machine] = now_ns

    def saw_node(self, now_ns: int, node_id: str, what: str) -> None:
        """The requester noted a change of a node."""
        if what != "disconnect":
            return
        beats_ns = 2 * self.cluster.nodes[node_id].config.heartbeat_interval_ns
        if self.facts.is_calm(now_ns - self._noticed_ns - beats_ns, node_id):
            self.violated("a node that sends its heartbeats stays connected", nodes=(node_id,), event=what)

    def saw_placement(self, now_ns: int, entry: ExecutionHistory) -> None:
        """Work is given only to nodes that may still be there."""
        since_ns = self._off_since_ns.get(entry.node_id)
        if since_ns is not None and now_ns - since_ns > self._noticed_ns and not self._is_requester_disturbed(since_ns):
            self.violated(
                "a node that has been silent for too long is given no work", nodes=(entry.node_id,),
                jobs=(entry.job_id,), executions=(entry.execution_id,),
            )  # fmt: skip

    def at_end(self) -> None:
        requester, now_ns = self.cluster.requester, self.cluster.now_ns
        if not self.cluster.has_power(self.cluster.requester_id):
            return
        connected = {state.info.node_id for state in requester.nodes.eligible()}
        for node_id, since_ns in self._off_since_ns.items():
            is_noticed = now_ns - since_ns > self._noticed_ns and not self._is_requester_disturbed(since_ns)
            if node_id in connected and is_noticed:
                self.violated("a node without power is not connected", nodes=(node_id,))

    def _is_requester_disturbed(self, since_ns: int) -> bool:
        return self.cluster.was_disturbed(self.cluster.requester_id, since_ns)
