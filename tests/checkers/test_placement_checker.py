"""Where work is put, and what the requester knows of the room there."""

from __future__ import annotations

import pytest

from devstack.checkers.placements import PlacementChecker
from devstack.kernel import Drop
from devstack.messages import UpdateResources
from devstack.orchestrator.nodes import NodeTable
from devstack.orchestrator.ranking import shared
from devstack.scenario.builders import batch, noop
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched

FULL = "work goes to an idle node before it waits on a full one like it"
KNOWN = "the requester knows a node's room"


@pytest.fixture
def fullest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rank for free room is upside down (museum: `queue-behind-busy-node`)."""
    rank_room = shared.rank_room
    monkeypatch.setattr(shared, "rank_room", lambda *room: [100 - rank for rank in rank_room(*room)])


@pytest.mark.usefixtures("fullest_first")
def test_work_that_waits_on_a_full_node_beside_an_idle_one_is_found():
    """Though both have long told of their room."""
    cluster = cluster_of(2)
    checkers = watched(cluster, PlacementChecker)
    submit(cluster, batch(noop(runs_for="1h"), cpu="3"))
    cluster.run_for(70 * SECOND_NS)
    submit(cluster, batch(noop(runs_for="1m"), cpu="2"))
    cluster.run_for(SECOND_NS)
    assert [FULL] == said(checkers)


@pytest.mark.usefixtures("fullest_first")
@pytest.mark.parametrize("wait_s", [0, 20])
def test_nobody_is_to_blame_for_what_no_report_has_told_yet(wait_s):
    """Reports are half a minute apart."""
    cluster = cluster_of(2)
    checkers = watched(cluster, PlacementChecker)
    submit(cluster, batch(noop(runs_for="1h"), cpu="3"))
    cluster.run_for(wait_s * SECOND_NS)
    submit(cluster, batch(noop(runs_for="1m"), cpu="2"))
    cluster.run_for(SECOND_NS)
    assert [] == said(checkers)


def test_a_job_that_wants_all_nodes_gets_a_full_one_too():
    """Where no idle node is left."""
    cluster = cluster_of(2)
    checkers = watched(cluster, PlacementChecker)
    submit(cluster, batch(noop(runs_for="1h"), cpu="3"))
    cluster.run_for(70 * SECOND_NS)
    submit(cluster, batch(noop(runs_for="1m"), cpu="2", count=2))
    cluster.run_for(SECOND_NS)
    assert [] == said(checkers)


@pytest.mark.parametrize("seed", range(6))
def test_a_draw_among_almost_equal_nodes_is_no_fault(seed):
    """Of a node that only lacks what counts little for the job, Bacalhau's draw may make the better one."""
    cluster = cluster_of(2, seed=seed)
    checkers = watched(cluster, PlacementChecker)
    submit(cluster, batch(noop(runs_for="1h"), cpu="4", memory="1mb"))
    cluster.run_for(70 * SECOND_NS)
    submit(cluster, batch(noop(runs_for="1m"), cpu="1", memory="8gb"))
    cluster.run_for(SECOND_NS)
    assert [] == said(checkers)


def test_room_that_the_requester_counts_wrong_is_found(monkeypatch: pytest.MonkeyPatch):
    """Its books of a node are the node's, one report later (museum: `cache-swap-not-atomic`)."""
    monkeypatch.setattr(NodeTable, "update_resources", lambda table, node_id, available, queue_used: "")
    cluster = cluster_of(1)
    checkers = watched(cluster, PlacementChecker)
    submit(cluster, batch(noop(runs_for="1h"), cpu="1"))
    cluster.run_for(45 * SECOND_NS)
    submit(cluster, batch(noop(runs_for="1m"), cpu="1"))
    cluster.run_for(SECOND_NS)
    assert [KNOWN] == said(checkers)


def test_reports_that_are_lost_excuse_the_requester():
    """It cannot know what nobody tells it."""
    cluster = cluster_of(1)
    checkers = watched(cluster, PlacementChecker)
    cluster.kernel.network.rules.append(lambda p: Drop("lost") if isinstance(p.message, UpdateResources) else None)
    submit(cluster, batch(noop(runs_for="1h"), cpu="1"))
    cluster.run_for(70 * SECOND_NS)
    submit(cluster, batch(noop(runs_for="1m"), cpu="1"))
    cluster.run_for(SECOND_NS)
    assert [] == said(checkers)
