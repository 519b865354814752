"""The smallest change that would have sent an execution to another node, proved by making the choice again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Final

import attrs

from devstack.explain.decision import Decision
from devstack.explain.repairs import AMOUNTS, Step, repairs
from devstack.models.node import Connection, Membership, NodeState
from devstack.orchestrator.explanation import Explanation

__all__ = ["Counter", "counter"]

_MOST_UNITS: Final = 1 << 40


@attrs.frozen
class Counter:
    """With all of these differences the node is chosen, and with fewer it is not."""

    node_id: str
    changes: tuple[str, ...]
    after: Explanation

    def __str__(self) -> str:
        return f"{self.node_id} would have been chosen with {' and '.join(self.changes)}"


def counter(decision: Decision, node_id: str, absent: NodeState | None = None) -> Counter | None:
    """What would have had to be different for that node to be chosen; None if it was, or if nothing would do.

    Args:
        absent: The node, if it was not among those that could be asked: not connected, or not approved.

    Raises:
        InvalidJobError: a constraint that cannot be asked.
    """
    steps = [] if absent is None or decision.has(node_id) else [_coming(absent)]
    steps += repairs(_applied(decision, steps), node_id)
    suitable = _applied(decision, steps)
    if not _is_suitable(suitable, node_id):
        return None
    if suitable.winner == node_id:
        return _proved(decision, node_id, steps)
    for last in _ways_to_win(suitable, node_id):
        found = _proved(decision, node_id, [*steps, last])
        if found is not None:
            return found
    return None


def _applied(decision: Decision, steps: Sequence[Step]) -> Decision:
    return reduce(lambda changed, step: step.apply(changed), steps, decision)


def _is_suitable(decision: Decision, node_id: str) -> bool:
    return any(row.node_id == node_id and row.rank >= 0 for row in decision.explain().nodes)


def _proved(decision: Decision, node_id: str, steps: Sequence[Step]) -> Counter | None:
    after = _applied(decision, steps).explain()
    if not steps or after.winner != node_id:
        return None
    return Counter(node_id, tuple(step.text for step in steps), after)


def _coming(state: NodeState) -> Step:
    words = [] if state.membership is Membership.APPROVED else ["approval"]
    words += [] if state.connection is Connection.CONNECTED else ["a connection"]
    there = attrs.evolve(state, membership=Membership.APPROVED, connection=Connection.CONNECTED)
    return Step(" and ".join(words), lambda decision: decision.with_newcomer(there))


# ---- a node that suits, but not best -------------------------------------------------------------------------


def _ways_to_win(decision: Decision, node_id: str) -> Iterator[Step]:
    """More free room, as little as can be; else more luck; else fewer rivals, which helps in the end."""
    rooms = [room for room in (_more_room(decision, node_id, *row) for row in AMOUNTS) if room is not None]
    if rooms:
        yield min(rooms, key=lambda room: room[0])[1]
    rows = decision.explain().nodes
    rank = next(row.rank for row in rows if row.node_id == node_id)
    ahead = [row for row in rows if (-row.rank, row.node_id) < (-rank, node_id)]
    needed = max(row.rank + (row.node_id < node_id) for row in ahead) - rank + decision.draw(node_id)
    if needed < decision.config.rank_randomness:
        text = f"a draw of {needed} instead of {decision.draw(node_id)}"
        yield Step(text, lambda changed: changed.with_draw(node_id, needed))
    rivals: list[str] = []
    while (winner := decision.without_nodes(rivals).winner) != node_id:
        assert winner is not None  # the node itself suits
        rivals.append(winner)
    yield Step(f"no {' and no '.join(rivals)}", lambda changed: changed.without_nodes(rivals))


def _more_room(decision: Decision, node_id: str, name: str, text: object, unit: int) -> tuple[float, Step] | None:
    """The least additional free room of one kind that makes the node the best, and its share of what the node has."""
    compute = decision.state(node_id).info.compute
    assert compute is not None  # it is suitable
    free, top = getattr(compute.available, name), getattr(compute.max_capacity, name)

    def step(units: int) -> Step:
        def change(state: NodeState) -> NodeState:
            room = attrs.evolve(compute.available, **{name: free + units * unit})
            capacity = attrs.evolve(compute.max_capacity, **{name: max(top, free + units * unit)})
            changed = attrs.evolve(compute, available=room, max_capacity=capacity)
            return attrs.evolve(state, info=attrs.evolve(state.info, compute=changed))

        assert callable(text)
        words = f"{text(units * unit)} more" + (" free" if free + units * unit <= top else "")
        return Step(words, lambda changed: changed.with_node(node_id, change))

    def wins(units: int) -> bool:
        return step(units).apply(decision).winner == node_id

    # The more is free, the better the node ranks and the worse its rivals do: bisect.
    least, most = 0, 1
    while not wins(most):
        least, most = most, most * 2
        if most > _MOST_UNITS or most * unit > 4 * max(top, 1):
            return None  # Of no weight to this job, or out of all proportion.
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if wins(middle) else (middle, most)
    return most * unit / max(top, 1), step(most)
