"""Why a node was chosen or not: for each node and rule the rank, or the reason for refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking import chain
from devstack.orchestrator.ranking.column import UNSUITABLE, Column
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.previous import FRESH, Past
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["Explanation", "NodeRank", "RuleRank", "explain", "winner"]


@attrs.frozen
class RuleRank:
    """What one rule said of one node; below zero with a reason."""

    rule: str
    rank: int
    reason: str = ""


@attrs.frozen
class NodeRank:
    """One node's total (-1: refused, with the reason that counts), and what it is made of."""

    node_id: str
    rank: int
    reason: str
    rules: tuple[RuleRank, ...]


@attrs.frozen
class Explanation:
    """All nodes, the best first and the refused last; of equals the lower id comes first."""

    nodes: tuple[NodeRank, ...]

    @property
    def winner(self) -> str | None:
        """The node that one execution would go to."""
        return self.nodes[0].node_id if self.nodes and self.nodes[0].rank >= 0 else None


def explain(
    wanted: Wanted, nodes: Nodes, config: RequesterConfig, past: Mapping[str, Past], draws: Sequence[int]
) -> Explanation:
    """Rank the nodes rule by rule; without draws they count as zero.

    Raises:
        InvalidJobError: a constraint that cannot be asked.
    """
    answers = _answers(wanted, nodes, config, past, draws)
    total = chain.add_up(list(answers.values()))
    rows = [_row(nodes.states[position].info.node_id, position, answers, total) for position in range(len(nodes))]
    return Explanation(tuple(sorted(rows, key=lambda row: (-row.rank, row.node_id))))


def winner(
    wanted: Wanted, nodes: Nodes, config: RequesterConfig, past: Mapping[str, Past], draws: Sequence[int]
) -> str | None:
    """The winner of the explanation, without the rest of it. Raises InvalidJobError, as `explain`."""
    ranks = chain.add_up(list(_answers(wanted, nodes, config, past, draws).values())).ranks
    best = max(ranks, default=UNSUITABLE)
    return nodes.states[ranks.index(best)].info.node_id if best >= 0 else None


def _answers(
    wanted: Wanted, nodes: Nodes, config: RequesterConfig, past: Mapping[str, Past], draws: Sequence[int]
) -> dict[str, Column]:
    answers = chain.columns(wanted, nodes, config)
    answers[chain.PAST] = _past_column(nodes, past, config)
    answers[chain.RANDOM] = Column(list(draws) or [0] * len(nodes))
    return chain.ordered(answers)


def _past_column(nodes: Nodes, past: Mapping[str, Past], config: RequesterConfig) -> Column:
    ranks, reasons = [chain.past_rank(FRESH, config)] * len(nodes), {}
    for node_id, then in past.items():
        position = nodes.position(node_id)
        if position is not None:
            ranks[position] = chain.past_rank(then.rank, config)
            if then.rank < 0:
                reasons[position] = then.reason
    return Column(ranks, reasons)


def _row(node_id: str, position: int, answers: Mapping[str, Column], total: chain.Total) -> NodeRank:
    rules = tuple(
        RuleRank(name, column.ranks[position], column.reasons.get(position, "")) for name, column in answers.items()
    )
    rank = max(UNSUITABLE, total.ranks[position])
    return NodeRank(node_id, rank, total.reasons.get(position, ""), rules)
