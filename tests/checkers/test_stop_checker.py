"""A stop is final."""

from __future__ import annotations

from devstack.checkers.stops import StopChecker
from devstack.kernel import Drop
from devstack.messages import CancelExecution
from devstack.orchestrator import planner
from devstack.scenario.builders import noop, service
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched


def test_a_program_that_is_never_told_to_stop_is_found(monkeypatch):
    """Nothing of a job runs when it has been over for a while (museum: `terminal-mark-hides-cancel`)."""
    plain = planner.calls
    monkeypatch.setattr(planner, "calls", lambda plan: [call for call in plain(plan) if call.kind != "cancel"])
    cluster = cluster_of(1)
    checkers = watched(cluster, StopChecker)
    record = submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    cluster.stop(record.job.id)
    cluster.run_for(60 * SECOND_NS)
    checkers.settle()
    assert ["nothing of a job runs when it has been over for 1m0s"] == said(checkers)


def test_a_cancel_that_is_lost_for_a_while_excuses():
    """While its messages are lost a node cannot know."""
    cluster = cluster_of(1)
    checkers = watched(cluster, StopChecker)
    record = submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(SECOND_NS)
    cluster.kernel.network.rules.append(lambda p: Drop("lost") if isinstance(p.message, CancelExecution) else None)
    cluster.stop(record.job.id)
    cluster.run_for(60 * SECOND_NS)
    cluster.kernel.network.rules.clear()
    cluster.run_for(60 * SECOND_NS)
    checkers.settle()
    assert [] == said(checkers)
