"""Whether one of two is better, when both have met the same: differences of pairs, with a confidence interval.

The interval is the bootstrap's: means of many samples of the same size, drawn with repetition. The draws come from one
stream, and all numbers are whole, so that the same pairs give the same interval anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from devstack.kernel import Seed

__all__ = ["Interval", "Samples"]

RESAMPLES: Final = 1_000
# 95 of 100 means lie between the ends.
_TAIL_MILLIS: Final = 25


@attrs.frozen
class Interval:
    """The mean difference, and between which numbers it lies with 95 % confidence."""

    mean: int
    low: int
    high: int

    @property
    def is_clear(self) -> bool:
        """Whether zero is outside: the difference is hardly chance."""
        return self.low > 0 or self.high < 0


class Samples:
    """Which pairs each sample has; the same for all figures, so that they are judged alike."""

    def __init__(self, pairs: int, seed: int = 0) -> None:
        stream = Seed(seed).stream("bootstrap")
        self._samples = [stream.many_below(pairs, pairs) for _ in range(RESAMPLES)] if pairs > 1 else []

    def interval(self, differences: Sequence[int]) -> Interval:
        """The interval of the mean of these differences, one a pair; of a single pair nothing is known but itself."""
        count = max(1, len(differences))
        mean = sum(differences) // count
        means = sorted(sum([differences[at] for at in sample]) // count for sample in self._samples) or [mean]
        tail = len(means) * _TAIL_MILLIS // 1000
        return Interval(mean, means[tail], means[-1 - tail])
