"""Nodes and wishes for the ranking rules, written as short as the reference writes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.models.node import NO_VERSION, BuildVersion, ComputeNodeInfo, NodeInfo, NodeState
from devstack.models.resources import NO_RESOURCES, Resources
from devstack.orchestrator.ranking.nodes import Nodes

Quantities = tuple[float, int, int, int]


def resources(cpu: float = 0, memory: int = 0, disk: int = 0, gpu: int = 0) -> Resources:
    return Resources(round(cpu * 1000), memory, disk, gpu)


def node(
    node_id: str = "n1", *, version: BuildVersion = NO_VERSION, labels: dict[str, str] | None = None,
    compute: bool = True, available: Quantities | None = None, queue: Quantities | None = None,
    top: Quantities | None = None, largest: Quantities | None = None, **providers: tuple[str, ...],
) -> NodeState:  # fmt: skip
    def amount(quantities: Quantities | None) -> Resources:
        return NO_RESOURCES if quantities is None else resources(*quantities)

    info = ComputeNodeInfo(
        available=amount(available), queue_used=amount(queue), max_capacity=amount(top), max_job=amount(largest),
        **providers,
    )  # fmt: skip
    return NodeState(NodeInfo(node_id, labels=labels or {}, compute=info if compute else None, version=version))


@pytest.fixture
def columns() -> Callable[..., Nodes]:
    return lambda *states: Nodes(tuple(states))


@pytest.fixture(name="node")
def node_maker() -> Callable[..., NodeState]:
    return node


@pytest.fixture(name="resources")
def resources_maker() -> Callable[..., Resources]:
    return resources
