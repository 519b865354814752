"""Rule 9: nodes with more free room, and with less in their queue, come first."""

from __future__ import annotations

from typing import Final

from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.column import Column
from devstack.orchestrator.ranking.nodes import Nodes, Vector, vector
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["rank_by_capacity"]

_AVAILABLE_SHARE: Final = 80
_QUEUE_SHARE: Final = 20
_WEIGHTS_OF_NOTHING: Final = (0.4, 0.3, 0.2, 0.1)


def rank_by_capacity(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    """0 to 100, weighted by what the job asks for.

    Floats, because these four operations give the same bits on every machine, and Bacalhau's truncation has to be
    met to the last one; so the order of the operations must stay. The ratio comes before the share: the best node's
    is then exactly one.
    """
    weights = _weights(wanted.resources)
    available, queued = (_weigh(column, weights) for column in nodes.available_and_queued())
    most_available, most_queued = max(available, default=0.0), max(queued, default=0.0)
    ratios = [amount / most_available for amount in available] if most_available > 0 else [0.0] * len(nodes)
    if most_queued == 0:  # as for burdens of zero
        return Column([int(_AVAILABLE_SHARE * ratio + _QUEUE_SHARE) for ratio in ratios])
    burdens = [amount / most_queued for amount in queued]
    ranks = [
        int(_AVAILABLE_SHARE * ratio + _QUEUE_SHARE * (1 - burden))
        for ratio, burden in zip(ratios, burdens, strict=True)
    ]
    return Column(ranks)


def _weights(resources: Resources) -> Vector:
    if resources.is_zero:
        return _WEIGHTS_OF_NOTHING
    cpu, memory, disk, gpu = vector(resources)
    total = cpu + memory + disk + gpu
    return cpu / total, memory / total, disk / total, gpu / total


def _weigh(column: list[Vector], weights: Vector) -> list[float]:
    by_cpu, by_memory, by_disk, by_gpu = weights
    return [cpu * by_cpu + memory * by_memory + disk * by_disk + gpu * by_gpu for cpu, memory, disk, gpu in column]
