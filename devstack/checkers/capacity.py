"""A node's books: what it counts as used is what it has granted, and nothing waits that would fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.compute.lifecycle import LocalExecution, LocalExecutionState
from devstack.compute.node import ComputeNode
from devstack.compute.store import LocalChange
from devstack.models.resources import Resources

__all__ = ["CapacityChecker"]

_Amounts = tuple[int, int, int, int]
_ACCEPTED: Final = LocalExecutionState.BID_ACCEPTED


class CapacityChecker(Checker):
    """Remembers which executions are accepted, so that a look costs what waits and not what a node has ever had."""

    name = "capacity books"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._accepted: dict[str, dict[str, LocalExecution]] = {}
        for node_id in self.cluster.nodes:
            self._look_through(node_id)

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        execution_id, _, new = change
        accepted = self._accepted.setdefault(node_id, {})
        if new is _ACCEPTED and (record := self.cluster.node(node_id).store.get(execution_id)) is not None:
            accepted[execution_id] = record
        else:
            accepted.pop(execution_id, None)

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        """What a node has committed outlives a power cut, unless its disk is a new one."""
        if is_on and machine != self.cluster.requester_id:
            self._look_through(machine)

    def _look_through(self, node_id: str) -> None:
        store = self.cluster.node(node_id).store
        self._accepted[node_id] = {record.id: record for record in store if record.state is _ACCEPTED}

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
        waiting = self._waiting(node_id) if any(enqueued) else []
        queued = _sum(record.usage for record in waiting)
        if enqueued != queued:
            self.violated(
                f"what a node counts as waiting is what it has accepted and not begun: it counts "
                f"{Resources(*enqueued)} and {Resources(*queued)} wait", nodes=(node_id,),
            )  # fmt: skip
        free = node.config.total - Resources(*used)
        for record in waiting:
            if record.usage.fits(free):
                self.violated(
                    "an execution that fits does not wait", nodes=(node_id,), jobs=(record.job.id,),
                    executions=(record.id,),
                )  # fmt: skip

    def _waiting(self, node_id: str) -> list[LocalExecution]:
        return [record for record in self._accepted.get(node_id, {}).values() if record.held is None]


def _amounts(resources: Resources) -> _Amounts:
    return resources.cpu_millis, resources.memory_bytes, resources.disk_bytes, resources.gpu


def _sum(several: Iterable[Resources]) -> _Amounts:
    cpu = memory = disk = gpu = 0
    for r in several:
        cpu, memory, disk, gpu = cpu + r.cpu_millis, memory + r.memory_bytes, disk + r.disk_bytes, gpu + r.gpu
    return cpu, memory, disk, gpu
