"""Policies by name, by weights, and out of functions of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from devstack.errors import UsageError
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.chain import CAPACITY, NAMES, PAST, RANDOM
from devstack.orchestrator.ranking.policy import ONE_MILLIS, OwnRule, Policy

__all__ = ["POLICIES", "Policy", "policy", "under"]

Weight = int | float

# How they are asked for, and what they mean.
POLICIES: Final[Mapping[str, str]] = {
    "bacalhau": "what Bacalhau does: wishes first, then free room, and a small draw among almost equal nodes",
    "spread": "wishes first, then the node with the most free room",
    "pack": "wishes first, then the node with the least free room that has enough",
    "random": "wishes first, then any node",
    "first": "wishes first, then the first node by id",
}
_WEIGHTS: Final[Mapping[str, Mapping[str, Weight]]] = {
    "bacalhau": {},
    "spread": {RANDOM: 0},
    "pack": {CAPACITY: -1, RANDOM: 0},
    "random": {CAPACITY: 0, RANDOM: 20},
    "first": {CAPACITY: 0, RANDOM: 0},
}


def policy(*rankers: str | OwnRule, weights: Mapping[str, Weight] | None = None, name: str = "") -> Policy:
    """A policy: which of the suitable nodes is preferred.

    Args:
        rankers: One of `POLICIES` to begin with; or the rules that are to count, by name (none: all of Bacalhau's),
            and functions of what is wanted and a node, that answer a rank, the more the better, or a text: why the
            node is refused.
        weights: By the name of a rule or function. 1 is as usual, 0 is not at all, below zero the other way round.

    Raises:
        UsageError: an unknown name, or a weight that the rule cannot have.
    """
    names = [ranker for ranker in rankers if isinstance(ranker, str)]
    own = {_name_of(ranker): ranker for ranker in rankers if not isinstance(ranker, str)}
    base: dict[str, Weight] = {}
    if len(names) == 1 and names[0] in POLICIES:
        base.update(_WEIGHTS[names[0]])
    elif names:
        base.update({rule: 0 for rule in NAMES if rule not in names})
    known = (*NAMES, *own)
    wanted = {**base, **(weights or {})}
    for unknown in (one for one in (*names, *wanted) if one not in known and one not in POLICIES):
        raise UsageError(
            f"there is no ranker or policy {unknown!r}",
            f"policies: {', '.join(POLICIES)}; rankers: {', '.join(known)}; or give a function",
        )
    millis = {rule: _millis(rule, weight) for rule, weight in wanted.items()}
    return Policy(name or _title(names, own, weights or {}), millis, own)


def _name_of(ranker: Any) -> str:
    if not callable(ranker):
        raise UsageError(f"{ranker!r} is no ranker", "give the name of one, or a function of what is wanted and a node")
    name = getattr(ranker, "__name__", type(ranker).__name__)
    if name in NAMES:
        raise UsageError(f"a ranker of one's own cannot be called {name!r}", "that is one of Bacalhau's; rename it")
    return str(name)


def _title(names: list[str], own: Mapping[str, OwnRule], weights: Mapping[str, Weight]) -> str:
    given = [*names, *own, *(f"{rule} x{weight:g}" for rule, weight in weights.items())]
    return " + ".join(given) or "bacalhau"


def _millis(rule: str, weight: Weight) -> int:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or abs(weight) > ONE_MILLIS:
        raise UsageError(f"the weight of {rule} cannot be {weight!r}", "give a number from -1000 to 1000")
    if weight < 0 and rule in (PAST, RANDOM):
        raise UsageError(f"the weight of {rule} cannot be below zero", "0 leaves the rule out")
    return round(weight * ONE_MILLIS)


def under(chosen: Policy | None, config: RequesterConfig) -> RequesterConfig:
    """The requester's settings with that policy."""
    if chosen is None:
        return config
    draws = config.rank_randomness * chosen.millis(RANDOM) // ONE_MILLIS
    return attrs.evolve(config, policy=chosen, rank_randomness=draws)
