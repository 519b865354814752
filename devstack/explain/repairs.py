"""For each rule that can refuse a node, the smallest change of the node that the rule would let pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from devstack.explain.decision import Decision
from devstack.models.gotext import cpu_text, human_bytes
from devstack.models.node import ComputeNodeInfo, NodeState
from devstack.models.resources import Resources
from devstack.models.selectors import Requirement, requirement
from devstack.orchestrator.ranking.labels import FAVOUR
from devstack.orchestrator.ranking.nodes import amounts

__all__ = ["AMOUNTS", "Step", "repairs"]


@attrs.frozen
class Step:
    """One difference, as words that follow "if it had" or "if it were", and what it makes of the decision."""

    text: str
    apply: Callable[[Decision], Decision]


Repair = Callable[[Decision, str], list[Step]]
# The field of Resources, how to say it, and what a person would count it in.
AMOUNTS: Final[tuple[tuple[str, Callable[[int], str], int], ...]] = (
    ("cpu_millis", lambda count: f"{cpu_text(count)} CPU", 1),
    ("memory_bytes", lambda count: f"{human_bytes(count)} memory", 10**6),
    ("disk_bytes", lambda count: f"{human_bytes(count)} disk", 10**6),
    ("gpu", lambda count: f"{count} GPU", 1),
)


def repairs(decision: Decision, node_id: str) -> list[Step]:
    """What would make the node suitable, a step a rule; none if it is. Each is needed."""
    steps: list[Step] = []
    for repair in _REPAIRS:
        found = repair(decision, node_id)
        for step in found:
            decision = step.apply(decision)
        steps += found
    return steps


def _on_node(node_id: str, text: str, **changes: Any) -> Step:
    """A change of what the node says of its compute side."""

    def change(state: NodeState) -> NodeState:
        compute = state.info.compute or ComputeNodeInfo()
        return attrs.evolve(state, info=attrs.evolve(state.info, compute=attrs.evolve(compute, **changes)))

    return Step(text, lambda decision: decision.with_node(node_id, change))


# ---- one function a rule -------------------------------------------------------------------------------------


def _tell(decision: Decision, node_id: str) -> list[Step]:
    """A node of which nothing is known, or whose capacity is unknown, has no room."""
    compute = decision.state(node_id).info.compute
    if compute is not None and not compute.max_capacity.is_zero:
        return []
    wanted = decision.wanted
    known = compute or ComputeNodeInfo(_keys(wanted.engine), _keys(wanted.publisher), wanted.sources)
    needed = wanted.resources + known.queue_used
    room = Resources(cpu_millis=1) if needed.is_zero else needed
    told = attrs.evolve(known, max_capacity=room, available=room, max_job=room)
    return [_on_node(node_id, "told what it has", **attrs.asdict(told, recurse=False))]


def _keys(key: str) -> tuple[str, ...]:
    return (key,) if key else ()


def _providers(decision: Decision, node_id: str) -> list[Step]:
    wanted, compute = decision.wanted, decision.state(node_id).info.compute
    steps = []
    for what, field, keys in (
        ("engine", "engines", _keys(wanted.engine)),
        ("publisher", "publishers", _keys(wanted.publisher)),
        ("source", "sources", wanted.sources),
    ):
        own: tuple[str, ...] = getattr(compute, field)
        missing = [key for key in keys if key not in own and key not in decision.config.unlisted_providers]
        if missing:
            text = f"the {what}{'s'[: len(missing) - 1]} {', '.join(missing)}"
            steps.append(_on_node(node_id, text, **{field: (*own, *missing)}))
    return steps


def _labels(decision: Decision, node_id: str) -> list[Step]:
    wanted = [requirement(c) for c in decision.wanted.constraints if not c.key.startswith(FAVOUR)]
    labels = decision.state(node_id).info.labels
    steps = []
    for key in dict.fromkeys(one.key for one in wanted):
        own = [one for one in wanted if one.key == key]
        if not all(one.matches(labels) for one in own):
            steps.append(_label(node_id, key, labels.get(key), own))
    return [step for step in steps if step is not None]


def _label(node_id: str, key: str, value: str | None, wanted: Sequence[Requirement]) -> Step | None:
    """The label with a value that all allow; None if no value is."""
    for better in _values(wanted):
        if all(one.allows(better) for one in wanted):
            break
    else:
        return None
    text = f"no label {key}={value}" if better is None else f"the label {key}={better}"

    def change(state: NodeState) -> NodeState:
        labels = {name: kept for name, kept in state.info.labels.items() if name != key}
        if better is not None:
            labels[key] = better
        return attrs.evolve(state, info=attrs.evolve(state.info, labels=labels))

    return Step(text, lambda decision: decision.with_node(node_id, change))


def _values(wanted: Sequence[Requirement]) -> list[str | None]:
    """Values to try: those that are named, the numbers beside them, any, and none."""
    named = [value for one in wanted for value in one.values]
    beside = [str(int(value) + step) for value in named if value.lstrip("+-").isdecimal() for step in (1, -1)]
    return [*named, *beside, "true", None, "other"]


def _largest_job(decision: Decision, node_id: str) -> list[Step]:
    compute, wanted = decision.state(node_id).info.compute, decision.wanted.resources
    assert compute is not None  # `_tell` comes first
    lacks = [
        (name, text, want - top)
        for (name, text, _), want, top in zip(AMOUNTS, amounts(wanted), amounts(compute.max_job), strict=True)
        if want > top
    ]
    if not lacks:
        return []
    larger = attrs.evolve(compute.max_job, **{name: getattr(wanted, name) for name, _, _ in lacks})
    return [_on_node(node_id, f"a limit for jobs {_all(lacks)} higher", max_job=larger)]


def _room(decision: Decision, node_id: str) -> list[Step]:
    """More of what it has must be free; where all of it would not do, it must have more."""
    compute, factor = decision.state(node_id).info.compute, decision.config.over_subscription_millis
    assert compute is not None  # `_tell` comes first
    freed, added, free, top = [], [], {}, {}
    rows = zip(AMOUNTS, *map(amounts, (decision.wanted.resources, compute.max_capacity, compute.available,
                                      compute.queue_used)), strict=True)  # fmt: skip
    for (name, text, _), want, own, available, queued in rows:
        needed = want + queued
        if needed <= own * factor // 1000 - max(0, own - available):
            continue
        enough = -(-needed * 1000 // factor)
        if own >= enough:
            free[name] = needed - own * factor // 1000 + own
            freed.append((name, text, free[name] - available))
        else:
            free[name] = top[name] = enough
            added.append((name, text, enough - own))
    if not free:
        return []
    words = [f"{_all(freed)} more free"] * bool(freed) + [f"{_all(added)} more, all of it free"] * bool(added)
    available, capacity = attrs.evolve(compute.available, **free), attrs.evolve(compute.max_capacity, **top)
    return [_on_node(node_id, " and ".join(words), available=available, max_capacity=capacity)]


def _all(lacks: Sequence[tuple[str, Callable[[int], str], int]]) -> str:
    return " and ".join(text(count) for _, text, count in lacks)


def _version(decision: Decision, node_id: str) -> list[Step]:
    oldest = decision.config.min_version
    row = next(row for row in decision.explain().nodes if row.node_id == node_id)
    if all(rule.rank >= 0 for rule in row.rules if rule.rule == "version"):
        return []

    def change(state: NodeState) -> NodeState:
        return attrs.evolve(state, info=attrs.evolve(state.info, version=oldest))

    return [Step(f"version {oldest.git_version}", lambda decision: decision.with_node(node_id, change))]


def _past(decision: Decision, node_id: str) -> list[Step]:
    past = decision.past.get(node_id)
    if past is None or past.rank >= 0:
        return []
    return [Step(f"no past with this job ({past.reason})", lambda decision: decision.without_past(node_id))]


_REPAIRS: Final[tuple[Repair, ...]] = (_tell, _providers, _labels, _largest_job, _room, _version, _past)
