"""A ranking that follows the nodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.models.node import ComputeNodeInfo, NodeInfo, NodeState
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking import shared
from devstack.orchestrator.ranking.nodes import Nodes
from devstack.orchestrator.ranking.shared import SharedRanking
from devstack.orchestrator.ranking.wanted import Wanted

CONFIG = RequesterConfig()
amounts = st.builds(Resources, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
computes = st.none() | st.builds(
    lambda engine, top, free, queued: ComputeNodeInfo(
        engines=(engine,), max_capacity=top, available=free, queue_used=queued, max_job=top
    ),
    st.sampled_from(["docker", "wasm"]), amounts, amounts, amounts,
)  # fmt: skip
tables = st.dictionaries(st.integers(0, 30), computes, max_size=20)
changes = st.lists(st.dictionaries(st.integers(0, 30), computes | st.just("gone"), max_size=4), max_size=4)


@given(tables, changes, amounts)
def test_a_ranking_that_followed_the_nodes_is_the_one_that_would_be_made_anew(table, all_changes, resources):
    """Whatever changes, comes or goes, a few nodes at a time or all at once: same ranks, same reasons."""
    wanted = Wanted(engine="docker", resources=resources)
    known = {number: NodeState(NodeInfo(f"n{number:02}", compute=compute)) for number, compute in table.items()}
    ranking = SharedRanking(wanted, Nodes([known[number] for number in sorted(known)]), CONFIG)
    for change in all_changes:
        for number, compute in change.items():
            known.pop(number, None)
            if compute != "gone":
                known[number] = NodeState(NodeInfo(f"n{number:02}", compute=compute))
        nodes = Nodes([known[number] for number in sorted(known)])
        ranking.follow(nodes)
        anew = SharedRanking(wanted, nodes, CONFIG)
        assert anew.totals == ranking.totals
        assert anew.reasons == ranking.reasons


@pytest.mark.parametrize(("changed", "ranked"), [(1, 1), (2, 2), (5, 8)])
def test_only_the_nodes_that_changed_are_ranked_again(monkeypatch, changed, ranked):
    """All of them only where so many have changed that it costs no more."""
    counts = []
    rank_each = shared.chain.rank_each

    def count(wanted, nodes, config):
        counts.append(len(nodes))
        return rank_each(wanted, nodes, config)

    monkeypatch.setattr(shared.chain, "rank_each", count)
    states = [NodeState(NodeInfo(f"n{number}")) for number in range(8)]
    ranking = SharedRanking(Wanted(), Nodes(states), CONFIG)
    ranking.follow(Nodes([*(NodeState(state.info) for state in states[:changed]), *states[changed:]]))
    assert [8, ranked] == counts
