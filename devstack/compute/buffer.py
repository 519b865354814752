"""The ExecutorBuffer: who may run now, who waits, and who is next when room frees.

It is work-conserving: as long as `next_granted` is called after every change until it answers None, nothing waits
that would fit. Source: compute reference 3.
"""

from __future__ import annotations

from collections.abc import Collection

from devstack.compute.capacity import RunningTracker, UsageTracker
from devstack.compute.lifecycle import LocalExecution
from devstack.compute.queueing import FifoQueue, Queue, UnstableQueue
from devstack.models.resources import Resources

__all__ = ["NOT_ENOUGH_CAPACITY", "ExecutorBuffer"]

NOT_ENOUGH_CAPACITY = "not enough capacity to run job"


class ExecutorBuffer:
    def __init__(self, total: Resources, *, unstable: bool = False) -> None:
        self.room = RunningTracker(total)
        self.waiting = UsageTracker()
        self._queue: Queue = UnstableQueue() if unstable else FifoQueue()
        self._queued: dict[str, LocalExecution] = {}
        self._running: dict[str, LocalExecution] = {}

    @property
    def running(self) -> Collection[LocalExecution]:
        """What holds capacity, in the order it was granted."""
        return self._running.values()

    @property
    def queued(self) -> Collection[LocalExecution]:
        """In the order they came."""
        return self._queued.values()

    def holder(self, execution_id: str) -> LocalExecution | None:
        """The execution of that id, if it holds capacity."""
        return self._running.get(execution_id)

    def knows(self, record: LocalExecution) -> bool:
        """Whether the execution waits or holds capacity."""
        return record.id in self._queued or record.id in self._running

    def refusal(self, record: LocalExecution) -> str:
        """Why the execution cannot be lined up; empty if it can."""
        if not record.usage.fits(self.room.total):
            return NOT_ENOUGH_CAPACITY
        if record.id in self._queued:
            return f"execution {record.id} already enqueued"
        if record.id in self._running:
            return f"execution {record.id} already running"
        return ""

    def grant(self, record: LocalExecution) -> bool:
        """Grant capacity to an execution that is not refused, if there is room and nobody waits."""
        if self._queued:
            return False
        record.held = self.room.take(record.usage)
        if record.held is None:
            return False
        self._running[record.id] = record
        return True

    def enqueue(self, record: LocalExecution) -> None:
        """Line up an execution that is not refused."""
        assert record.id not in self._queued
        self._queued[record.id] = record
        self.waiting.add(record.usage)
        self._queue.push(record)

    def next_granted(self) -> LocalExecution | None:
        """Grant capacity to the waiting execution that is next of those that fit; None if none does."""
        record = self._queue.take(self.room) if self._queued else None
        if record is None:
            return None
        self._leave_queue(record)
        record.held = self.room.take(record.usage)
        assert record.held is not None
        self._running[record.id] = record
        return record

    def withdraw(self, record: LocalExecution) -> bool:
        """Take an execution out of the queue; False if it does not wait."""
        if self._queued.get(record.id) is not record:
            return False
        self._queue.remove(record)
        self._leave_queue(record)
        return True

    def release(self, record: LocalExecution) -> bool:
        """Give back what the execution holds; False, and nothing changes, if that was done before."""
        if record.held is None:
            return False
        self.room.give_back(record.held)
        record.held = None
        del self._running[record.id]
        return True

    def _leave_queue(self, record: LocalExecution) -> None:
        del self._queued[record.id]
        self.waiting.remove(record.usage)
