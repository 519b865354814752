"""Daemon jobs: reference 5.3 and its rows T031 to T035."""

import pytest

from devstack.behaviour import parse
from devstack.models.evaluation import Trigger
from devstack.models.execution import DesiredState
from devstack.models.job import JobState
from devstack.orchestrator.scheduler import SchedulingError

USED_ONCE = parse(["daemon-never-returns-to-node=on"])


def test_t031_a_fresh_job_runs_on_every_suitable_node(scene):
    """Without asking for bids; the job runs at once."""
    outcome = scene("daemon", match="node0 node1 node2").run(Trigger.JOB_REGISTER)
    assert (["node0", "node1", "node2"], JobState.RUNNING) == (outcome.new, outcome.state)
    assert {DesiredState.RUNNING} == {execution.desired for execution in outcome.plan.new_executions}


def test_t033_a_lost_execution_is_stopped(scene):
    """The node that has its execution gets no other."""
    outcome = scene("daemon", "e0@node0:5", "e1@node1:5", known="node1", match="node1").run()
    assert (["e0"], [], JobState.UNDEFINED) == (outcome.stopped, outcome.new, outcome.state)


def test_t035_a_stopped_job_stops_its_executions(scene):
    """The selector is not asked."""
    outcome = scene("daemon", "e0@node0:5", "e1@node1:3", state=JobState.STOPPED).run()
    assert (["e0", "e1"], JobState.UNDEFINED) == (outcome.stopped, outcome.state)


def test_a_node_that_joins_gets_an_execution(scene):
    """Whenever the job is evaluated."""
    assert ["n1"] == scene("daemon", "e0@n0:5", known="n0", match="n0 n1", state=JobState.RUNNING).run().new


def test_a_daemon_returns_to_a_node_where_it_failed(scene):
    """Only a live execution keeps it away."""
    assert ["n0"] == scene("daemon", "e0@n0:8", match="n0", state=JobState.RUNNING).run().new


def test_under_v140_a_used_node_is_never_used_again(scene):
    """`daemon-never-returns-to-node`."""
    assert scene("daemon", "e0@n0:8", match="n0", state=JobState.RUNNING, behaviour=USED_ONCE).run().is_empty


@pytest.mark.parametrize(("behaviour", "evaluations"), [(parse([]), 1), (USED_ONCE, 0)])
def test_a_resting_node_is_looked_at_again(scene, now_ns, behaviour, evaluations):
    """As soon as it may start the job again; not where it never will."""
    resting = {"n0": now_ns + 5}
    drawn = scene("daemon", "e0@n0:8", match="", resting=resting, state=JobState.RUNNING, behaviour=behaviour)
    assert [now_ns + 5] * evaluations == [e.wait_until_ns for e in drawn.run().plan.new_evaluations]


def test_without_suitable_nodes_the_job_waits(scene):
    """It stays as it is."""
    assert scene("daemon", match="").run(Trigger.JOB_REGISTER).is_empty


def test_without_connected_nodes_the_evaluation_is_to_be_tried_again(scene):
    """Nothing is decided, not even of lost executions."""
    with pytest.raises(SchedulingError):
        scene("daemon", match="nobody").run()


def test_daemons_have_no_timeouts(scene):
    """They are meant to run for ever."""
    outcome = scene("daemon", "e0@n0:5", known="n0", match="n0", total_s=1, state=JobState.RUNNING).run()
    assert outcome.is_empty
