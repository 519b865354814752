"""What a ranking rule answers: a rank for each node, and a reason for each refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

__all__ = ["POSSIBLE", "PREFERRED", "UNSUITABLE", "Column", "refusing"]

UNSUITABLE: Final = -1
POSSIBLE: Final = 0
PREFERRED: Final = 10


@attrs.frozen
class Column:
    """Ranks in the order of the nodes (below zero: refused), and the reasons of the refusals by position."""

    ranks: list[int]
    reasons: Mapping[int, str] = attrs.field(factory=dict)


def refusing(ranks: list[int]) -> list[int]:
    """The positions of the nodes that are refused."""
    if min(ranks, default=0) >= 0:
        return []
    return [position for position, rank in enumerate(ranks) if rank < 0]
