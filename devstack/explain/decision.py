"""One choice of a node, with everything that it came from: it can be made again, and made otherwise."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence

import attrs

from devstack.models.node import NodeState
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.explanation import Explanation, explain, winner
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.previous import Past
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["Decision"]


@attrs.frozen
class Decision:
    """What the job wants, the nodes that could be asked (by id), the job's past on them, and a draw for each."""

    wanted: Wanted
    states: tuple[NodeState, ...]
    config: RequesterConfig
    past: Mapping[str, Past] = attrs.field(factory=dict)
    draws: Sequence[int] = ()

    def explain(self) -> Explanation:
        """Every node's ranks and reasons.

        Raises:
            InvalidJobError: a constraint that cannot be asked.
        """
        return explain(self.wanted, Nodes(self.states), self.config, self.past, self.draws)

    @property
    def winner(self) -> str | None:
        """The node that one execution goes to."""
        return winner(self.wanted, Nodes(self.states), self.config, self.past, self.draws)

    def state(self, node_id: str) -> NodeState:
        """That node as it was; it must be one of them."""
        return self.states[self.position(node_id)]

    def position(self, node_id: str) -> int:
        """Where the node stands, or would stand."""
        return bisect_left(self.states, node_id, key=lambda state: state.info.node_id)

    def has(self, node_id: str) -> bool:
        """Whether the node could be asked."""
        at = self.position(node_id)
        return at < len(self.states) and self.states[at].info.node_id == node_id

    def draw(self, node_id: str) -> int:
        """What the node drew."""
        return self.draws[self.position(node_id)] if self.draws else 0

    # ---- the same choice, otherwise ------------------------------------------------------------------------

    def with_node(self, node_id: str, change: Callable[[NodeState], NodeState]) -> Decision:
        """The node is different."""
        at = self.position(node_id)
        return attrs.evolve(self, states=(*self.states[:at], change(self.states[at]), *self.states[at + 1 :]))

    def with_newcomer(self, state: NodeState) -> Decision:
        """One node more could be asked; it draws nothing."""
        at = self.position(state.info.node_id)
        draws = [*self.draws[:at], 0, *self.draws[at:]] if self.draws else ()
        return attrs.evolve(self, states=(*self.states[:at], state, *self.states[at:]), draws=draws)

    def with_draw(self, node_id: str, points: int) -> Decision:
        """The node has drawn that much."""
        draws = list(self.draws or [0] * len(self.states))
        draws[self.position(node_id)] = points
        return attrs.evolve(self, draws=draws)

    def without_past(self, node_id: str) -> Decision:
        """The node never had the job."""
        return attrs.evolve(self, past={at: past for at, past in self.past.items() if at != node_id})

    def without_nodes(self, node_ids: Collection[str]) -> Decision:
        """Those nodes could not be asked."""
        kept = [at for at, state in enumerate(self.states) if state.info.node_id not in node_ids]
        draws = [self.draws[at] for at in kept] if self.draws else ()
        return attrs.evolve(self, states=tuple(self.states[at] for at in kept), draws=draws)
