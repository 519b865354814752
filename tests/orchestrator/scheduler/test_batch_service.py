"""Jobs that want a number of executions: reference 5.1 and its rows T001 to T021."""

import pytest

from devstack.behaviour import parse
from devstack.models.evaluation import Trigger
from devstack.models.execution import ComputeState, DesiredState
from devstack.models.job import JobState
from devstack.orchestrator.scheduler import SchedulingError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOT_ENOUGH = "not enough nodes to run job"
both = pytest.mark.parametrize("job_type", ["batch", "service"])


# ---- rows of the reference -------------------------------------------------------------------------------------


def test_t001_enough_executions_change_nothing(scene):
    """Running, pending and completed ones together are as many as wanted."""
    outcome = scene("batch", "e0@node0:2", "e1@node1:5", "e2@node2:7", count=3, known="node0 node1").run()
    assert outcome.is_empty


def test_t003_an_execution_on_a_lost_node_is_replaced(scene):
    """It is stopped, and a new one is placed."""
    outcome = scene("batch", "e0@node0:2", "e1@node1:5", "e2@node2:7", count=3, known="node0", match="node0").run()
    assert (["e1"], ["node0"], JobState.UNDEFINED) == (outcome.stopped, outcome.new, outcome.state)
    assert "Execution stop requested because node has disappeared" == outcome.reason("e1")


def test_t005_without_nodes_the_job_fails(scene):
    """Nothing can replace what was lost."""
    outcome = scene("batch", "e0@node0:2", "e1@node1:5", "e2@node2:7", count=3, match="").run()
    assert (JobState.FAILED, {"e0", "e1"}, []) == (outcome.state, set(outcome.stopped), outcome.new)
    assert outcome.plan.event.message.startswith(NOT_ENOUGH)


def test_t007_a_job_past_its_total_timeout_fails(scene):
    """All that lives is stopped with the reason, and no node is looked for."""
    outcome = scene(
        "batch",
        "e0@node0:5",
        "e1@node1:5",
        "e2@node2:7",
        count=3,
        known="node0 node1",
        total_s=3600,
        age_ns=90 * MINUTE,
    ).run()
    assert (JobState.FAILED, {"e0", "e1"}) == (outcome.state, set(outcome.stopped))
    assert "Job timed out. Job took longer than 1h0m0s" == outcome.plan.event.message == outcome.reason("e0")


@both
def test_t009_a_fresh_job_takes_the_best_nodes(scene, job_type):
    """One execution on each of the first Count nodes, waiting for approval."""
    outcome = scene(job_type, count=3, match="node0 node1 node2 node3").run(Trigger.JOB_REGISTER)
    assert (["node0", "node1", "node2"], JobState.UNDEFINED) == (outcome.new, outcome.state)
    assert {DesiredState.PENDING} == {execution.desired for execution in outcome.plan.new_executions}


@both
def test_t011_a_shortage_without_queueing_fails_the_job(scene, job_type):
    """Nothing is placed and nothing is tried later."""
    outcome = scene(job_type, count=3, match="node0 node1", age_ns=SECOND).run(Trigger.JOB_REGISTER)
    assert (JobState.FAILED, [], []) == (outcome.state, outcome.new, outcome.plan.new_evaluations)


@both
def test_t013_a_job_that_may_queue_uses_what_there_is(scene, job_type, now_ns):
    """A bid is approved, a node is used, the rest waits for one back-off."""
    outcome = scene(job_type, "e0@node0:3", count=3, known="node0 node1", match="node1", age_ns=0, queue_s=3600).run()
    assert (["e0"], ["node1"], JobState.RUNNING) == (outcome.approved, outcome.new, outcome.state)
    (evaluation,) = outcome.plan.new_evaluations
    assert (Trigger.JOB_QUEUE, now_ns + 5 * SECOND) == (evaluation.triggered_by, evaluation.wait_until_ns)
    assert evaluation.comment.startswith(f"{NOT_ENOUGH}. requested: 2, available: 1, suitable: 1.")
    assert ("default", 7, now_ns) == (evaluation.namespace, evaluation.priority, evaluation.create_time_ns)
    assert evaluation.id.startswith("v-")


