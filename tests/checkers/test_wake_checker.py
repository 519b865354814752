"""Nobody is forgotten."""

from __future__ import annotations

from devstack.checkers.wakeups import WakeChecker
from devstack.kernel import Drop
from devstack.messages import AskForBid
from devstack.orchestrator.requester import Requester
from devstack.orchestrator.scheduler.common import Draft
from devstack.scenario.builders import batch, noop, service
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched

FORGOTTEN = "a job that lacks executions will be looked at again"


def test_a_queued_job_that_nobody_will_look_at_is_found(monkeypatch):
    """A job that lacks executions has an evaluation that is ready, in flight or delayed."""
    monkeypatch.setattr(Draft, "look_again", lambda draft, at_ns, trigger, comment: None)
    cluster = cluster_of(1)
    checkers = watched(cluster, WakeChecker)
    submit(cluster, batch(noop(runs_for="60s"), count=2, queue_timeout="300s"))
    cluster.run_for(SECOND_NS)
    assert [FORGOTTEN] == said(checkers)


def test_an_end_that_nobody_looks_at_is_found(monkeypatch):
    """The end of an execution has its job looked at (museum: `crash-between-update-and-evaluation`)."""
    cluster = cluster_of(1)
    checkers = watched(cluster, WakeChecker)
    submit(cluster, batch(noop(runs_for="5s")))
    cluster.run_for(SECOND_NS)
    monkeypatch.setattr(Requester, "_evaluate", lambda *args: None)
    cluster.run_for(10 * SECOND_NS)
    assert [FORGOTTEN] == said(checkers)


def test_a_job_that_waits_in_the_queue_has_a_reason_to_wake():
    """A delayed evaluation is one."""
    cluster = cluster_of(1)
    checkers = watched(cluster, WakeChecker)
    submit(cluster, batch(noop(runs_for="60s"), count=2, queue_timeout="300s"))
    submit(cluster, service(noop(runs_for="60s")))
    cluster.run_for(500 * SECOND_NS)
    assert [] == said(checkers)


def test_a_dead_letter_that_stays_dead_is_found():
    """An evaluation that failed too often comes again (the bug of v1.4.0)."""
    cluster = cluster_of(1, "dead-letter-freezes-job")
    checkers = watched(cluster, WakeChecker)
    cluster.crash("node-1")
    cluster.run_for(120 * SECOND_NS)
    submit(cluster, service(noop(runs_for="60s")))
    cluster.run_for(1800 * SECOND_NS)
    assert [] == said(checkers)  # Nothing was looked at since: the end of the run shows it.
    checkers.settle()
    assert [FORGOTTEN] == said(checkers)


def test_a_lost_ask_that_counts_as_pending_is_found():
    """Who is not answered asks again or gives up (the bug of v1.4.0)."""
    cluster = cluster_of(1, "lost-ask-counts-as-pending")
    checkers = watched(cluster, WakeChecker)
    cluster.kernel.network.rules.append(lambda p: Drop("lost") if isinstance(p.message, AskForBid) else None)
    submit(cluster, batch(noop()))
    cluster.run_for(30 * SECOND_NS)
    assert ["who is not answered asks again or gives up"] == said(checkers)
