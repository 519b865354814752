"""What all jobs with the same wishes share of a ranking: the sum of all rules but the job's past and the draw.

Ranking 10,000 nodes takes tens of milliseconds, and hardly any placement meets the very nodes of the last one. So a
ranking is brought up to date: only the nodes that have changed are ranked again, and all of them are only where the
freest or the most burdened node, to which rule 9 relates the others, has become another.
"""

from __future__ import annotations

from operator import add

from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking import chain
from devstack.orchestrator.ranking.capacity import rank_room, weigh
from devstack.orchestrator.ranking.nodes import Change, Nodes
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["PolicyRanking", "SharedRanking"]


class SharedRanking:
    """`totals` and `reasons` (by position) are those of `nodes`; `follow` makes new ones and changes none."""

    def __init__(self, wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> None:
        self._wanted = wanted
        self._config = config
        self.totals: list[int] = []
        self._rank_all(nodes)

    def follow(self, nodes: Nodes) -> None:
        """Become the ranking of these nodes."""
        if nodes is self.nodes:
            return
        change = nodes.since(self.nodes)
        if change.is_large(nodes):
            self._rank_all(nodes)
        else:
            self._rank_again(nodes, change)

    def _rank_all(self, nodes: Nodes) -> None:
        total = chain.rank_each(self._wanted, nodes, self._config)
        self.nodes, self._each, self.reasons = nodes, total.ranks, total.reasons
        self._free, self._queued = weigh(self._wanted, nodes)
        self._most = self._find_most()
        self._add_up()

    def _rank_again(self, nodes: Nodes, change: Change) -> None:
        fresh = nodes.pick(change.fresh)
        total = chain.rank_each(self._wanted, fresh, self._config)
        free, queued = weigh(self._wanted, fresh)
        self.reasons = change.carry_notes(self.reasons, total.reasons, len(self.nodes))
        self.nodes = nodes
        self._each = change.carry(self._each, total.ranks)
        self._free, self._queued = change.carry(self._free, free), change.carry(self._queued, queued)
        earlier, self._most = self._most, self._find_most()
        if earlier == self._most:
            rooms = rank_room(free, queued, *self._most)
            self.totals = change.carry(self.totals, list(map(add, total.ranks, rooms)))
        else:
            self._add_up()

    def _find_most(self) -> tuple[float, float]:
        return max(self._free, default=0.0), max(self._queued, default=0.0)

    def _add_up(self) -> None:
        self.totals = list(map(add, self._each, rank_room(self._free, self._queued, *self._most)))


class PolicyRanking:
    """The same under a policy: it is made anew whenever a node has changed, for its rules may relate all of them."""

    def __init__(self, wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> None:
        self._wanted = wanted
        self._config = config
        self._rank_all(nodes)

    def follow(self, nodes: Nodes) -> None:
        """Become the ranking of these nodes."""
        if nodes is not self.nodes:
            self._rank_all(nodes)

    def _rank_all(self, nodes: Nodes) -> None:
        total = chain.add_up(list(chain.columns(self._wanted, nodes, self._config).values()))
        self.nodes, self.totals, self.reasons = nodes, total.ranks, total.reasons