@both
def test_t015_what_still_lives_of_a_finished_job_is_stopped(scene, job_type):
    """A late evaluation of a job that is over."""
    outcome = scene(job_type, "e0@node0:2", "e1@node1:5", "e2@node2:7", count=3, state=JobState.COMPLETED).run()
    assert (["e0", "e1"], JobState.UNDEFINED) == (outcome.stopped, outcome.state)
    assert "Execution stop requested because job has been stopped" == outcome.reason("e0")


def test_t017_enough_replicas_change_nothing(scene):
    """Pending and running ones are as many as wanted."""
    outcome = scene("service", "e0@node0:2", "e1@node1:5", "e2@node2:5", count=3, known="node0 node1 node2").run()
    assert outcome.is_empty


def test_t019_lost_replicas_are_replaced(scene):
    """Each lost one gets a new node."""
    outcome = scene(
        "service", "e0@node0:2", "e1@node1:5", "e2@node2:5", count=3, known="node0 node3", match="node0 node3"
    ).run()
    assert (["e1", "e2"], ["node0", "node3"], JobState.UNDEFINED) == (outcome.stopped, outcome.new, outcome.state)


def test_t021_a_service_without_nodes_fails(scene):
    """All replicas are stopped."""
    outcome = scene("service", "e0@node0:2", "e1@node1:5", "e2@node2:5", count=3, match="").run()
    assert (JobState.FAILED, {"e0", "e1", "e2"}) == (outcome.state, set(outcome.stopped))


# ---- bids ------------------------------------------------------------------------------------------------------


@both
def test_the_oldest_bids_are_approved_and_the_rest_rejected(scene, job_type):
    """Also those that have not answered yet are not needed any more."""
    drawn = scene(job_type, "e0@n0:3", "e1@n1:3", "e2@n2:3", "e3@n3:2", count=2, known="n0 n1 n2 n3")
    for age, name in enumerate(("e2", "e0", "e1")):
        drawn.record.executions[name].modify_time_ns -= (5 - age) * MINUTE
    outcome = drawn.run()
    assert (["e2", "e0"], ["e1", "e3"]) == (outcome.approved, outcome.stopped)
    assert "Execution stop requested because node has been rejected" == outcome.reason("e3")
    assert JobState.RUNNING is outcome.state


@both
def test_an_approval_on_its_way_is_not_repeated(scene, job_type):
    """The node is given the time of a request to answer."""
    drawn = scene(job_type, "e0@n0:3", "e1@n1:3", count=1, known="n0 n1", state=JobState.RUNNING)
    drawn.record.executions["e0"].desired = DesiredState.RUNNING
    drawn.record.executions["e1"].modify_time_ns -= MINUTE
    outcome = drawn.run()
    assert ([], ["e1"]) == (outcome.approved, outcome.stopped)


@both
def test_an_approval_without_an_answer_is_repeated(scene, job_type, now_ns):
    """After the time of a request the next evaluation approves again."""
    drawn = scene(job_type, "e0@n0:3", count=1, known="n0", state=JobState.RUNNING)
    drawn.record.executions["e0"].desired = DesiredState.RUNNING
    assert ["e0"] == drawn.run(now_ns=now_ns + 10 * SECOND).approved


@both
def test_of_too_many_running_the_newest_are_stopped(scene, job_type):
    """The oldest stay."""
    drawn = scene(job_type, "e0@n0:5", "e1@n1:5", "e2@n2:5", count=2, known="n0 n1 n2", state=JobState.RUNNING)
    drawn.record.executions["e1"].modify_time_ns += MINUTE
    outcome = drawn.run()
    assert ["e1"] == outcome.stopped
    assert "Execution stop requested because there are more executions than needed" == outcome.reason("e1")


