"""Ops jobs: reference 5.2 and its rows T023 to T029."""

from devstack.behaviour import parse
from devstack.models.evaluation import Trigger
from devstack.models.execution import DesiredState
from devstack.models.job import JobState

V140 = parse(["v1.4.0"])
MINUTE = 60 * 1_000_000_000


def test_t023_a_fresh_job_runs_on_every_suitable_node(scene):
    """Without asking for bids; the job runs at once."""
    outcome = scene("ops", match="node0 node1 node2").run(Trigger.JOB_REGISTER)
    assert (["node0", "node1", "node2"], JobState.RUNNING) == (outcome.new, outcome.state)
    assert {DesiredState.RUNNING} == {execution.desired for execution in outcome.plan.new_executions}


def test_t025_a_lost_execution_is_stopped_while_others_run(scene):
    """Nothing replaces it."""
    outcome = scene("ops", "e0@node0:5", "e1@node1:5", known="node1", behaviour=V140).run()
    assert (["e0"], [], JobState.UNDEFINED) == (outcome.stopped, outcome.new, outcome.state)


def test_t027_a_job_past_its_total_timeout_fails(scene):
    """All that lives is stopped."""
    outcome = scene(
        "ops", "e0@node0:5", "e1@node1:5", "e2@node2:7", known="node0 node1", total_s=3600, age_ns=90 * MINUTE
    ).run()
    assert (JobState.FAILED, {"e0", "e1"}) == (outcome.state, set(outcome.stopped))
    assert "Job timed out. Job took longer than 1h0m0s" == outcome.plan.event.message


def test_t029_without_a_suitable_node_the_job_fails(scene):
    """And says why."""
    outcome = scene("ops", match="").run(Trigger.JOB_REGISTER)
    assert JobState.FAILED is outcome.state
    assert outcome.plan.event.message.startswith(
        "not enough nodes to run job. requested: 1, available: 0, suitable: 0."
    )


def test_without_connected_nodes_the_job_fails_and_says_so(scene):
    """An ops job does not wait for nodes."""
    outcome = scene("ops", match="nobody").run(Trigger.JOB_REGISTER)
    assert JobState.FAILED is outcome.state
    assert "unable to find any connected and approved nodes" == outcome.plan.event.message


def test_under_v140_the_reason_is_lost(scene):
    """`ops-failure-without-message`."""
    behaviour = parse(["ops-failure-without-message=on"])
    for match in ("", "nobody"):
        outcome = scene("ops", match=match, behaviour=behaviour).run()
        assert (JobState.FAILED, "") == (outcome.state, outcome.plan.event.message)
    outcome = scene("ops", "e0@n0:8", "e1@n0:8", behaviour=behaviour).run()
    assert (JobState.FAILED, "") == (outcome.state, outcome.plan.event.message)


def test_all_completed_completes_the_job(scene):
    """Without a word."""
    outcome = scene("ops", "e0@n0:7", "e1@n1:7", state=JobState.RUNNING).run()
    assert (JobState.COMPLETED, "") == (outcome.state, outcome.plan.event.message)


def test_a_failed_execution_is_tried_once_more_on_its_node(scene):
    """Only there, and only once."""
    outcome = scene("ops", "e0@n0:8", "e1@n1:7", "e2@n2:8", "e3@n2:8", match="n3 n2 n0", state=JobState.RUNNING).run()
    assert (["n0"], JobState.UNDEFINED) == (outcome.new, outcome.state)
    assert DesiredState.RUNNING is outcome.plan.new_executions[0].desired


def test_a_second_try_that_completes_makes_good(scene):
    """The last execution on each node counts."""
    assert JobState.COMPLETED is scene("ops", "e0@n0:8", "e1@n1:7", "e2@n0:7", state=JobState.RUNNING).run().state


