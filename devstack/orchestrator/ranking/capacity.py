"""Rule 9: nodes with more free room, and with less in their queue, come first."""

from __future__ import annotations

from typing import Final

from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.column import Column
from devstack.orchestrator.ranking.nodes import Nodes, Vector, vector
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["Burden", "rank_by_capacity", "rank_room", "weigh", "weights_of"]

_AVAILABLE_SHARE: Final = 80
_QUEUE_SHARE: Final = 20
_WEIGHTS_OF_NOTHING: Final = (0.4, 0.3, 0.2, 0.1)

Burden = tuple[list[float], list[float]]
"""What each node has free, and what waits on it, each as one number."""


def rank_by_capacity(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    """0 to 100, weighted by what the job asks for, in relation to the freest and the most burdened node."""
    free, queued = weigh(wanted, nodes)
    return Column(rank_room(free, queued, max(free, default=0.0), max(queued, default=0.0)))


def weigh(wanted: Wanted, nodes: Nodes) -> Burden:
    """The nodes' room, weighted by what the job asks for."""
    weights = weights_of(wanted.resources)
    return _weigh(nodes.available, weights), _weigh(nodes.queued, weights)


def rank_room(free: list[float], queued: list[float], most_free: float, most_queued: float) -> list[int]:
    """The ranks of some nodes, when the freest of all has `most_free` and the most burdened one `most_queued`.

    Floats, because these four operations give the same bits on every machine, and Bacalhau's truncation has to be
    met to the last one; so the order of the operations must stay. The ratio comes before the share: the best node's
    is then exactly one.
    """
    ratios = [amount / most_free for amount in free] if most_free > 0 else [0.0] * len(free)
    if most_queued == 0:  # as for burdens of zero
        return [int(_AVAILABLE_SHARE * ratio + _QUEUE_SHARE) for ratio in ratios]
    burdens = [amount / most_queued for amount in queued]
    return [
        int(_AVAILABLE_SHARE * ratio + _QUEUE_SHARE * (1 - burden))
        for ratio, burden in zip(ratios, burdens, strict=True)
    ]


def weights_of(resources: Resources) -> Vector:
    """How much each kind of room counts for a job that asks for that much."""
    if resources.is_zero:
        return _WEIGHTS_OF_NOTHING
    cpu, memory, disk, gpu = vector(resources)
    total = cpu + memory + disk + gpu
    return cpu / total, memory / total, disk / total, gpu / total


def _weigh(column: list[Vector], weights: Vector) -> list[float]:
    by_cpu, by_memory, by_disk, by_gpu = weights
    return [cpu * by_cpu + memory * by_memory + disk * by_disk + gpu * by_gpu for cpu, memory, disk, gpu in column]
