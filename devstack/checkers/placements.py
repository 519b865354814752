"""Where work is put, and what the requester knows of the room there.

Only nodes are judged on which nothing has changed since their last report and one more: then it is no matter of
stale reports. Source: orchestrator reference 7.3 and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import attrs

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.room import is_free
from devstack.checkers.violation import Violation
from devstack.compute.config import ComputeConfig
from devstack.compute.node import ComputeNode
from devstack.compute.store import LocalChange
from devstack.models.gotext import SECOND_NS
from devstack.models.history import ExecutionHistory
from devstack.models.job import Job, JobType
from devstack.models.resources import normalise, parse
from devstack.orchestrator.ranking.capacity import weights_of
from devstack.orchestrator.ranking.nodes import vector

__all__ = ["PlacementChecker"]

SLACK_NS: Final = 2 * SECOND_NS  # Reports travel.
_ROOM_SHARE: Final = 80  # So much of 100 is what free room counts; a draw is added to it.


class PlacementChecker(Checker):
    name = "placements"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._began_ns = self.cluster.now_ns
        self._changed_ns: dict[str, int] = {}

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        self._changed_ns[node_id] = now_ns

    def saw_placement(self, now_ns: int, entry: ExecutionHistory) -> None:
        node = self.cluster.nodes.get(entry.node_id)
        record = self.facts.store.get(entry.job_id)
        if node is None or record is None or not self._is_steady(node, now_ns):
            return
        self._is_known(node, entry)
        if record.job.type in (JobType.OPS, JobType.DAEMON) or not self._is_worse(node, record.job):
            return
        tried = {execution.node_id for execution in record.executions.values()}
        for idle in self._idle(record.job, now_ns):
            if idle.config.node_id not in tried and _is_like(idle.config, node.config):
                self.violated(
                    f"work goes to an idle node before it waits on a full one like it, and {idle.config.node_id} is "
                    "idle", nodes=(entry.node_id,), jobs=(entry.job_id,), executions=(entry.execution_id,),
                )  # fmt: skip
                return

    def _is_worse(self, node: ComputeNode, job: Job) -> bool:
        """Whether the job has to wait there, and no draw among almost equal nodes excuses that."""
        if is_free(self.facts, node.config.node_id, job):
            return False
        weights = weights_of(parse(normalise(job.task.resources)))
        free, total = (
            sum(weight * amount for weight, amount in zip(weights, vector(room), strict=True))
            for room in (node.config.total - node.running, node.config.total)
        )
        return _ROOM_SHARE * free < (_ROOM_SHARE - 1 - self.cluster.requester.config.rank_randomness) * total

    def _is_known(self, node: ComputeNode, entry: ExecutionHistory) -> None:
        """The requester's books of a node are the node's."""
        node_id = node.config.node_id
        compute = self.cluster.requester.nodes.find(node_id).info.compute
        if compute is None:
            return
        truth = (node.config.total - node.running, node.enqueued)
        booked = (compute.available, compute.queue_used)
        if [attrs.evolve(one, gpus=()) for one in truth] != [attrs.evolve(one, gpus=()) for one in booked]:
            self.violated(
                f"the requester knows a node's room: it counts {booked[0]} free and {booked[1]} waiting, and "
                f"{truth[0]} are free and {truth[1]} wait", nodes=(node_id,), executions=(entry.execution_id,),
            )  # fmt: skip

    def _idle(self, job: Job, now_ns: int) -> Iterator[ComputeNode]:
        """Eligible nodes that do nothing, and could do the job."""
        for state in self.cluster.requester.nodes.eligible():
            node = self.cluster.nodes.get(state.info.node_id)
            if (
                node is not None
                and node.running.is_zero
                and node.enqueued.is_zero
                and self._is_steady(node, now_ns)
                and is_free(self.facts, node.config.node_id, job)
            ):
                yield node

    def _is_steady(self, node: ComputeNode, now_ns: int) -> bool:
        """Whether the requester has had a report since anything changed there."""
        config = node.config
        since_ns = now_ns - config.resources_interval_ns - SLACK_NS
        if self._changed_ns.get(config.node_id, self._began_ns) >= since_ns or config.node_id in self.facts.doubled:
            return False
        return self.facts.is_calm(since_ns, config.node_id)


def _is_like(one: ComputeConfig, other: ComputeConfig) -> bool:
    """Whether nothing but their room makes one better than the other."""
    names = ("total", "max_job", "engines", "publishers", "sources", "hidden_engines")
    return all(getattr(one, name) == getattr(other, name) for name in names)
