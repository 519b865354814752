"""Jobs and executions change only as their tables allow."""

from __future__ import annotations

import pytest

from devstack.checkers.local_transitions import LocalTransitionChecker
from devstack.checkers.transitions import EXECUTION_STEPS, JOB_STEPS, TransitionChecker
from devstack.compute.lifecycle import TRANSITIONS, LocalExecutionState, Stimulus
from devstack.models.event import NO_EVENT
from devstack.models.execution import TERMINAL, ComputeState, DesiredState
from devstack.models.history import JobHistory
from devstack.models.job import JobState
from devstack.orchestrator.store import JobStore
from devstack.scenario.builders import batch, noop, service
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def forgive(monkeypatch):
    """A store that takes every change."""
    monkeypatch.setattr(JobStore, "check_job", lambda *args, **kwargs: None)
    monkeypatch.setattr(JobStore, "check_execution", lambda *args, **kwargs: None)


def test_no_row_leads_out_of_a_terminal_state():
    """Terminal states are never left: the tables have no row for them."""
    assert not [state for state in JobState if state.is_terminal and state in JOB_STEPS]
    assert not TERMINAL & EXECUTION_STEPS.keys()


def test_a_job_that_leaves_its_end_is_found(monkeypatch):
    """A completed job stays completed."""
    forgive(monkeypatch)
    cluster = cluster_of()
    checkers = watched(cluster, TransitionChecker)
    record = submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(3 * SECOND_NS)
    assert JobState.COMPLETED is record.state
    cluster.requester.store.update_job(record, JobState.RUNNING, NO_EVENT, cluster.now_ns)
    cluster.run_for(30 * SECOND_NS)
    assert ["a job does not go from Completed to Running"] == said(checkers)


def test_an_execution_that_leaves_its_end_is_found(monkeypatch):
    """A completed execution stays completed."""
    forgive(monkeypatch)
    cluster = cluster_of()
    checkers = watched(cluster, TransitionChecker)
    record = submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(3 * SECOND_NS)
    execution = next(iter(record.executions.values()))
    cluster.requester.store.update_execution(execution, cluster.now_ns, compute=ComputeState.CANCELLED)
    cluster.run_for(30 * SECOND_NS)
    assert ["an execution does not go from Completed to Cancelled"] == said(checkers)


def test_a_stop_that_is_taken_back_is_found(monkeypatch):
    """An execution that was told to stop stays told to stop."""
    cluster = cluster_of()
    checkers = watched(cluster, TransitionChecker)
    record = submit(cluster, batch(noop(runs_for="60s")))
    cluster.run_for(SECOND_NS)
    execution = next(iter(record.executions.values()))
    for desired in (DesiredState.STOPPED, DesiredState.RUNNING):
        cluster.requester.store.update_execution(execution, cluster.now_ns, desired=desired)
        cluster.run_for(30 * SECOND_NS)
    assert ["an execution that was told to stop stays told to stop"] == said(checkers)


def test_a_change_without_an_entry_is_found():
    """Each change goes on from the last one: a gap in the revisions is a change that was not written down."""
    cluster = cluster_of()
    checkers = watched(cluster, TransitionChecker)
    record = submit(cluster, service(noop(runs_for="60s")))
    cluster.run_for(SECOND_NS)
    record.revision += 1
    cluster.stop(record.job.id)
    assert ["a change goes on from the last one"] == said(checkers)


@pytest.mark.parametrize("lost", [-1, 0])
def test_a_history_that_tells_another_story_is_found(lost):
    """The history, read from its beginning, ends where the records stand."""
    cluster = cluster_of()
    checkers = watched(cluster, TransitionChecker)
    record = submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(3 * SECOND_NS)
    checkers.settle()
    assert [] == said(checkers)
    entry = record.history[lost]
    assert isinstance(entry, JobHistory)
    record.history.append(entry) if lost == 0 else record.history.pop()
    checkers.settle()
    assert ["history agrees with state"] == said(checkers)


def test_a_node_that_leaves_an_end_is_found(monkeypatch):
    """What is over stays over on its node."""
    table = {**TRANSITIONS, (LocalExecutionState.COMPLETED, Stimulus.CANCEL): LocalExecutionState.CANCELLED}
    monkeypatch.setattr("devstack.compute.store.TRANSITIONS", table)
    cluster = cluster_of(1)
    checkers = watched(cluster, LocalTransitionChecker)
    submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(3 * SECOND_NS)
    store = cluster.node("node-1").store
    assert store.advance(next(iter(store)), Stimulus.CANCEL, cluster.now_ns)
    cluster.run_for(30 * SECOND_NS)
    assert ["an execution does not go from Completed to Cancelled on its node"] == said(checkers)


def test_a_node_that_skips_a_state_is_found():
    """An execution does not complete before it runs."""
    cluster = cluster_of(1)
    checkers = watched(cluster, LocalTransitionChecker)
    states = LocalExecutionState
    checkers.saw_local_change(1, "node-1", ("e-1", states.UNDEFINED, states.CREATED))
    checkers.saw_local_change(2, "node-1", ("e-1", states.CREATED, states.COMPLETED))
    checkers.saw_local_change(3, "node-1", ("e-2", states.UNDEFINED, states.RUNNING))
    checkers.saw_local_change(4, "node-1", ("e-1", states.RUNNING, states.COMPLETED))
    assert [
        "an execution does not go from Created to Completed on its node",
        "an execution begins as Created or BidAccepted",
        "a change goes on from the last state",
    ] == said(checkers)
