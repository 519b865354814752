"""Rule 10: a small draw, so that equal nodes share the work."""

from __future__ import annotations

from devstack.errors import UsageError
from devstack.models.chance import Chance

__all__ = ["check_range", "draw_ranks"]


def check_range(bound: int) -> None:
    """Refuse a range that nothing can be drawn from.

    Raises:
        UsageError: it is below zero.
    """
    if bound < 0:
        raise UsageError(f"node rank randomness must not be negative, got {bound}", "0 leaves equal nodes in id order")


def draw_ranks(chance: Chance, bound: int, count: int) -> list[int]:
    """A rank from 0 to `bound` - 1 for each node; without a choice nothing is drawn."""
    return chance.many_below(bound, count) if bound > 1 else [0] * count
