"""Evaluations whose time has not come: those that were made for later, and those that failed and come again."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

from devstack.models.evaluation import Evaluation

__all__ = ["Key", "Waiting"]

Key = tuple[str, str]
"""What a job's evaluations have in common: job id, namespace."""

_Entry = tuple[int, int, Evaluation]
_NO_KEY: Final = ("", "")


class Waiting:
    """By their time, of equals the one that came first. A failed one may be called in before its time."""

    def __init__(self) -> None:
        self._arrivals = 0
        self._heap: list[_Entry] = []
        self._failed: dict[Key, _Entry] = {}
        self._keys: dict[int, Key] = {}  # those of the failed, by arrival
        self._called_in: set[int] = set()  # entries of the heap that no longer count

    def __len__(self) -> int:
        return len(self._heap) - len(self._called_in)

    def add(self, evaluation: Evaluation, until_ns: int) -> None:
        """One that was made for later."""
        self._push(evaluation, until_ns)

    def add_failed(self, key: Key, evaluation: Evaluation, until_ns: int) -> None:
        """One that is to be tried again; a job has one at most."""
        entry = self._push(evaluation, until_ns)
        self._failed[key] = entry
        self._keys[entry[1]] = key

    def _push(self, evaluation: Evaluation, until_ns: int) -> _Entry:
        self._arrivals += 1
        entry = (until_ns, self._arrivals, evaluation)
        heappush(self._heap, entry)
        return entry

    def call_in(self, key: Key) -> Evaluation | None:
        """The failed evaluation of that job, taken out before its time."""
        entry = self._failed.pop(key, None)
        if entry is None:
            return None
        del self._keys[entry[1]]
        self._called_in.add(entry[1])
        return entry[2]

    def take_due(self, now_ns: int) -> Evaluation | None:
        """The next one whose time has come."""
        self._drop_called_in()
        if not self._heap or self._heap[0][0] > now_ns:
            return None
        _, arrival, evaluation = heappop(self._heap)
        self._failed.pop(self._keys.pop(arrival, _NO_KEY), None)
        return evaluation

    def has(self, job_id: str) -> bool:
        """Whether one of that job waits. Looks at all of them: for rare use."""
        return any(one.job_id == job_id and arrival not in self._called_in for _, arrival, one in self._heap)

    def next_due_ns(self) -> int | None:
        """When the next one's time comes."""
        self._drop_called_in()
        return self._heap[0][0] if self._heap else None

    def _drop_called_in(self) -> None:
        while self._called_in and self._heap[0][1] in self._called_in:
            self._called_in.remove(heappop(self._heap)[1])
