"""What is to happen, ordered by time and then by who asked first."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

__all__ = ["EventQueue", "QueuedEvent"]

QueuedEvent = tuple[int, int, str, int, Any]
"""(time_ns, sequence, target, kind, payload); the sequence is unique, so payloads are never compared."""


class EventQueue:
    """A heap of events; a cancelled one stays in it and is passed over when its turn comes."""

    def __init__(self) -> None:
        self._heap: list[QueuedEvent] = []
        self._cancelled: set[int] = set()
        self._sequence = 0

    def push(self, time_ns: int, target: str, kind: int, payload: Any) -> int:
        """Add an event; the answer is its sequence number, which cancels it."""
        self._sequence += 1
        heappush(self._heap, (time_ns, self._sequence, target, kind, payload))
        return self._sequence

    def cancel(self, sequence: int) -> None:
        """Drop an event. It must still wait: the number of one that has happened would be kept for ever."""
        self._cancelled.add(sequence)

    def next_time_ns(self) -> int | None:
        """When the next event is due; None if there is none."""
        self._drop_cancelled()
        return self._heap[0][0] if self._heap else None

    def pop_until(self, time_ns: int) -> QueuedEvent | None:
        """Take the next event that is due at `time_ns` or before."""
        heap, cancelled = self._heap, self._cancelled
        # Looked at here: nearly always something is cancelled, and nearly never it is what comes next.
        if cancelled and heap and heap[0][1] in cancelled:
            self._drop_cancelled()
        return heappop(heap) if heap and heap[0][0] <= time_ns else None

    def cancel_all(self, target: str, kinds: tuple[int, ...]) -> list[int]:
        """Drop all events of some kinds that wait for one machine. Looks at every waiting event: for rare use."""
        dropped = [event[1] for event in self._heap if event[2] == target and event[3] in kinds]
        self._cancelled.update(dropped)
        return dropped

    def _drop_cancelled(self) -> None:
        heap, cancelled = self._heap, self._cancelled
        while cancelled and heap and heap[0][1] in cancelled:
            cancelled.discard(heappop(heap)[1])

    def __len__(self) -> int:
        return len(self._heap) - len(self._cancelled)
