"""What "completed" promises."""

from __future__ import annotations

import attrs
import pytest

from devstack.checkers.completion import CompletionChecker
from devstack.compute.actions import Publish, Published
from devstack.models.event import NO_EVENT
from devstack.models.execution import ComputeState, DesiredState, RunCommandResult
from devstack.models.job import SpecConfig
from devstack.models.plan import Plan
from devstack.orchestrator.scheduler import batch_service, ops
from devstack.orchestrator.scheduler.schedulers import _SCHEDULERS
from devstack.orchestrator.store import JobStore
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.builders import batch, noop
from devstack.scenario.builders import ops as ops_job
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def test_a_job_that_completes_at_its_first_success_is_found(monkeypatch):
    """A completed batch job has Count completed executions (museum: `complete-on-first-success`)."""
    plain = batch_service.schedule

    def hasty(tools, record, evaluation, now_ns):
        plan = plain(tools, record, evaluation, now_ns)
        if any(execution.compute is ComputeState.COMPLETED for execution in record.executions.values()):
            plan.mark_completed()
        return plan

    monkeypatch.setitem(_SCHEDULERS, "batch", hasty)
    cluster = cluster_of(2)
    checkers = watched(cluster, CompletionChecker)
    slow = noop(runs_for="1s")
    submit(cluster, batch(slow, count=2, cpu="4"))
    cluster.kernel.network.set_latency("node-2", "node-0", 3 * SECOND_NS)
    cluster.run_for(20 * SECOND_NS)
    assert ["a completed job has Count completed executions"] == said(checkers)


def test_an_ops_job_that_completes_in_spite_of_a_failure_is_found(monkeypatch):
    """A completed ops job has completed on all its nodes."""

    def schedule(tools, record, evaluation, now_ns):
        plan = ops.schedule(tools, record, evaluation, now_ns)
        if plan.is_job_failed:
            plan.mark_completed()
        return plan

    monkeypatch.setitem(_SCHEDULERS, "ops", schedule)
    cluster = cluster_of(2)
    checkers = watched(cluster, CompletionChecker)
    submit(cluster, ops_job(noop(runs_for="1s", fails_on="node-2")))
    cluster.run_for(20 * SECOND_NS)
    assert ["a completed ops job has completed on all its nodes"] == said(checkers)


def test_more_completions_than_count_are_found(monkeypatch):
    """No more executions complete than Count, if none of them was given up before."""
    place = Plan.approve
    monkeypatch.setattr(Plan, "stop", lambda plan, execution, event: place(plan, execution))
    plain = batch_service._settle_bids
    monkeypatch.setattr(batch_service, "_settle_bids", lambda draft, wanted: plain(draft, wanted and wanted + 1))
    cluster = cluster_of(2, "surplus-result-counts")
    checkers = watched(cluster, CompletionChecker)
    submit(cluster, batch(noop(runs_for="1s"), count=1))
    cluster.run_for(20 * SECOND_NS)
    assert "no more executions complete than Count" in said(checkers)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"run_output": None}, "a completed execution has its output"),
        ({"run_output": RunCommandResult(exit_code=7)}, "a completed execution has the output of its program"),
    ],
)
def test_a_completion_with_a_wrong_output_is_found(monkeypatch, change, rule):
    """A completed execution has the output of its program."""
    update = JobStore.update_execution

    def spoil(store, execution, now_ns, **changes):
        spoiled = change if changes.get("compute") is ComputeState.COMPLETED else {}
        update(store, execution, now_ns, **{**changes, **spoiled})

    monkeypatch.setattr(JobStore, "update_execution", spoil)
    cluster = cluster_of(1)
    checkers = watched(cluster, CompletionChecker)
    submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(3 * SECOND_NS)
    assert [rule] == said(checkers)


def test_a_completion_without_a_run_is_found():
    """An execution completes when its program has come to its end."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CompletionChecker)
    record = submit(cluster, batch(noop(runs_for="60s")))
    cluster.run_for(SECOND_NS)
    execution = next(iter(record.executions.values()))
    cluster.requester.store.update_execution(
        execution, cluster.now_ns, compute=ComputeState.COMPLETED, run_output=RunCommandResult(exit_code=0)
    )
    cluster.run_for(30 * SECOND_NS)
    assert ["an execution completes when its program has come to its end"] == said(checkers)


def test_a_published_result_of_a_cancelled_execution_is_found():
    """A published result belongs to a completed execution."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CompletionChecker)
    record = submit(cluster, batch(noop(runs_for="60s")))
    cluster.run_for(SECOND_NS)
    execution = next(iter(record.executions.values()))
    cluster.requester.store.update_execution(
        execution, cluster.now_ns, compute=ComputeState.CANCELLED, published_result=SpecConfig("s3", {"Key": "k"})
    )
    cluster.run_for(30 * SECOND_NS)
    assert ["a published result belongs to a completed execution"] == said(checkers)


def test_a_completion_without_its_published_result_is_found(monkeypatch):
    """A completed execution of a job with a publisher has its published result."""
    cluster = cluster_of(1)
    monkeypatch.setitem(SimulatedShell._PERFORMERS, Publish, published_nowhere)
    checkers = watched(cluster, CompletionChecker)
    submit(cluster, batch(noop(runs_for="1s"), publisher="local"))
    cluster.run_for(3 * SECOND_NS)
    assert ["a completed execution has its published result"] == said(checkers)


def published_nowhere(shell, node_id, action):
    shell._kernel.post(node_id, Published(action.execution_id, SpecConfig()))


def test_completions_that_vanish_are_found():
    """Completions never become fewer (museum: `completions-counted-from-records`)."""
    cluster = cluster_of(2)
    checkers = watched(cluster, CompletionChecker)
    record = submit(cluster, batch(noop(runs_for="1s"), count=2, cpu="4"))
    cluster.kernel.network.set_latency("node-2", "node-0", 2 * SECOND_NS)
    cluster.run_for(3 * SECOND_NS)
    gone = next(e for e in record.executions.values() if e.compute is ComputeState.COMPLETED)
    del record.executions[gone.id]
    record.completed -= 1
    cluster.run_for(30 * SECOND_NS)
    assert "completions never become fewer" in said(checkers)


def test_a_second_completion_of_a_job_of_count_one_is_found():
    """Even of an execution that was given up, and told of its success when another had succeeded in its place."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CompletionChecker)
    record = submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(5 * SECOND_NS)
    [first] = record.executions.values()
    assert [] == said(checkers)
    late = attrs.evolve(first, id="e-late", compute=ComputeState.BID_ACCEPTED, desired=DesiredState.STOPPED, revision=1)
    store = cluster.requester.store
    store.create_execution(late, NO_EVENT, cluster.now_ns)
    store.update_execution(late, cluster.now_ns, compute=ComputeState.COMPLETED, run_output=first.run_output)
    cluster.run_for(30 * SECOND_NS)
    assert "of a job of Count 1 one execution completes" in said(checkers)
