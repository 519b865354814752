"""Requester and nodes tell the same."""

from __future__ import annotations

from devstack.checkers.agreement import AgreementChecker
from devstack.compute.runner import Runner
from devstack.kernel import Drop
from devstack.messages import CancelExecution
from devstack.models.execution import ComputeState
from devstack.orchestrator.requester import Requester
from devstack.scenario.builders import batch, noop, service
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def only(record):
    return next(iter(record.executions.values()))


def test_a_result_that_never_arrives_is_found(monkeypatch):
    """What is over on its node is over at the requester (museum: `lost-result-never-resent`)."""
    monkeypatch.setattr(Requester, "_on_report", _deaf_to_results(Requester._on_report))
    cluster = cluster_of(1)
    checkers = watched(cluster, AgreementChecker)
    submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(3 * SECOND_NS)
    checkers.settle()
    assert ["requester and node agree on an execution"] == said(checkers)


def _deaf_to_results(report):
    return lambda requester, now_ns, message: (
        None if type(message).__name__ == "RunResult" else report(requester, now_ns, message)
    )


def test_an_execution_that_its_node_has_forgotten_is_found():
    """What runs at the requester is known on its node (museum: `restart-forgets-queued`, and worse)."""
    cluster = cluster_of(1, "lost-result-never-resent")
    checkers = watched(cluster, AgreementChecker)
    record = submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    cluster.node("node-1").store.delete(only(record).id)
    checkers.settle()
    assert ["an execution that is BidAccepted is known on its node"] == said(checkers)


def test_a_stop_that_is_never_sent_again_is_found():
    """An execution that was told to stop is over (the bug of v1.4.0)."""
    cluster = cluster_of(1, "failed-cancel-never-resent")
    checkers = watched(cluster, AgreementChecker)
    record = submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    lose = [lambda p: Drop("lost") if isinstance(p.message, CancelExecution) else None]
    cluster.kernel.network.rules += lose
    cluster.stop(record.job.id)
    cluster.run_for(SECOND_NS)
    cluster.kernel.network.rules.clear()
    checkers.settle()
    assert ["an execution that was told to stop is over"] == said(checkers)


def test_a_cancelled_program_that_runs_on_is_found(monkeypatch):
    """No program runs for an execution that is over: its node has said so (museum: `cancel-before-start-is-lost`)."""
    monkeypatch.setattr(Runner, "cancel", lambda runner, now_ns, record, justification: None)
    cluster = cluster_of(1)
    checkers = watched(cluster, AgreementChecker)
    record = submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    cluster.stop(record.job.id)
    cluster.run_for(SECOND_NS)
    assert ["no program runs for an execution that is over"] == said(checkers)
    checkers.settle()
    assert "what is over is over on its node" in said(checkers)


def test_what_is_left_on_a_dead_node_is_found(monkeypatch):
    """What was given to a node without power is given up (the bug of v1.4.0)."""
    cluster = cluster_of(2, "disconnected-node-keeps-executions")
    checkers = watched(cluster, AgreementChecker)
    record = submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    cluster.crash(only(record).node_id)
    checkers.settle()
    assert ["what was given to a node without power is given up"] == said(checkers)


def test_a_queue_that_a_restart_forgets_is_found():
    """A running execution is one that waits or runs on its node (the bug of v1.4.0)."""
    cluster = cluster_of(1, "restart-forgets-queued")
    checkers = watched(cluster, AgreementChecker)
    first = submit(cluster, batch(noop(runs_for="30s"), cpu="4"))
    cluster.run_for(SECOND_NS)
    submit(cluster, batch(noop(runs_for="30s"), cpu="2"))
    cluster.run_for(SECOND_NS)
    cluster.restart("node-1")
    cluster.run_for(SECOND_NS)
    assert ComputeState.FAILED is only(first).compute
    checkers.settle()
    assert ["an execution that was accepted waits or runs"] == said(checkers)


def test_a_stranger_on_a_node_is_found():
    """A node has only what it was given."""
    cluster = cluster_of(1)
    checkers = watched(cluster, AgreementChecker)
    record = submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    local = next(iter(cluster.node("node-1").store))
    local.id = "e-stranger"
    checkers.settle()
    assert "a node has only what it was given" in said(checkers)
    assert record is not None


def test_what_a_requester_has_forgotten_is_no_stranger():
    """A requester that lost its store cannot know what its nodes still do."""
    cluster = cluster_of(1)
    checkers = watched(cluster, AgreementChecker)
    submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    cluster.restart("node-0", forget=True)
    cluster.run_for(SECOND_NS)
    checkers.settle()
    assert [] == said(checkers)
