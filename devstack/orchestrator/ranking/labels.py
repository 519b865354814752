"""Rule 4: a node's labels must meet the job's constraints; those on `favour_` keys are only wishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from devstack.models.gotext import map_text
from devstack.models.job import Constraint
from devstack.models.selectors import requirement
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.column import POSSIBLE, PREFERRED, UNSUITABLE, Column, refusing
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["FAVOUR", "rank_by_labels"]

FAVOUR: Final = "favour_"


def rank_by_labels(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    """Ten for meeting what must hold, and ten more for meeting all wishes.

    Raises:
        InvalidJobError: a constraint that cannot be asked.
    """
    if not wanted.constraints:
        return Column([POSSIBLE] * len(nodes))
    musts = [c for c in wanted.constraints if not c.key.startswith(FAVOUR)]
    wishes = [attrs.evolve(c, key=c.key.removeprefix(FAVOUR)) for c in wanted.constraints if c.key.startswith(FAVOUR)]
    ranks = _met(musts, nodes, PREFERRED, UNSUITABLE) if musts else [POSSIBLE] * len(nodes)
    if wishes:
        granted = _met(wishes, nodes, PREFERRED, POSSIBLE)
        ranks = [rank if rank < 0 else rank + bonus for rank, bonus in zip(ranks, granted, strict=True)]
    selectors = f"[{' '.join(map(str, musts))}]"
    return Column(ranks, {position: _reason(nodes, position, selectors) for position in refusing(ranks)})


def _met(constraints: Sequence[Constraint], nodes: Nodes, met: int, missed: int) -> list[int]:
    ranks = [met] * len(nodes)
    for constraint in constraints:
        wanted = requirement(constraint)
        key, allows = wanted.key, wanted.allows
        # Few values occur, also where there are many nodes: each is judged once.
        answers = {value: allows(value) for value in {labels.get(key) for labels in nodes.labels}}
        ranks = [rank if answers[labels.get(key)] else missed for rank, labels in zip(ranks, nodes.labels, strict=True)]
    return ranks


def _reason(nodes: Nodes, position: int, selectors: str) -> str:
    return f"labels {map_text(nodes.labels[position])} don't match required selectors {selectors}"
