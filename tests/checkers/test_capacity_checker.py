"""A node's books of its capacity."""

from __future__ import annotations

from devstack.checkers.capacity import CapacityChecker
from devstack.compute.buffer import ExecutorBuffer
from devstack.compute.capacity import RunningTracker
from devstack.scenario.builders import batch, noop
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def test_capacity_that_is_never_given_back_is_found(monkeypatch):
    """What a node counts as running is what it has granted and not taken back."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CapacityChecker)
    monkeypatch.setattr(RunningTracker, "give_back", lambda tracker, granted: None)
    submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(5 * SECOND_NS)
    checkers.settle()
    assert ["what a node counts as running is what it has granted and not taken back"] == said(checkers)


def test_capacity_that_is_given_back_twice_is_found(monkeypatch):
    """Each release happens exactly once."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CapacityChecker)
    give_back = RunningTracker.give_back

    def twice(tracker, granted):
        give_back(tracker, granted)
        give_back(tracker, granted)

    monkeypatch.setattr(RunningTracker, "give_back", twice)
    for duration in ("1s", "60s", "60s"):
        submit(cluster, batch(noop(runs_for=duration)))
    cluster.run_for(5 * SECOND_NS)
    checkers.settle()
    assert "what a node counts as running is what it has granted and not taken back" in said(checkers)


def test_a_cancelled_execution_that_still_waits_is_found():
    """What a node counts as waiting is what it has accepted and not begun (the bug of v1.4.0)."""
    cluster = cluster_of(1, "queued-cancel-keeps-slot")
    checkers = watched(cluster, CapacityChecker)
    submit(cluster, batch(noop(runs_for="60s"), cpu="4"))
    cluster.run_for(SECOND_NS)
    waiting = submit(cluster, batch(noop(runs_for="60s"), cpu="2"))
    cluster.run_for(SECOND_NS)
    cluster.stop(waiting.job.id)
    cluster.run_for(70 * SECOND_NS)
    assert "what a node counts as waiting is what it has accepted and not begun" in said(checkers)


def test_an_execution_that_waits_beside_free_room_is_found(monkeypatch):
    """An execution that fits does not wait."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CapacityChecker)
    monkeypatch.setattr(ExecutorBuffer, "grant", lambda buffer, record: False)
    monkeypatch.setattr(ExecutorBuffer, "next_granted", lambda buffer: None)
    submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(SECOND_NS)
    checkers.settle()
    assert ["an execution that fits does not wait"] == said(checkers)
