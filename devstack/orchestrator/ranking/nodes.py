"""The nodes of one selection, as columns, so that a rule is a few list comprehensions instead of a call a node."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import compress
from operator import is_not
from typing import Final, TypeVar

import attrs

from devstack.models.node import BuildVersion, ComputeNodeInfo, NodeState
from devstack.models.resources import Resources

__all__ = ["Amounts", "Change", "Nodes", "Vector", "amounts", "vector"]

T = TypeVar("T")
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


@attrs.frozen
class Change:
    """How the nodes differ from those of an earlier time.

    `fresh` are the positions of those that are new or have changed. The first `head` and the last `tail` nodes stand
    in the same order as before; `middle` says of each node between them where it stood, and of a new one anything.
    """

    fresh: list[int]
    head: int
    middle: list[int] = attrs.field(factory=list)
    tail: int = 0

    def is_large(self, nodes: Nodes) -> bool:
        """Whether looking at all nodes costs no more than telling the fresh ones from the others."""
        return 4 * len(self.fresh) > len(nodes)

    def carry(self, column: list[T], fresh: Sequence[T]) -> list[T]:
        """The column of today, from that of the earlier time and what is to be said of the fresh nodes."""
        carried = column[: self.head]
        carried += [column[origin] for origin in self.middle]
        carried += column[len(column) - self.tail :]
        for position, value in zip(self.fresh, fresh, strict=True):
            carried[position] = value
        return carried

    def carry_notes(self, notes: Mapping[int, T], fresh: Mapping[int, T], before: int) -> dict[int, T]:
        """The notes by today's positions; those on fresh nodes come by their place among the fresh.

        `before` says how many nodes there were.
        """
        moved = self.head + len(self.middle) - (before - self.tail)
        carried = {at: note for at, note in notes.items() if at < self.head}
        carried |= {now: notes[at] for now, at in enumerate(self.middle, self.head) if at in notes}
        carried |= {at + moved: note for at, note in notes.items() if at >= before - self.tail}
        for index, position in enumerate(self.fresh):
            carried.pop(position, None)
            if index in fresh:
                carried[position] = fresh[index]
        return carried


class Nodes:
    """Columns in the order of `states`, which are sorted by id.

    A node that tells nothing of its compute side has None there. Columns are made when they are first asked for.
    """

    def __init__(self, states: Sequence[NodeState]) -> None:
        self.states = states
        self._room: tuple[int, list[Amounts]] | None = None

    def __len__(self) -> int:
        return len(self.states)

    @classmethod
    def after(cls, earlier: Nodes, states: Sequence[NodeState]) -> Nodes:
        """The nodes of a later time; columns that were made before are brought up to date instead of made anew."""
        nodes = cls(states)
        change = nodes.since(earlier)
        if change.is_large(nodes):
            return nodes
        fresh = nodes.pick(change.fresh)
        for name in _COLUMNS:
            if name in earlier.__dict__:
                nodes.__dict__[name] = change.carry(earlier.__dict__[name], getattr(fresh, name))
        if earlier._room is not None:
            factor_millis, rooms = earlier._room
            nodes._room = factor_millis, change.carry(rooms, fresh.room(factor_millis))
        return nodes

    def pick(self, positions: Sequence[int]) -> Nodes:
        """Only the nodes at these positions."""
        return Nodes([self.states[position] for position in positions])

    def position(self, node_id: str) -> int | None:
        """Where the node of that id stands."""
        at = bisect_left(self.states, node_id, key=_node_id)
        return at if at < len(self.states) and _node_id(self.states[at]) == node_id else None

    def since(self, earlier: Nodes) -> Change:
        """What is different from `earlier`."""
        now, then = self.states, earlier.states
        if len(now) == len(then):
            fresh = list(compress(range(len(now)), map(is_not, now, then)))
            if all(_node_id(now[position]) == _node_id(then[position]) for position in fresh):
                return Change(fresh, len(now))
        shorter = min(len(now), len(then))
        head = _same(now, then)
        tail = min(_same(reversed(now), reversed(then)), shorter - head)
        stood = {_node_id(then[position]): position for position in range(head, len(then) - tail)}
        middle = [stood.get(_node_id(now[position]), -1) for position in range(head, len(now) - tail)]
        fresh = [at for at, was in enumerate(middle, head) if was < 0 or then[was] is not now[at]]
        return Change(fresh, head, middle, tail)

    @cached_property
    def computes(self) -> list[ComputeNodeInfo | None]:
        return [state.info.compute for state in self.states]

    @cached_property
    def labels(self) -> list[Mapping[str, str]]:
        return [state.info.labels for state in self.states]

    @cached_property
    def versions(self) -> list[BuildVersion]:
        return [state.info.version for state in self.states]

    @property
    def engines(self) -> list[tuple[str, ...] | None]:
        return [None if compute is None else compute.engines for compute in self.computes]

    @property
    def publishers(self) -> list[tuple[str, ...] | None]:
        return [None if compute is None else compute.publishers for compute in self.computes]

    @property
    def sources(self) -> list[tuple[str, ...] | None]:
        return [None if compute is None else compute.sources for compute in self.computes]

    @cached_property
    def available(self) -> list[Vector]:
        """What each node has free; zeros where that is unknown."""
        return [_NOTHING if compute is None else vector(compute.available) for compute in self.computes]

    @cached_property
    def queued(self) -> list[Vector]:
        """What waits in each node's queue; zeros where that is unknown."""
        return [_NOTHING if compute is None else vector(compute.queue_used) for compute in self.computes]

    def room(self, over_subscription_millis: int) -> list[Amounts]:
        """How much more each node may take on when it may promise that many thousandths of its capacity.

        Below zero everywhere where the capacity is unknown or zero.
        """
        if self._room is None or self._room[0] != over_subscription_millis:
            rooms = [_room(compute, over_subscription_millis) for compute in self.computes]
            self._room = over_subscription_millis, rooms
        return self._room[1]


def _node_id(state: NodeState) -> str:
    return state.info.node_id


def _same(some: Iterable[NodeState], others: Iterable[NodeState]) -> int:
    """How many of them are the same, from the beginning."""
    same = -1
    for same, differ in enumerate(map(is_not, some, others)):
        if differ:
            return same
    return same + 1


# The columns that `after` brings up to date, where they have been made.
_COLUMNS: Final = ("computes", "labels", "versions", "available", "queued")
_NO_ROOM: Final = (-1, -1, -1, -1)
_NOTHING: Final = (0.0, 0.0, 0.0, 0.0)


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
