"""Another taste in nodes than Bacalhau's: weights for its rules, and rules of one's own.

A policy says which of the suitable nodes is preferred. What a rule refuses stays refused, whatever its weight. Where
there is no policy, none of this is asked anything.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from devstack.errors import UsageError
from devstack.models.node import NodeInfo
from devstack.orchestrator.ranking.column import UNSUITABLE, Column
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["ONE_MILLIS", "OwnRule", "Policy"]

ONE_MILLIS: Final = 1000

OwnRule = Callable[[Wanted, NodeInfo], int | str]
"""What it makes of one node: a rank, the more the better, or a text: why the node is refused.

It must answer the same for the same arguments: answers are kept, and an explanation asks again.
"""


@attrs.frozen(eq=False)
class Policy:
    """`weights_millis` are thousandths by the name of a rule; a rule that is not named counts as it does without.

    A weight below zero prefers the nodes that the rule ranks low. `own` are more rules by their names.
    """

    name: str
    weights_millis: Mapping[str, int] = attrs.field(factory=dict)
    own: Mapping[str, OwnRule] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return self.name

    def applied(self, answers: Mapping[str, Column], wanted: Wanted, nodes: Nodes) -> dict[str, Column]:
        """The answers of all rules and of its own ones, weighted.

        Raises:
            UsageError: an own rule fails, or gives no answer.
        """
        own = {name: _column(name, rule, wanted, nodes) for name, rule in self.own.items()}
        return {name: self.weighted(name, column) for name, column in {**answers, **own}.items()}

    def weighted(self, name: str, column: Column) -> Column:
        """What the rule's answer counts under this policy."""
        millis = self.millis(name)
        if millis == ONE_MILLIS:
            return column
        top = max(column.ranks, default=0) if millis < 0 else 0
        return Column([rank if rank < 0 else (rank - top) * millis // ONE_MILLIS for rank in column.ranks],
                      column.reasons)  # fmt: skip

    def millis(self, name: str) -> int:
        """The rule's weight in thousandths."""
        return self.weights_millis.get(name, ONE_MILLIS)


def _column(name: str, rule: OwnRule, wanted: Wanted, nodes: Nodes) -> Column:
    answers = [_ask(name, rule, wanted, state.info) for state in nodes.states]
    ranks = [UNSUITABLE if isinstance(answer, str) else max(UNSUITABLE, answer) for answer in answers]
    reasons = {at: answer if isinstance(answer, str) else f"refused by {name}"
               for at, answer in enumerate(answers) if ranks[at] < 0}  # fmt: skip
    return Column(ranks, reasons)


def _ask(name: str, rule: OwnRule, wanted: Wanted, node: NodeInfo) -> int | str:
    try:
        answer = rule(wanted, node)
    except Exception as exc:
        frame = traceback.extract_tb(exc.__traceback__)[-1]
        raise UsageError(
            f"the ranker {name} fails at {node.node_id}: {type(exc).__name__}: {exc}",
            f"look at line {frame.lineno} of {frame.name}",
        ) from exc
    if isinstance(answer, bool) or not isinstance(answer, int | str):
        raise UsageError(
            f"the ranker {name} answers {answer!r} for {node.node_id}",
            "return a whole number (the more the better), or a text: why the node is refused",
        )
    return answer
