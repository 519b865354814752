"""Chooses nodes for a job: filter, rank, take the best. Every choice can be explained.

Most of a ranking is the same for all jobs that want the same; it is kept, and follows the nodes as they change. What
is left for one placement is the job's own past and one draw a node.
Source: orchestrator reference 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add
from typing import Any, Final, Protocol

import attrs

from devstack.errors import DevstackError, InvalidJobError
from devstack.models.chance import Chance
from devstack.models.node import NodeState
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.explanation import Explanation, explain
from devstack.orchestrator.ranking import chain
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.over_subscription import check_factor
from devstack.orchestrator.ranking.previous import FRESH, Past, PastRule
from devstack.orchestrator.ranking.randomness import check_range, draw_ranks
from devstack.orchestrator.ranking.shared import PolicyRanking, SharedRanking
from devstack.orchestrator.ranking.wanted import Wanted, wanted_by
from devstack.orchestrator.store import JobRecord, JobStore

__all__ = ["NoConnectedNodesError", "NodeSelector", "NodeTable", "SchedulingError", "Selection"]

_MOST_RANKINGS: Final = 64
Ranking = SharedRanking | PolicyRanking


class SchedulingError(DevstackError):
    """An evaluation cannot be carried out now; it is nacked and comes again."""


class NoConnectedNodesError(SchedulingError):
    """There is no node that could even be asked."""

    def __init__(self) -> None:
        super().__init__("unable to find any connected and approved nodes")


class NodeTable(Protocol):
    """What selection has to know of the nodes."""

    @property
    def revision(self) -> int:
        """Grows whenever anything changes that ranking may see."""

    def eligible(self) -> tuple[NodeState, ...]:
        """Approved and connected compute nodes by id; the same object as long as `revision` stays."""

    def is_lost(self, node_id: str) -> bool:
        """Whether executions on that node are given up."""


@attrs.define
class Selection:
    """Nodes for one job, and all that the choice came from.

    `chosen` are the best, first the best; `suitable` says how many could have been chosen. `resting` are nodes that
    are refused only until the given instant.
    """

    chosen: list[str]
    suitable: int
    available: int
    nodes: tuple[NodeState, ...] = ()
    revision: int = 0
    draws: Sequence[int] = ()
    past: Mapping[str, Past] = attrs.field(factory=dict)
    resting: Mapping[str, int] = attrs.field(factory=dict)
    reasons: Mapping[int, str] = attrs.field(factory=dict)

    def refusals(self) -> list[tuple[str, str]]:
        """Every node with the reason why it was refused, empty for the others."""
        answers = []
        for position, state in enumerate(self.nodes):
            node_id = state.info.node_id
            past = self.past.get(node_id)
            own = past.reason if past is not None else ""
            answers.append((node_id, own or self.reasons.get(position, "")))
        return answers


class NodeSelector:
    """Selects among the nodes of one table; `journal` has the selections since it was last taken, by job id."""

    def __init__(self, nodes: NodeTable, store: JobStore, config: RequesterConfig, chance: Chance) -> None:
        check_factor(config.over_subscription_millis)
        check_range(config.rank_randomness)
        self.nodes = nodes
        self.journal: list[tuple[str, Selection]] = []
        self._store = store
        self._config = config
        self._chance = chance
        self._columns = Nodes(())
        self._rankings: dict[Wanted, Ranking] = {}

    def __getstate__(self) -> dict[str, Any]:
        # What can be computed again is left out of copies of a world.
        return {**self.__dict__, "_columns": Nodes(()), "_rankings": {}}

    def matching(self, record: JobRecord, now_ns: int) -> Selection:
        """All nodes that suit the job, best first.

        Raises:
            SchedulingError: no node is connected, or the job's wishes cannot be read.
        """
        return self.top(record, None, now_ns)

    def top(self, record: JobRecord, count: int | None, now_ns: int) -> Selection:
        """The `count` best nodes for the job (None: all), of equals those with the lower id.

        Raises:
            SchedulingError: no node is connected, or the job's wishes cannot be read.
        """
        states = self.nodes.eligible()
        if not states:
            raise NoConnectedNodesError()
        ranking = self._ranking(record, states)
        draws = draw_ranks(self._chance, self._config.rank_randomness, len(states))
        past = self._past(record, now_ns)
        selection = self._select(ranking, states, draws, past, count)
        self.journal.append((record.job.id, selection))
        return selection

    def explain(
        self, record: JobRecord, now_ns: int, states: Sequence[NodeState] | None = None, draws: Sequence[int] = ()
    ) -> Explanation:
        """Why each node would be chosen or not, or was: then with the nodes and draws of that time.

        Nothing is drawn for an explanation; without `draws` they count as zero.

        Raises:
            SchedulingError: the job's wishes cannot be read.
        """
        nodes = Nodes(self.nodes.eligible() if states is None else states)
        try:
            return explain(wanted_by(record.job), nodes, self._config, self._past(record, now_ns), draws)
        except InvalidJobError as exc:
            raise SchedulingError(exc.message, exc.hint) from exc

    def explain_selection(self, record: JobRecord, selection: Selection) -> Explanation:
        """Why each node was chosen or not in a selection for that job."""
        return explain(wanted_by(record.job), Nodes(selection.nodes), self._config, selection.past, selection.draws)

    def _past(self, record: JobRecord, now_ns: int) -> dict[str, Past]:
        if not record.executions:
            return {}
        return PastRule.of(record.job.type, self._config.behaviour).by_node(record.executions.values(), now_ns)

    def _ranking(self, record: JobRecord, states: tuple[NodeState, ...]) -> Ranking:
        if self._columns.states is not states:
            self._columns = Nodes.after(self._columns, states)
        try:
            wanted = wanted_by(record.job)
            ranking = self._rankings.get(wanted)
            if ranking is None:
                kind = SharedRanking if self._config.policy is None else PolicyRanking
                ranking = kind(wanted, self._columns, self._config)
                self._keep(wanted, ranking)
        except InvalidJobError as exc:
            raise SchedulingError(exc.message, exc.hint) from exc
        ranking.follow(self._columns)
        return ranking

    def _keep(self, wanted: Wanted, ranking: Ranking) -> None:
        if len(self._rankings) >= _MOST_RANKINGS:
            del self._rankings[next(iter(self._rankings))]
        self._rankings[wanted] = ranking

    def _select(
        self, ranking: Ranking, states: tuple[NodeState, ...], draws: list[int], past: dict[str, Past],
        count: int | None,
    ) -> Selection:  # fmt: skip
        totals, config = list(map(add, ranking.totals, draws)), self._config
        suitable = len(totals) - len(ranking.reasons)
        resting = {}
        for node_id, then in past.items():
            position = ranking.nodes.position(node_id)
            if position is None or position in ranking.reasons:
                continue
            if then.rank >= 0:
                # All others rank as FRESH, which need not be added to each.
                totals[position] += chain.past_rank(then.rank, config) - chain.past_rank(FRESH, config)
                continue
            totals[position] = chain.REFUSED
            suitable -= 1
            if then.rests_until_ns:
                resting[node_id] = then.rests_until_ns
        chosen = _best(states, totals, suitable if count is None else min(count, suitable))
        return Selection(
            chosen, suitable, len(totals), states, self.nodes.revision, draws, past, resting, ranking.reasons
        )


def _best(states: Sequence[NodeState], totals: list[int], count: int) -> list[str]:
    """The ids of the best, first the best; the nodes are in the order of their ids, and of equals the first wins."""
    if count <= 0:
        return []
    if count == 1:
        return [states[totals.index(max(totals))].info.node_id]
    order = sorted(range(len(totals)), key=totals.__getitem__, reverse=True)
    return [states[position].info.node_id for position in order[:count]]