# ---- ends ------------------------------------------------------------------------------------------------------


def test_a_batch_job_with_enough_completions_is_completed_without_a_word(scene):
    """What still runs is too much."""
    outcome = scene("batch", "e0@n0:7", "e1@n1:5", known="n1", state=JobState.RUNNING).run()
    assert (JobState.COMPLETED, "", ["e1"]) == (outcome.state, outcome.plan.event.message, outcome.stopped)


@both
def test_count_zero_completes_at_once(scene, job_type):
    """Nothing is wanted."""
    assert JobState.COMPLETED is scene(job_type, count=0).run(Trigger.JOB_REGISTER).state


def test_a_late_execution_is_stopped_and_replaced(scene):
    """The job's own timeout for executions, measured from the last change."""
    drawn = scene("batch", "e0@n0:5", "e1@n1:2", count=2, known="n0 n1", match="n2", execution_s=60)
    for execution in drawn.record.executions.values():
        execution.modify_time_ns -= 2 * MINUTE
    outcome = drawn.run()
    assert (["e0"], ["n2"]) == (outcome.stopped, outcome.new)
    assert "Execution timed out. Execution took longer than 1m0s" == outcome.reason("e0")


def test_timeouts_are_strict(scene):
    """Exactly as long as allowed is not too long."""
    drawn = scene("batch", "e0@n0:5", known="n0", total_s=60, age_ns=MINUTE)
    drawn.record.executions["e0"].modify_time_ns -= MINUTE
    assert drawn.run().is_empty


def test_services_have_no_timeouts(scene):
    """Neither of the job nor of its executions."""
    drawn = scene("service", "e0@n0:5", known="n0", total_s=60, execution_s=1)
    drawn.record.executions["e0"].modify_time_ns -= MINUTE
    assert drawn.run().is_empty


@both
def test_failed_executions_are_not_replaced_when_retries_are_refused(scene, job_type):
    """The job fails, and the others are stopped with the same reason."""
    outcome = scene(job_type, "e0@n0:8", "e1@n1:5", count=2, known="n1", retry=False).run()
    assert (JobState.FAILED, ["e1"]) == (outcome.state, outcome.stopped)
    assert "Job failed because it has been retried too many times" == outcome.plan.event.message == outcome.reason("e1")


@both
def test_a_failed_job_takes_back_its_approvals(scene, job_type):
    """Stops override what was planned before."""
    outcome = scene(job_type, "e0@n0:3", "e1@n1:8", count=2, known="n0 n1", match="", age_ns=SECOND).run()
    assert (JobState.FAILED, ["e0"], []) == (outcome.state, outcome.stopped, outcome.approved)


@pytest.mark.parametrize("number", [4, 6, 9])
def test_rejected_and_cancelled_executions_are_replaced_without_asking_for_a_retry(scene, number):
    """They are no failures."""
    assert ["n1"] == scene("batch", f"e0@n0:{number}", match="n1", retry=False).run().new


# ---- queueing --------------------------------------------------------------------------------------------------


@both
def test_a_fresh_job_without_any_node_is_queued(scene, job_type):
    """Its state says so, with the reason."""
    outcome = scene(job_type, match="", age_ns=0, queue_s=60).run(Trigger.JOB_REGISTER)
    assert (JobState.QUEUED, 1) == (outcome.state, len(outcome.plan.new_evaluations))
    assert outcome.plan.event.message.startswith(f"Job queued. {NOT_ENOUGH}. requested: 1, available: 0")
    assert "Queueing" == outcome.plan.event.topic


