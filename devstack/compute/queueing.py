"""The orders in which a full node's executions wait.

Both queues hand out, of what fits now, the one of highest priority; what does not fit is passed over, so a small job
may overtake a big one. They differ among equals: `FifoQueue` keeps the order of arrival, `UnstableQueue` that of
v1.4.0, whose binary heap knows no order among equals (switch `queue-unstable`). Source: compute reference 3.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from devstack.compute.capacity import RunningTracker
from devstack.compute.lifecycle import LocalExecution
from devstack.models.resources import Resources

__all__ = ["FifoQueue", "Queue", "UnstableQueue"]


class Queue(Protocol):
    def push(self, record: LocalExecution) -> None: ...

    def take(self, room: RunningTracker) -> LocalExecution | None:
        """Take out the next execution that fits; None if none does."""

    def remove(self, record: LocalExecution) -> None:
        """Take out an execution that waits here."""


class FifoQueue:
    """Order of arrival inside a priority.

    Executions of one priority and one usage form a line: if its head does not fit, none of it does. So a look at the
    queue costs a step for each kind of usage, not for each execution.
    """

    def __init__(self) -> None:
        self._arrivals = 0
        self._lines: dict[int, dict[Resources, OrderedDict[str, tuple[int, LocalExecution]]]] = {}
        self._priorities: list[int] = []

    def push(self, record: LocalExecution) -> None:
        self._arrivals += 1
        lines = self._lines.get(record.job.priority)
        if lines is None:
            lines = self._lines[record.job.priority] = {}
            self._priorities = sorted(self._lines, reverse=True)
        line = lines.get(record.usage)
        if line is None:
            line = lines[record.usage] = OrderedDict()
        line[record.id] = (self._arrivals, record)

    def take(self, room: RunningTracker) -> LocalExecution | None:
        for priority in self._priorities:
            fitting = [line for usage, line in self._lines[priority].items() if room.fits(usage)]
            if fitting:
                _, record = min((next(iter(line.values())) for line in fitting), key=_arrival)
                self.remove(record)
                return record
        return None

    def remove(self, record: LocalExecution) -> None:
        lines = self._lines[record.job.priority]
        line = lines[record.usage]
        del line[record.id]
        if not line:
            del lines[record.usage]
        if not lines:
            del self._lines[record.job.priority]
            self._priorities = sorted(self._lines, reverse=True)


def _arrival(entry: tuple[int, LocalExecution]) -> int:
    return entry[0]


class UnstableQueue:
    """A binary heap in the usual array, looked through by taking everything out and pushing back what did not fit."""

    def __init__(self) -> None:
        self._heap: list[LocalExecution] = []

    def push(self, record: LocalExecution) -> None:
        heap = self._heap
        heap.append(record)
        child = len(heap) - 1
        while child and self._beats(child, parent := (child - 1) // 2):
            heap[child], heap[parent] = heap[parent], heap[child]
            child = parent

    def take(self, room: RunningTracker) -> LocalExecution | None:
        passed_over: list[LocalExecution] = []
        found = None
        while found is None and self._heap:
            record = self._pop()
            if room.fits(record.usage):
                found = record
            else:
                passed_over.append(record)
        for record in passed_over:
            self.push(record)
        return found

    def remove(self, record: LocalExecution) -> None:
        rest = [one for one in self._heap if one is not record]
        self._heap = []
        for one in rest:
            self.push(one)

    def _pop(self) -> LocalExecution:
        heap = self._heap
        heap[0], heap[-1] = heap[-1], heap[0]
        top = heap.pop()
        parent = 0
        while (child := self._better_child(parent)) is not None and self._beats(child, parent):
            heap[child], heap[parent] = heap[parent], heap[child]
            parent = child
        return top

    def _better_child(self, parent: int) -> int | None:
        left = 2 * parent + 1
        if left >= len(self._heap):
            return None
        return left + 1 if left + 1 < len(self._heap) and self._beats(left + 1, left) else left

    def _beats(self, one: int, other: int) -> bool:
        return self._heap[one].job.priority > self._heap[other].job.priority