def test_a_failed_job_counts_the_nodes_and_says_why(scene):
    """Reasons are counted, as where nodes are missing."""
    drawn = scene("ops", "a@n0:8", "b@n0:8", "c@n1:8", "d@n1:8", "e@n2:8", "f@n2:8", "g@n3:7", state=JobState.RUNNING)
    for name, reason in (("b", "no image"), ("d", "no image"), ("f", "out of memory")):
        drawn.record.executions[name].compute_message = reason
    outcome = drawn.run()
    assert JobState.FAILED is outcome.state
    assert (
        "Job failed because executions failed on 3 of 4 nodes.\n• 2 of 4 nodes: no image\n• Node n2: out of memory"
        == outcome.plan.event.message
    )


def test_no_second_try_where_it_is_not_wanted(scene):
    """`ops-never-retried`, or a strategy that refuses."""
    for more in ({"behaviour": parse(["ops-never-retried=on"])}, {"retry": False}):
        outcome = scene("ops", "e0@n0:8", state=JobState.RUNNING, **more).run()
        assert (JobState.FAILED, []) == (outcome.state, outcome.new)


def test_no_second_try_without_connected_nodes(scene):
    """The job fails with the first reason."""
    outcome = scene("ops", "e0@n0:8", match="nobody", state=JobState.RUNNING).run()
    assert (JobState.FAILED, []) == (outcome.state, outcome.new)


def test_a_cancelled_or_lost_execution_fails_the_job(scene):
    """It did not do its work."""
    assert JobState.FAILED is scene("ops", "e0@n0:7", "e1@n1:9", state=JobState.RUNNING).run().state
    outcome = scene("ops", "e0@n0:7", "e1@n1:5", state=JobState.RUNNING).run()
    assert JobState.FAILED is outcome.state
    assert "Execution stop requested because node has disappeared" in outcome.plan.event.message


def test_a_stop_on_its_way_fails_the_job_too(scene):
    """The node of the execution was lost before."""
    drawn = scene("ops", "e0@n0:7", "e1@n1:5", known="n0 n1", state=JobState.RUNNING)
    drawn.record.executions["e1"].desired = DesiredState.STOPPED
    drawn.record.executions["e1"].desired_message = "gone"
    outcome = drawn.run()
    assert JobState.FAILED is outcome.state
    assert "gone" in outcome.plan.event.message


def test_under_v140_a_cancelled_execution_does_not_fail_the_job(scene):
    """`ops-completed-despite-cancelled`."""
    behaviour = parse(["ops-completed-despite-cancelled=on"])
    drawn = scene("ops", "e0@n0:7", "e1@n1:9", state=JobState.RUNNING, behaviour=behaviour)
    assert JobState.COMPLETED is drawn.run().state


def test_a_job_that_is_late_at_its_first_evaluation_places_nothing(scene):
    """It is failed."""
    outcome = scene("ops", total_s=60, age_ns=2 * MINUTE).run(Trigger.JOB_REGISTER)
    assert (JobState.FAILED, []) == (outcome.state, outcome.new)


def test_under_v140_a_late_job_is_failed_and_placed(scene):
    """`late-ops-job-still-places`."""
    behaviour = parse(["late-ops-job-still-places=on"])
    outcome = scene("ops", total_s=60, age_ns=2 * MINUTE, match="n0", behaviour=behaviour).run(Trigger.JOB_REGISTER)
    assert (JobState.FAILED, ["n0"]) == (outcome.state, outcome.new)
    assert outcome.plan.event.message.startswith("Job timed out")


def test_a_stopped_job_stops_its_executions(scene):
    """The selector is not asked."""
    outcome = scene("ops", "e0@n0:5", "e1@n1:7", state=JobState.STOPPED).run()
    assert (["e0"], JobState.UNDEFINED) == (outcome.stopped, outcome.state)


def test_a_second_try_waits_for_a_node_that_rests(scene, now_ns):
    """The job is not over as long as its node may be asked once more."""
    outcome = scene("ops", "e0@n0:8", match="", resting={"n0": now_ns + 5}, state=JobState.RUNNING).run()
    assert ([], JobState.UNDEFINED) == (outcome.new, outcome.state)
    assert [now_ns + 5] == [evaluation.wait_until_ns for evaluation in outcome.plan.new_evaluations]
