"""What runs on the nodes: never more than fits, each execution once, a job at most once a node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts, Hold
from devstack.checkers.violation import Violation
from devstack.compute.actions import Prepare, StartRun
from devstack.models.resources import Resources

__all__ = ["EngineChecker"]


class EngineChecker(Checker):
    """Is told of an action before the facts are: they show what ran until now."""

    name = "running programs"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._started: dict[str, str] = {}  # The node of every batch or ops execution that was ever started.

    def saw_action(self, now_ns: int, node_id: str, action: Any) -> None:
        kind = type(action)
        if kind is StartRun:
            self._once(node_id, action)
            self._alone(node_id, action)
            self._within_capacity(node_id, action)
        elif kind is Prepare:
            self._within_capacity(node_id, action)

    def _once(self, node_id: str, start: StartRun) -> None:
        """One program at a time for an execution; one that ends by itself is started once."""
        other = self.facts.hold(start.execution_id)
        if other is not None and other.is_running:
            self._wrong(f"an execution has one program at a time, and has one on {other.node_id}", node_id, start)
        if start.job.is_long_running:
            return
        if start.execution_id in self._started:
            self._wrong(f"a {start.job.type} execution is started once, and was before", node_id, start)
        self._started[start.execution_id] = node_id

    def _alone(self, node_id: str, start: StartRun) -> None:
        """One program of a job at a time on each node."""
        for hold in self.facts.holds_on(node_id).values():
            if hold.is_running and hold.job.id == start.job.id and hold.execution_id != start.execution_id:
                self._wrong(
                    f"a job runs at most once on a node, and execution {hold.execution_id} runs there", node_id, start
                )

    def _within_capacity(self, node_id: str, start: StartRun | Prepare) -> None:
        total = self.cluster.node(node_id).config.total
        cpu, memory, disk, gpu = _sum(self.facts.holds_on(node_id).values(), start)
        if cpu > total.cpu_millis or memory > total.memory_bytes or disk > total.disk_bytes or gpu > total.gpu:
            needed = Resources(cpu, memory, disk, gpu)
            self._wrong(f"a node never runs more than fits: {needed} are in use of {total}", node_id, start)

    def _wrong(self, what: str, node_id: str, start: StartRun | Prepare) -> None:
        self.violated(
            what, nodes=(node_id,), jobs=(start.job.id,), executions=(start.execution_id,),
            event=f"{type(start).__name__} {start.execution_id}",
        )  # fmt: skip


def _sum(holds: Any, start: StartRun | Prepare) -> tuple[int, int, int, int]:
    """What is in use when the action is carried out; what holds capacity already counts once."""
    r = start.resources
    cpu, memory, disk, gpu = r.cpu_millis, r.memory_bytes, r.disk_bytes, r.gpu
    hold: Hold
    for hold in holds:
        if hold.execution_id != start.execution_id:
            r = hold.resources
            cpu, memory, disk, gpu = cpu + r.cpu_millis, memory + r.memory_bytes, disk + r.disk_bytes, gpu + r.gpu
    return cpu, memory, disk, gpu
