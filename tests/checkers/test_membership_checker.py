"""Who is connected."""

from __future__ import annotations

from devstack.checkers.membership import MembershipChecker
from devstack.kernel import Drop
from devstack.messages import Heartbeat
from devstack.orchestrator.nodes import NodeTable
from devstack.scenario.builders import batch, noop
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def test_a_healthy_node_that_is_disconnected_is_found(monkeypatch):
    """A node that sends its heartbeats stays connected (museum: `heartbeat-entry-duplicated`)."""
    cluster = cluster_of(2)
    checkers = watched(cluster, MembershipChecker)
    cluster.run_for(100 * SECOND_NS)
    monkeypatch.setattr(NodeTable, "heartbeat", lambda table, node_id, now_ns: True)
    cluster.run_for(100 * SECOND_NS)
    assert {"a node that sends its heartbeats stays connected"} == set(said(checkers))
    assert [("node-1",), ("node-2",)] == [violation.nodes for violation in checkers.violations]


def test_a_silent_node_may_be_disconnected():
    """Lost heartbeats are a cause, and so is a crash."""
    cluster = cluster_of(3)
    checkers = watched(cluster, MembershipChecker)
    cluster.run_for(100 * SECOND_NS)
    cluster.crash("node-1")
    cluster.kernel.network.rules.append(
        lambda p: Drop("lost") if isinstance(p.message, Heartbeat) and p.source == "node-2" else None
    )
    cluster.run_for(200 * SECOND_NS)
    checkers.settle()
    assert [] == said(checkers)


def test_a_dead_node_that_stays_connected_is_found(monkeypatch):
    """A node without power is not connected for longer than it takes to notice, and is given no work."""
    monkeypatch.setattr(NodeTable, "check_heartbeats", lambda table, now_ns: None)
    cluster = cluster_of(1)
    checkers = watched(cluster, MembershipChecker)
    cluster.crash("node-1")
    cluster.run_for(50 * SECOND_NS)
    submit(cluster, batch(noop()))
    cluster.run_for(SECOND_NS)
    assert [] == said(checkers)
    cluster.run_for(50 * SECOND_NS)
    submit(cluster, batch(noop()))
    cluster.run_for(SECOND_NS)
    checkers.settle()
    assert ["a node that has been silent for too long is given no work", "a node without power is not connected"] == (
        said(checkers)
    )
