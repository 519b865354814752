"""Rows as the page shows them: what the cluster has, in flat objects."""

from __future__ import annotations

from typing import Any

from devstack.cluster import Cluster, simulated_nodes
from devstack.dashboard.board import Board
from devstack.dashboard.rows import MOST_TEXT, rows_of
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.builders import batch, noop

SECOND_NS = 1_000_000_000


class Shown:
    """A cluster and its rows by id."""

    def __init__(self) -> None:
        self.cluster = Cluster(simulated_nodes(2), lambda made: SimulatedShell(made.kernel))
        self.cluster.start()
        self.cluster.run_for(SECOND_NS)
        self.board = Board(self.cluster)

    def rows(self, kind: str) -> dict[str, Any]:
        rows = rows_of(self.cluster, self.board, self.board.since(0, 10**9))
        return {row["id"]: row for row in rows[kind]}


def test_a_node_has_its_load_and_its_health():
    """What is granted of what it has; the requester computes nothing."""
    shown = Shown()
    shown.cluster.submit(batch(noop("1h"), cpu="1500m"))
    shown.cluster.run_for(SECOND_NS)
    nodes = shown.rows("nodes")
    assert [[0, 4000], [1500, 4000]] == sorted(row["cpu"] for row in nodes.values() if "cpu" in row)
    assert [0, 1] == sorted(row["running"] for row in nodes.values() if "running" in row)
    assert {"id": "node-0", "type": "requester", "power": True, "membership": "approved", "connected": True} == (
        nodes["node-0"]
    )


def test_a_node_without_power_carries_nothing():
    """Its machine is off, whatever the requester still believes."""
    shown = Shown()
    shown.cluster.submit(batch(noop("1h"), count=2, cpu="1"))
    shown.cluster.run_for(SECOND_NS)
    shown.cluster.crash("node-1")
    node = shown.rows("nodes")["node-1"]
    assert (False, 0, 0, True) == (node["power"], node["cpu"][0], node["running"], node["connected"])


def test_a_deleted_node_says_so():
    """It may come back."""
    shown = Shown()
    shown.cluster.change_node("node-1", "delete")
    shown.cluster.run_for(SECOND_NS // 10)
    assert "deleted" == shown.rows("nodes")["node-1"]["membership"]


def test_a_job_and_its_execution():
    """States in Bacalhau's words, times in milliseconds."""
    shown = Shown()
    record = shown.cluster.submit(batch(noop("2s"))).record
    shown.cluster.run_for(5 * SECOND_NS)
    [execution], job = shown.rows("executions").values(), shown.rows("jobs")[record.job.id]
    assert ("Completed", 1, 1, 1) == (job["state"], job["count"], job["executions"], job["completed"])
    assert ("Completed", True, record.job.id) == (execution["state"], execution["over"], execution["job"])
    assert 2000 <= execution["changed"] - execution["began"] < 2100
    assert record.create_time_ns // 10**6 == job["created"]


def test_long_texts_are_cut():
    """A program may have said a lot."""
    shown = Shown()
    record = shown.cluster.submit(batch(noop("1s", fails="x" * 10_000))).record
    shown.cluster.run_for(60 * SECOND_NS)
    assert len(shown.rows("jobs")[record.job.id]["message"]) <= MOST_TEXT
    assert all(len(row["message"]) <= MOST_TEXT for row in shown.rows("executions").values())
