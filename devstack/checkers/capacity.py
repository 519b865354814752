"""A node's books: what it counts as used is what it has granted, and nothing waits that would fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devstack.checkers.checker import Checker
from devstack.compute.lifecycle import LocalExecution, LocalExecutionState
from devstack.compute.node import ComputeNode
from devstack.models.resources import Resources

__all__ = ["CapacityChecker"]

_Amounts = tuple[int, int, int, int]


class CapacityChecker(Checker):
    name = "capacity books"

    def saw_report(self, now_ns: int, node_id: str, event: Any) -> None:
        """Before a node hears something, all that it asked for has been seen: its books and ours must agree."""
        self._check(node_id)

    def at_end(self) -> None:
        for node_id in self.cluster.nodes:
            if self.cluster.has_power(node_id):
                self._check(node_id)

    def _check(self, node_id: str) -> None:
        node = self.cluster.node(node_id)
        used = _amounts(node.running)
        held = _sum(hold.resources for hold in self.facts.holds_on(node_id).values())
        if used != held:
            self.violated(
                f"what a node counts as running is what it has granted and not taken back: it counts "
                f"{Resources(*used)} and has granted {Resources(*held)}", nodes=(node_id,),
            )  # fmt: skip
        self._check_queue(node_id, node, used)

    def _check_queue(self, node_id: str, node: ComputeNode, used: _Amounts) -> None:
        enqueued = _amounts(node.enqueued)
        waiting = _waiting(node) if any(enqueued) else []
        queued = _sum(record.usage for record in waiting)
        if enqueued != queued:
            self.violated(
                f"what a node counts as waiting is what it has accepted and not begun: it counts "
                f"{Resources(*enqueued)} and {Resources(*queued)} wait", nodes=(node_id,),
            )  # fmt: skip
        total = _amounts(node.config.total)
        for record in waiting:
            if all(u + w <= t for u, w, t in zip(used, _amounts(record.usage), total, strict=True)):
                self.violated(
                    "an execution that fits does not wait", nodes=(node_id,), jobs=(record.job.id,),
                    executions=(record.id,),
                )  # fmt: skip


def _waiting(node: ComputeNode) -> list[LocalExecution]:
    accepted = LocalExecutionState.BID_ACCEPTED
    return [record for record in node.store if record.state is accepted and record.held is None]


def _amounts(resources: Resources) -> _Amounts:
    return resources.cpu_millis, resources.memory_bytes, resources.disk_bytes, resources.gpu


def _sum(several: Iterable[Resources]) -> _Amounts:
    cpu = memory = disk = gpu = 0
    for r in several:
        cpu, memory, disk, gpu = cpu + r.cpu_millis, memory + r.memory_bytes, disk + r.disk_bytes, gpu + r.gpu
    return cpu, memory, disk, gpu
