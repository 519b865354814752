"""The nodes of one selection, as columns, so that a rule is a few list comprehensions instead of a call a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from devstack.models.node import BuildVersion, ComputeNodeInfo, NodeState
from devstack.models.resources import Resources

__all__ = ["Amounts", "Nodes", "Vector", "amounts", "vector"]

Amounts = tuple[int, int, int, int]
Vector = tuple[float, float, float, float]


def amounts(resources: Resources) -> Amounts:
    """Milli-CPU, bytes of memory, bytes of disk, devices."""
    return resources.cpu_millis, resources.memory_bytes, resources.disk_bytes, resources.gpu


def vector(resources: Resources) -> Vector:
    """Cores, megabytes of memory, gigabytes of disk, devices: numbers of about the same size."""
    return (
        resources.cpu_millis / 1000, resources.memory_bytes / 10**6, resources.disk_bytes / 10**9, float(resources.gpu),
    )  # fmt: skip


@attrs.define
class Nodes:
    """Columns in the order of `states`; a node that tells nothing of its compute side has None there."""

    states: Sequence[NodeState]
    ids: list[str] = attrs.field(init=False)
    computes: list[ComputeNodeInfo | None] = attrs.field(init=False)
    labels: list[Mapping[str, str]] = attrs.field(init=False)
    versions: list[BuildVersion] = attrs.field(init=False)
    positions: dict[str, int] = attrs.field(init=False)
    _free: tuple[list[Vector], list[Vector]] | None = attrs.field(init=False, default=None)
    _room: tuple[int, list[Amounts]] | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        infos = [state.info for state in self.states]
        self.ids = [info.node_id for info in infos]
        self.computes = [info.compute for info in infos]
        self.labels = [info.labels for info in infos]
        self.versions = [info.version for info in infos]
        self.positions = {node_id: position for position, node_id in enumerate(self.ids)}

    def after(self, states: Sequence[NodeState]) -> Nodes:
        """The columns of a later time; what was computed of a node that has not changed is taken over."""
        new = Nodes(states)
        if new.ids != self.ids:
            return new
        pairs = list(zip(new.computes, self.computes, strict=True))
        if self._room is not None:
            factor, rooms = self._room
            new._room = (
                factor,
                [room if now is then else _room(now, factor) for (now, then), room in zip(pairs, rooms, strict=True)],
            )
        if self._free is not None:
            new._free = (
                [old if now is then else _free(now) for (now, then), old in zip(pairs, self._free[0], strict=True)],
                [old if now is then else _queued(now) for (now, then), old in zip(pairs, self._free[1], strict=True)],
            )
        return new

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def engines(self) -> list[tuple[str, ...] | None]:
        return [None if compute is None else compute.engines for compute in self.computes]

    @property
    def publishers(self) -> list[tuple[str, ...] | None]:
        return [None if compute is None else compute.publishers for compute in self.computes]

    @property
    def sources(self) -> list[tuple[str, ...] | None]:
        return [None if compute is None else compute.sources for compute in self.computes]

    def available_and_queued(self) -> tuple[list[Vector], list[Vector]]:
        """What each node has free, and what waits in its queue; zeros where it is unknown."""
        if self._free is None:
            self._free = [_free(compute) for compute in self.computes], [_queued(compute) for compute in self.computes]
        return self._free

    def room(self, over_subscription_millis: int) -> list[Amounts]:
        """How much more each node may take on when it may promise that many thousandths of its capacity.

        Below zero everywhere where the capacity is unknown or zero.
        """
        if self._room is None or self._room[0] != over_subscription_millis:
            rooms = [_room(compute, over_subscription_millis) for compute in self.computes]
            self._room = over_subscription_millis, rooms
        return self._room[1]


_NO_ROOM: Final = (-1, -1, -1, -1)
_NOTHING: Final = (0.0, 0.0, 0.0, 0.0)


def _free(compute: ComputeNodeInfo | None) -> Vector:
    return _NOTHING if compute is None else vector(compute.available)


def _queued(compute: ComputeNodeInfo | None) -> Vector:
    return _NOTHING if compute is None else vector(compute.queue_used)


def _room(compute: ComputeNodeInfo | None, over_subscription_millis: int) -> Amounts:
    if compute is None or compute.max_capacity.is_zero:
        return _NO_ROOM
    top, free, queued = compute.max_capacity, compute.available, compute.queue_used
    return (
        top.cpu_millis * over_subscription_millis // 1000 - max(0, top.cpu_millis - free.cpu_millis)
        - queued.cpu_millis,
        top.memory_bytes * over_subscription_millis // 1000 - max(0, top.memory_bytes - free.memory_bytes)
        - queued.memory_bytes,
        top.disk_bytes * over_subscription_millis // 1000 - max(0, top.disk_bytes - free.disk_bytes)
        - queued.disk_bytes,
        top.gpu * over_subscription_millis // 1000 - max(0, top.gpu - free.gpu) - queued.gpu,
    )  # fmt: skip
