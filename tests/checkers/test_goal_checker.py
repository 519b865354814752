"""Every job gets what it asks for, or is over and says why."""

from __future__ import annotations

import pytest

from devstack.checkers.goals import GoalChecker
from devstack.models.job import JobState
from devstack.orchestrator.requester import Requester
from devstack.orchestrator.scheduler import batch_service
from devstack.orchestrator.scheduler.schedulers import _SCHEDULERS
from devstack.scenario.builders import batch, daemon, noop, ops, service
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def test_a_job_that_is_never_completed_is_found(monkeypatch):
    """A job that has all it asks for is over."""
    plain = batch_service.schedule

    def endless(tools, record, evaluation, now_ns):
        plan = plain(tools, record, evaluation, now_ns)
        if plan.desired_job_state is JobState.COMPLETED:
            plan.desired_job_state = JobState.UNDEFINED
        return plan

    monkeypatch.setitem(_SCHEDULERS, "batch", endless)
    cluster = cluster_of(1)
    checkers = watched(cluster, GoalChecker)
    submit(cluster, batch(noop(runs_for="5s")))
    cluster.run_for(10 * SECOND_NS)
    checkers.settle()
    assert ["a job that has all it asks for is over"] == said(checkers)


def test_an_ops_job_that_is_never_over_is_found(monkeypatch):
    """An ops job of which nothing runs any more is over."""
    cluster = cluster_of(1)
    checkers = watched(cluster, GoalChecker)
    submit(cluster, ops(noop(runs_for="5s")))
    cluster.run_for(SECOND_NS)
    monkeypatch.setattr(Requester, "_evaluate", lambda *args: None)
    cluster.run_for(10 * SECOND_NS)
    checkers.settle()
    assert ["an ops job of which nothing runs any more is over"] == said(checkers)


@pytest.mark.parametrize("job", [service(noop(runs_for="1h")), batch(noop(runs_for="1h"), queue_timeout="1h")])
def test_an_execution_that_is_not_replaced_is_found(monkeypatch, job):
    """A job whose node is lost gets another execution."""
    cluster = cluster_of(2)
    checkers = watched(cluster, GoalChecker)
    record = submit(cluster, job)
    cluster.run_for(SECOND_NS)
    monkeypatch.setattr(batch_service, "_replace", lambda draft, missing: None)
    cluster.crash(next(iter(record.executions.values())).node_id)
    cluster.run_for(120 * SECOND_NS)
    checkers.settle()
    assert ["a job that lacks 1 executions will be looked at again"] == said(checkers)


def test_an_execution_that_is_replaced_too_late_is_found(monkeypatch):
    """A job that lacks executions gets them while there are nodes that could take them."""
    monkeypatch.setattr(batch_service, "_place", _later)
    cluster = cluster_of(2)
    checkers = watched(cluster, GoalChecker)
    submit(cluster, service(noop(runs_for="1h"), queue_timeout="1h"))
    cluster.run_for(SECOND_NS)
    checkers.settle()
    assert ["a job that lacks 1 executions gets them while node-1"] == said(checkers)


def _later(draft, missing):
    draft.look_again(draft.now_ns + 60 * SECOND_NS, "job-queue", "")


def test_a_daemon_that_ignores_new_nodes_is_found():
    """A daemon has one execution on every node that suits it (the bug of v1.4.0)."""
    cluster = cluster_of(2, "node-join-wakes-nobody")
    checkers = watched(cluster, GoalChecker)
    cluster.crash("node-2")
    cluster.run_for(100 * SECOND_NS)
    submit(cluster, daemon(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    checkers.settle()
    assert [] == said(checkers)
    cluster.restart("node-2")
    cluster.run_for(10 * SECOND_NS)
    checkers.settle()
    assert ["a daemon has one execution on every node that suits it"] == said(checkers)


def test_a_failure_without_a_reason_is_found():
    """A job that failed says why (the bug of v1.4.0)."""
    cluster = cluster_of(1, "ops-failure-without-message")
    checkers = watched(cluster, GoalChecker)
    record = submit(cluster, ops(noop(fails="it breaks")))
    cluster.run_for(30 * SECOND_NS)
    checkers.settle()
    assert JobState.FAILED is record.state
    assert ["a job that failed says why"] == said(checkers)


def test_jobs_that_wait_with_reason_are_left_alone():
    """A job with no node to go to waits as long as it may, and one that runs is not waited for."""
    cluster = cluster_of(1)
    checkers = watched(cluster, GoalChecker)
    submit(cluster, batch(noop(runs_for="100h"), total_timeout="200h"))
    submit(cluster, service(noop(runs_for="100h"), count=2, queue_timeout="100h"))
    submit(cluster, daemon(noop(runs_for="100h"), where="region=mars"))
    cluster.run_for(SECOND_NS)
    before_ns = cluster.now_ns
    checkers.settle()
    assert [] == said(checkers)
    assert before_ns == cluster.now_ns


def test_a_job_that_waits_for_longer_than_it_may_is_found(monkeypatch):
    """A job that lacks executions for longer than it may queue is failed."""
    monkeypatch.setattr(batch_service, "_has_queued_long_enough", lambda draft: False)
    cluster = cluster_of(1)
    checkers = watched(cluster, GoalChecker)
    submit(cluster, service(noop(), where="region=mars", queue_timeout="60s"))
    cluster.run_for(SECOND_NS)
    cluster.run_for(300 * SECOND_NS)
    checkers.settle()
    assert ["a job that lacks 1 executions for longer than it may queue is failed"] == said(checkers)
