"""Puts what overlaps in time side by side."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

__all__ = ["lanes"]


def lanes(spans: Sequence[tuple[float, float]]) -> tuple[list[int], int]:
    """For each (begin, end) the number of its lane, in which nothing overlaps, and how many lanes there are."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    given = [0] * len(spans)
    count = 0
    for at in sorted(range(len(spans)), key=lambda at: (spans[at], at)):
        begin, end = spans[at]
        while busy and busy[0][0] <= begin:
            heappush(free, heappop(busy)[1])
        if not free:
            heappush(free, count)
            count += 1
        given[at] = heappop(free)
        heappush(busy, (max(end, begin + 1e-9), given[at]))
    return given, max(count, 1)
