"""Timeouts fire when they should."""

from __future__ import annotations

from devstack.checkers.timeouts import TimeoutChecker
from devstack.compute.runner import Runner
from devstack.orchestrator import housekeeping
from devstack.orchestrator.scheduler.common import Draft
from devstack.scenario.builders import batch, noop
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def test_a_program_that_outlives_its_timeout_is_found(monkeypatch):
    """An execution ends within its timeout, counted from its first step on its node."""
    monkeypatch.setattr(Runner, "timed_out", lambda runner, now_ns, execution_id: True)
    cluster = cluster_of(1)
    checkers = watched(cluster, TimeoutChecker)
    submit(cluster, batch(noop(runs_for="60s"), execution_timeout="10s"))
    cluster.run_for(70 * SECOND_NS)
    assert "an execution ends within its timeout of 10s" in said(checkers)


def test_a_program_that_still_runs_past_its_timeout_is_found_at_the_end(monkeypatch):
    """What never ends is found when the run does."""
    monkeypatch.setattr(Runner, "timed_out", lambda runner, now_ns, execution_id: True)
    monkeypatch.setattr(Draft, "apply_timeouts", lambda draft: None)
    cluster = cluster_of(1)
    checkers = watched(cluster, TimeoutChecker)
    submit(cluster, batch(noop(runs_for="1h"), execution_timeout="10s"))
    cluster.run_for(70 * SECOND_NS)
    checkers.settle()
    assert ["an execution ends within its timeout of 10s"] == said(checkers)


def test_the_time_of_a_frozen_node_does_not_count():
    """Nobody can end a program on a node that stands still."""
    cluster = cluster_of(1)
    checkers = watched(cluster, TimeoutChecker)
    submit(cluster, batch(noop(runs_for="60s"), execution_timeout="10s"))
    cluster.run_for(SECOND_NS)
    cluster.pause("node-1")
    cluster.run_for(20 * SECOND_NS)
    cluster.resume("node-1")
    cluster.run_for(70 * SECOND_NS)
    checkers.settle()
    assert [] == said(checkers)


def test_a_total_timeout_that_nobody_enforces_is_found(monkeypatch):
    """A job ends within its total timeout and a round of housekeeping (museum: `total-timeout-not-enforced`)."""
    monkeypatch.setattr(Runner, "timed_out", lambda runner, now_ns, execution_id: True)
    monkeypatch.setattr(housekeeping, "due_evaluations", lambda *args: [])
    monkeypatch.setattr(Draft, "apply_timeouts", lambda draft: None)
    cluster = cluster_of(1)
    checkers = watched(cluster, TimeoutChecker)
    submit(cluster, batch(noop(runs_for="1h"), total_timeout="60s"))
    cluster.run_for(300 * SECOND_NS)
    checkers.settle()
    assert any(what.startswith("a job ends within its total timeout of 1m0s") for what in said(checkers))
