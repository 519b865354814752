"""The rules in order, and how their ranks add up.

A node that any rule refuses stays refused, with the reason of the last rule that did; else its ranks add up.
Rules 8 (the job's past) and 10 (the draw) differ from one placement to the next and are added by the selector; the
others only look at the nodes and at what is wanted, so that their sum serves all jobs that want the same. All but
rule 9 (free room) look at each node alone: what they say of a node is the same whatever other nodes there are.
Source: orchestrator reference 7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.capacity import rank_by_capacity
from devstack.orchestrator.ranking.column import Column
from devstack.orchestrator.ranking.features import rank_by_engine, rank_by_publisher, rank_by_sources
from devstack.orchestrator.ranking.labels import rank_by_labels
from devstack.orchestrator.ranking.max_usage import rank_by_max_usage
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.over_subscription import rank_by_over_subscription
from devstack.orchestrator.ranking.policy import ONE_MILLIS
from devstack.orchestrator.ranking.version import rank_by_version
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = [
    "CAPACITY",
    "NAMES",
    "PAST",
    "RANDOM",
    "REFUSED",
    "Total",
    "add_up",
    "columns",
    "ordered",
    "past_rank",
    "rank_each",
]

Rule = Callable[[Wanted, Nodes, RequesterConfig], Column]

PAST: Final = "previous executions"
RANDOM: Final = "random"
CAPACITY: Final = "available capacity"
_EACH: Final[tuple[tuple[str, Rule], ...]] = (
    ("engine", rank_by_engine),
    ("publisher", rank_by_publisher),
    ("sources", rank_by_sources),
    ("labels", rank_by_labels),
    ("max usage", rank_by_max_usage),
    ("over-subscription", rank_by_over_subscription),
    ("version", rank_by_version),
)
NAMES: Final = (*(name for name, _ in _EACH), PAST, CAPACITY, RANDOM)
# So far below zero that no later rank lifts a refused node.
REFUSED: Final = -(10**9)


@attrs.frozen
class Total:
    """The sum for each node, below zero for the refused ones, and their reasons by position."""

    ranks: list[int]
    reasons: dict[int, str]


def columns(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> dict[str, Column]:
    """The answer of every rule that looks only at nodes and wishes, by the rule's name; a policy's own come last."""
    answers = {name: rule(wanted, nodes, config) for name, rule in _EACH}
    answers[CAPACITY] = rank_by_capacity(wanted, nodes, config)
    return answers if config.policy is None else config.policy.applied(answers, wanted, nodes)


def ordered(answers: Mapping[str, Column]) -> dict[str, Column]:
    """The answers of all rules in the order in which they refuse; a policy's own come before the job's past."""
    own = [name for name in answers if name not in NAMES]
    at = NAMES.index(PAST)
    return {name: answers[name] for name in (*NAMES[:at], *own, *NAMES[at:])}


def past_rank(rank: int, config: RequesterConfig) -> int:
    """What a rank for the job's past counts."""
    if config.policy is None or rank < 0:
        return rank
    return rank * config.policy.millis(PAST) // ONE_MILLIS


def rank_each(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Total:
    """The sum of the rules that look at each node alone."""
    return add_up([rule(wanted, nodes, config) for _, rule in _EACH])


def add_up(answers: Sequence[Column]) -> Total:
    """Add the ranks of each node, in the order of the rules."""
    ranks = list(map(sum, zip(*(column.ranks for column in answers), strict=True)))
    reasons: dict[int, str] = {}
    for column in answers:
        if min(column.ranks, default=0) < 0:
            for position, rank in enumerate(column.ranks):
                if rank < 0:
                    reasons[position] = column.reasons.get(position, "")
    for position in reasons:
        ranks[position] = REFUSED
    return Total(ranks, reasons)
