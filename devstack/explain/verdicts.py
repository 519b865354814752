"""A choice as people read it: a row for each node, with what it lacked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from devstack.explain.choices import Choice
from devstack.explain.counter import counter
from devstack.models.node import Membership, NodeState
from devstack.orchestrator.explanation import RuleRank

__all__ = ["MOST_COUNTERS", "Verdict", "verdicts"]

# Each has the choice made again a few dozen times.
MOST_COUNTERS: Final = 20


@attrs.frozen
class Verdict:
    """One node: its rank (-1: refused or absent, with the reason), and what would have made it the choice."""

    node_id: str
    is_placed: bool
    rank: int
    reason: str
    rules: tuple[RuleRank, ...] = ()
    changes: tuple[str, ...] = ()


def verdicts(choice: Choice, node_id: str = "", most_counters: int | None = None) -> Iterator[Verdict]:
    """Every node, or that one alone; the best first, the refused and the absent last.

    What would have made the difference is looked for at no more than `MOST_COUNTERS` nodes, or fewer if asked for.
    """
    most = MOST_COUNTERS if most_counters is None else min(most_counters, MOST_COUNTERS)
    placed = {at for _, at in choice.placed}
    absent = {state.info.node_id: state for state in choice.absent}
    asked = 0
    for row in choice.decision.explain().nodes:
        if node_id in ("", row.node_id):
            is_placed = row.node_id in placed
            changes = () if is_placed or asked >= most else _changes(choice, row.node_id)
            asked += not is_placed
            yield Verdict(row.node_id, is_placed, row.rank, row.reason, row.rules, changes)
    for state in choice.absent:
        if node_id in ("", state.info.node_id):
            changes = () if asked >= most else _changes(choice, state.info.node_id, absent[state.info.node_id])
            asked += 1
            yield Verdict(state.info.node_id, False, -1, _absence(state), (), changes)


def _changes(choice: Choice, node_id: str, absent: NodeState | None = None) -> tuple[str, ...]:
    found = counter(choice.decision, node_id, absent)
    return () if found is None else found.changes


def _absence(state: NodeState) -> str:
    if state.membership is not Membership.APPROVED:
        return f"its membership is {state.membership.value}"
    return "it is disconnected"
