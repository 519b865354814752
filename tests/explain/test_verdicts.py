"""A row for each node: what it scored, and what it lacked."""

from __future__ import annotations

from devstack.cluster import Cluster, simulated_nodes
from devstack.explain import verdicts as module
from devstack.explain.choices import Choices
from devstack.explain.verdicts import verdicts
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.builders import batch, noop

SECOND_NS = 1_000_000_000


def the_choice(rejected: str = ""):
    cluster = Cluster(simulated_nodes(4), lambda made: SimulatedShell(made.kernel))
    cluster.start()
    cluster.run_for(SECOND_NS)
    if rejected:
        cluster.change_node(rejected, "reject")
    choices = Choices(cluster)
    record = cluster.submit(batch(noop())).record
    cluster.run_for(SECOND_NS)
    return next(choices.of(record.job.id))


def test_each_node_has_a_row():
    """The one that was placed on needs no change, and every other does."""
    choice = the_choice()
    rows = list(verdicts(choice))
    assert sorted(row.node_id for row in rows) == ["node-1", "node-2", "node-3", "node-4"]
    assert [row.node_id for row in rows if row.is_placed] == [choice.decision.winner]
    assert [bool(row.changes) for row in rows] == [not row.is_placed for row in rows]
    assert rows == sorted(rows, key=lambda row: -row.rank)


def test_an_absent_node_says_why():
    """It comes last."""
    *_, last = verdicts(the_choice(rejected="node-2"))
    assert ("node-2", -1, "its membership is REJECTED", "approval") == (
        last.node_id, last.rank, last.reason, last.changes[0],
    )  # fmt: skip


def test_one_node_alone():
    """The others are not looked at."""
    assert ["node-3"] == [row.node_id for row in verdicts(the_choice(), "node-3")]


def test_changes_are_looked_for_at_few_nodes(monkeypatch):
    """Very many nodes would take very long."""
    monkeypatch.setattr(module, "MOST_COUNTERS", 1)
    assert 1 == sum(bool(row.changes) for row in verdicts(the_choice()))
