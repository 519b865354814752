"""A stop is final: soon after a job is over nothing of it runs any more.

Soon is the time in which a request to a node is sent again. Source: orchestrator reference 8 and 13.1 (5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts, Hold
from devstack.checkers.violation import Violation
from devstack.compute.actions import Discard, StartRun
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.history import JobHistory

__all__ = ["StopChecker"]


class StopChecker(Checker):
    """Is told of an action before the facts are: they show what ran until now."""

    name = "stops are final"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._over_ns: dict[str, int] = {}

    def forget(self) -> None:
        self._over_ns.clear()

    def saw_job(self, now_ns: int, entry: JobHistory) -> None:
        if entry.new.is_terminal:
            self._over_ns[entry.job_id] = now_ns

    def saw_action(self, now_ns: int, node_id: str, action: Any) -> None:
        kind = type(action)
        if kind is Discard:
            hold = self.facts.holds_on(node_id).get(action.execution_id)
            if hold is not None and hold.job.id in self._over_ns:
                self._check(now_ns, hold)
        elif kind is StartRun and action.job.id in self._over_ns:
            self._check(now_ns, Hold(action.execution_id, node_id, action.job, action.resources, now_ns))

    def at_end(self) -> None:
        for holds in self.facts.holds.values():
            for hold in holds.values():
                if hold.job.id in self._over_ns:
                    self._check(self.cluster.now_ns, hold)

    def _check(self, now_ns: int, hold: Hold) -> None:
        over_ns = self._over_ns[hold.job.id]
        if now_ns - over_ns > self._grace_ns() and self.facts.is_calm(over_ns, hold.node_id):
            self.violated(
                f"nothing of a job runs when it has been over for {duration_text(now_ns - over_ns)}",
                nodes=(hold.node_id,), jobs=(hold.job.id,), executions=(hold.execution_id,),
            )  # fmt: skip

    def _grace_ns(self) -> int:
        network = self.cluster.kernel.network
        slowest_ns = max(network.links_ns.values(), default=network.latency_ns)
        return self.cluster.requester.config.request_timeout_ns + 2 * slowest_ns + SECOND_NS
