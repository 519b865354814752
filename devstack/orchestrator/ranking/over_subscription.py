"""Rule 6: what runs on a node, what waits there and this job must stay within a multiple of its capacity."""

from __future__ import annotations

from devstack.errors import UsageError
from devstack.models.node import ComputeNodeInfo
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.column import POSSIBLE, UNSUITABLE, Column, refusing
from devstack.orchestrator.ranking.nodes import Nodes, amounts
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["check_factor", "rank_by_over_subscription"]


def check_factor(over_subscription_millis: int) -> None:
    """Refuse a factor below one: no node could be used in full.

    Raises:
        UsageError: it is below 1000 thousandths.
    """
    if over_subscription_millis < 1000:
        raise UsageError(
            f"over-subscription factor must be at least 1, got {over_subscription_millis / 1000:g}",
            "1 promises exactly what a node has, 1.5 half as much again",
        )


def rank_by_over_subscription(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    cpu, memory, disk, gpu = amounts(wanted.resources)
    ranks = [
        POSSIBLE if cpu <= cpu_room and memory <= memory_room and disk <= disk_room and gpu <= gpu_room else UNSUITABLE
        for cpu_room, memory_room, disk_room, gpu_room in nodes.room(config.over_subscription_millis)
    ]
    return Column(ranks, {position: _reason(nodes.computes[position]) for position in refusing(ranks)})


def _reason(compute: ComputeNodeInfo | None) -> str:
    if compute is None or compute.max_capacity.is_zero:
        return "node queue usage is unknown"
    text = f"node busy with available capacity {compute.available}"
    return text if compute.queue_used.is_zero else f"{text} and queue capacity {compute.queue_used}"
