"""Commands take effect once, and handlers end what they begin."""

from __future__ import annotations

import pytest

from devstack.checkers.commands import CommandChecker
from devstack.compute.actions import Discard, RunFinished
from devstack.compute.lifecycle import LocalExecutionState
from devstack.models.execution import RunCommandResult
from devstack.models.job import JobState
from devstack.scenario.builders import batch, noop
from tests.checkers.planting import SECOND_NS, cluster_of, said, submit, watched

L = LocalExecutionState
HALF_WRITTEN = "what a handler begins to write is written when it returns"


@pytest.mark.parametrize("node", ["node-1", "node-2"])
@pytest.mark.parametrize(
    ("change", "command"),
    [
        ((L.UNDEFINED, L.CREATED), "an ask"),
        ((L.CREATED, L.BID_ACCEPTED), "an approval"),
        ((L.CREATED, L.CANCELLED), "a rejection or a cancel"),
    ],
)
def test_a_command_that_takes_effect_again_is_found(node, change, command):
    """On its node (museum: `two-data-planes`), or on another one."""
    checkers = watched(cluster_of(2), CommandChecker)
    checkers.saw_local_change(1, "node-1", ("e-1", *change))
    checkers.saw_local_change(1, "node-1", ("e-2", *change))
    assert [] == said(checkers)
    checkers.saw_local_change(2, node, ("e-1", *change))
    assert [f"{command} takes effect once"] == said(checkers)


def test_a_node_that_has_lost_its_store_may_be_told_again():
    """It knows of nothing."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CommandChecker)
    checkers.saw_local_change(1, "node-1", ("e-1", L.UNDEFINED, L.CREATED))
    cluster.restart("node-1", forget=True)
    checkers.saw_local_change(2, "node-1", ("e-1", L.UNDEFINED, L.CREATED))
    assert [] == said(checkers)


def test_a_change_that_no_handler_has_ended_is_found():
    """It would be lost with the next power cut, or hold up all others (museum: `early-return-keeps-write-lock`)."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CommandChecker)
    record = submit(cluster, batch(noop(runs_for="5s")))
    cluster.run_for(SECOND_NS)
    cluster.requester.store.update_job(record, JobState.QUEUED, record.history[0].event, cluster.now_ns)
    checkers.saw_report(cluster.now_ns, "node-1", RunFinished("e-1", RunCommandResult()))
    assert [HALF_WRITTEN] == said(checkers)
    assert ("node-0",) == checkers.violations[0].nodes


def test_an_action_that_a_handler_leaves_behind_is_found():
    """On a node, too."""
    cluster = cluster_of(1)
    checkers = watched(cluster, CommandChecker)
    cluster.node("node-1").actions.append(Discard("e-1"))
    checkers.saw_report(cluster.now_ns, "node-1", RunFinished("e-1", RunCommandResult()))
    assert [HALF_WRITTEN] == said(checkers)