@pytest.mark.parametrize(("state", "queued"), [(JobState.RUNNING, True), (JobState.QUEUED, False)])
def test_later_evaluations_queue_only_a_running_job(scene, state, queued):
    """A job that is queued already stays as it is, without a new entry."""
    outcome = scene("batch", match="", state=state, age_ns=0, queue_s=60).run(Trigger.JOB_QUEUE)
    assert queued is (outcome.state is JobState.QUEUED)
    assert 1 == len(outcome.plan.new_evaluations)


def test_a_queued_job_fails_after_its_queue_timeout(scene):
    """The time counts from the job's creation; exactly as long as allowed still waits."""
    assert JobState.FAILED is scene("batch", match="", age_ns=60 * SECOND + 1, queue_s=60).run().state
    assert JobState.UNDEFINED is scene("batch", match="", age_ns=60 * SECOND, queue_s=60).run().state


def test_a_job_that_may_not_queue_fails_in_the_instant_of_its_creation(scene):
    """Virtual time may stand still between submission and scheduling."""
    assert JobState.FAILED is scene("batch", match="", age_ns=0).run(Trigger.JOB_REGISTER).state


def test_the_event_of_a_shortage_has_numbers(scene):
    """Details for programs."""
    event = scene("batch", count=3, match="n0 n1", age_ns=SECOND).run().plan.event
    expected = {"IsError": "true", "NodesRequested": "3", "NodesAvailable": "2", "NodesSuitable": "2"}
    assert (expected, "Scheduling") == (event.details, event.topic)


@both
def test_without_connected_nodes_the_evaluation_is_to_be_tried_again(scene, job_type):
    """Nothing is decided."""
    with pytest.raises(SchedulingError, match="unable to find any connected and approved nodes"):
        scene(job_type, match="nobody").run()


# ---- stops that are on their way -------------------------------------------------------------------------------


def stopping_scene(scene, behaviour):
    drawn = scene("batch", "e0@n0:5", "e1@n1:5", count=1, known="n0 n1", behaviour=behaviour, state=JobState.RUNNING)
    drawn.record.executions["e0"].desired = DesiredState.STOPPED
    return drawn


def test_an_execution_that_was_told_to_stop_no_longer_counts(scene):
    """Its cancel is repeated until the node answers, so it is as good as gone."""
    assert stopping_scene(scene, parse([])).run().is_empty


def test_under_v140_an_execution_that_was_told_to_stop_counts_as_running(scene, now_ns):
    """`failed-cancel-never-resent`: the newest of the two is too much."""
    drawn = stopping_scene(scene, parse(["failed-cancel-never-resent=on"]))
    drawn.record.executions["e1"].modify_time_ns += 1
    assert ["e1"] == drawn.run().stopped


# ---- programs that end -----------------------------------------------------------------------------------------


def test_a_service_waits_for_a_node_that_rests(scene, now_ns):
    """It is not short of nodes: one may start it again soon."""
    wake_ns = now_ns + 3 * SECOND
    outcome = scene("service", "e0@n0:8", match="", resting={"n0": wake_ns}, state=JobState.RUNNING).run()
    (evaluation,) = outcome.plan.new_evaluations
    assert (wake_ns, []) == (evaluation.wait_until_ns, outcome.new)
    assert JobState.UNDEFINED is outcome.state


def test_resting_nodes_do_not_hide_a_real_shortage(scene, now_ns):
    """Two are missing, one node will be there: the service fails."""
    outcome = scene("service", count=2, match="", resting={"n0": now_ns + 1}, state=JobState.RUNNING).run()
    assert JobState.FAILED is outcome.state


def test_new_executions_belong_to_job_and_evaluation(scene):
    """Ids have their prefix; nothing has been asked of the node yet."""
    (execution,) = scene("batch", match="n0").run().plan.new_executions
    assert execution.id.startswith("e-")
    assert ("j1", "n0", "default", "v1", ComputeState.NEW) == (
        execution.job_id, execution.node_id, execution.namespace, execution.eval_id, execution.compute,
    )  # fmt: skip
