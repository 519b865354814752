"""What is told as the reason of a failure is true."""

from __future__ import annotations

import attrs
import pytest

from devstack.checkers.honesty import HonestyChecker
from devstack.models.event import Event, Topic
from devstack.orchestrator import events
from devstack.orchestrator.reports import failure
from devstack.orchestrator.requester import Requester
from devstack.orchestrator.scheduler.common import Draft
from devstack.orchestrator.selection import NodeSelector
from devstack.scenario.builders import batch, noop
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def only(record):
    return next(iter(record.executions.values()))


def test_a_job_timeout_that_comes_too_early_is_found(monkeypatch):
    """A job times out when its time is over, and not before."""

    def hasty(draft):
        if draft.record.executions:
            draft.plan.mark_failed(events.job_timeout(60 * SECOND_NS, draft.now_ns))

    monkeypatch.setattr(Draft, "apply_timeouts", hasty)
    cluster = cluster_of(1)
    checkers = watched(cluster, HonestyChecker)
    submit(cluster, batch(noop(runs_for="20s"), total_timeout="60s"))
    cluster.run_for(60 * SECOND_NS)
    assert ["a job times out when its 1m0s are over"] == said(checkers)


def test_an_execution_that_is_given_up_as_late_too_early_is_found(monkeypatch):
    """An execution times out when its time is over (museum: `execution-timeout-counts-from-submission`)."""

    def hasty(draft):
        timeout_ns = draft.job.task.timeouts.execution_s * SECOND_NS
        if draft.now_ns - draft.record.create_time_ns > timeout_ns - 5 * SECOND_NS:
            draft._give_up(draft.live, events.execution_timeout(timeout_ns, draft.now_ns))

    monkeypatch.setattr(Draft, "apply_timeouts", hasty)
    cluster = cluster_of(1)
    checkers = watched(cluster, HonestyChecker)
    record = submit(cluster, batch(noop(runs_for="58s"), execution_timeout="60s", queue_timeout="1h"))
    cluster.run_for(56 * SECOND_NS)
    cluster._ask("_evaluate", record, "exec-timeout")
    cluster.run_for(30 * SECOND_NS)
    assert ["an execution times out when its 1m0s are over"] == said(checkers)


def test_a_timeout_that_a_node_reports_too_early_is_found():
    """A node says that an execution timed out when it has had its time."""
    cluster = cluster_of(1)
    checkers = watched(cluster, HonestyChecker)
    submit(cluster, batch(noop(runs_for="58s"), execution_timeout="60s"))
    cluster.run_for(5 * SECOND_NS)
    local = next(iter(cluster.node("node-1").store))
    cluster.fire("node-1", ("timeout", local.id))
    cluster.run_for(30 * SECOND_NS)
    assert ["an execution times out when its 1m0s are over"] == said(checkers)


def test_a_restart_that_never_was_is_found():
    """Who fails for a restart was on a node that restarted."""
    cluster = cluster_of(1)
    checkers = watched(cluster, HonestyChecker)
    record = submit(cluster, batch(noop(runs_for="58s")))
    cluster.run_for(5 * SECOND_NS)
    event = Event("Failed due to node restart", Topic.RUNNING, cluster.now_ns)
    cluster._ask("_change", only(record), failure(event))
    cluster.run_for(30 * SECOND_NS)
    assert ["who fails for a restart was on a node that restarted"] == said(checkers)


def test_work_that_has_succeeded_and_is_failed_is_found(monkeypatch):
    """An execution that has succeeded does not fail, if its node could tell."""
    report = Requester._on_report

    def contrary(requester, now_ns, result):
        execution = requester.store.execution(result.execution_id)
        if type(result).__name__ == "RunResult":
            event = Event("lost somewhere", Topic.RUNNING, now_ns)
            requester._change(now_ns, execution, failure(event))
        else:
            report(requester, now_ns, result)

    monkeypatch.setattr(Requester, "_on_report", contrary)
    cluster = cluster_of(1)
    checkers = watched(cluster, HonestyChecker)
    submit(cluster, batch(noop(runs_for="5s")))
    cluster.run_for(30 * SECOND_NS)
    assert "an execution that has succeeded does not fail" in said(checkers)


def test_a_lack_of_nodes_that_there_are_is_found(monkeypatch):
    """Not enough nodes means that fewer could take the job than it lacks (museum: `full-node-refuses-for-good`)."""
    plain = NodeSelector._select

    def blind(selector, *args):
        selection = plain(selector, *args)
        return attrs.evolve(selection, chosen=[], suitable=0)

    monkeypatch.setattr(NodeSelector, "_select", blind)
    cluster = cluster_of(2)
    cluster.run_for(60 * SECOND_NS)
    checkers = watched(cluster, HonestyChecker)
    submit(cluster, batch(noop()))
    cluster.run_for(30 * SECOND_NS)
    assert ["a job that fails for lack of nodes lacks them"] == said(checkers)
    assert ("node-1", "node-2") == checkers.violations[0].nodes


@pytest.mark.parametrize("wish", [{"where": "region=mars"}, {"cpu": "5"}, {"where": "id=node-7"}])
def test_a_true_lack_of_nodes_is_none(wish):
    """Nodes that do not suit the job do not count."""
    cluster = cluster_of(2)
    cluster.run_for(60 * SECOND_NS)
    checkers = watched(cluster, HonestyChecker)
    record = submit(cluster, batch(noop(), **wish))
    cluster.run_for(30 * SECOND_NS)
    assert record.message.startswith("not enough nodes")
    assert [] == said(checkers)
