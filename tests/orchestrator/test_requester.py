"""The requester as a machine: messages and timers in, actions out."""

from __future__ import annotations

import pytest

from devstack.behaviour import parse
from devstack.messages import (
    AskForBid,
    BidAccepted,
    BidResult,
    CancelExecution,
    Send,
    SetTimer,
)
from devstack.models.evaluation import Evaluation
from devstack.models.event import Event, Topic
from devstack.models.execution import DesiredState
from devstack.models.job import JobState
from tests.orchestrator.desk import DONE, SECOND, Desk, S, history_of

# ---- a job's way -------------------------------------------------------------------------------------------


def test_a_batch_job_goes_the_golden_way():
    """Reference 12.3: asked, bid, approved, run, completed."""
    desk = Desk(1)
    job_id = desk.submit()
    (ask,) = desk.sent(AskForBid)
    (execution,) = desk.executions(job_id)
    assert ("n1", execution.id, True) == (ask.target, ask.message.execution_id, ask.message.wait_for_approval)
    desk.reply("AskForBid", execution)
    desk.bid(execution)
    assert [Send("n1", BidAccepted(execution.id))] == desk.sent()
    desk.reply("BidAccepted", execution)
    desk.finish(execution)
    assert [
        ("J", 1, (1, 1), "Job submitted"),
        ("E", 1, (1, 1), ""),
        ("E", 2, (1, 2), ""),
        ("E", 3, (2, 3), "Accepted job"),
        ("E", 4, (3, 3), ""),
        ("J", 2, (1, 3), ""),
        ("E", 5, (3, 5), ""),
        ("E", 6, (5, 7), ""),
        ("J", 3, (3, 4), ""),
    ] == history_of(desk, job_id)
    assert (JobState.COMPLETED, DONE) == (desk.state(job_id), execution.run_output)
    assert ("Accepted job", "execution completed") == (execution.compute_message, execution.desired_message)


def test_a_bid_that_overtakes_the_reply_is_taken():
    """Reference 12.3: then the entry of the ask is missing, and the reply is late."""
    desk = Desk(1)
    (execution,) = desk.executions(desk.submit())
    desk.bid(execution)
    assert (S.ASK_FOR_BID_ACCEPTED, 3) == (execution.compute, execution.revision)
    desk.reply("AskForBid", execution)
    assert (S.ASK_FOR_BID_ACCEPTED, 3) == (execution.compute, execution.revision)
    assert 1 == len(desk.notes("ignored"))


@pytest.mark.parametrize("kind", ["ops", "daemon"])
def test_ops_and_daemon_jobs_run_without_a_bid(kind):
    """The ask says so, and its reply already is the start."""
    desk = Desk(2)
    job_id = desk.submit(kind)
    assert [("n1", False), ("n2", False)] == sorted((s.target, s.message.wait_for_approval) for s in desk.sent())
    execution = desk.executions(job_id)[0]
    desk.reply("AskForBid", execution)
    assert (JobState.RUNNING, S.BID_ACCEPTED) == (desk.state(job_id), execution.compute)


def test_a_user_stop_cancels_what_runs():
    """Reference 12.3: the job first, then its executions, and each is over when its node has answered."""
    desk = Desk(1)
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.run(execution)
    desk.sent()
    desk.stop(job_id)
    why = "Execution stop requested because job has been stopped"
    assert [Send("n1", CancelExecution(execution.id, why))] == desk.sent()
    desk.reply("CancelExecution", execution)
    assert [
        ("J", 3, (3, 6), "Job requested to stop before completion"),
        ("E", 6, (5, 5), why),
        ("E", 7, (5, 9), ""),
    ] == history_of(desk, job_id)[-3:]
    assert ("Accepted job", why) == (execution.compute_message, execution.desired_message)


def test_a_failed_execution_is_replaced_and_the_job_stays_as_it_is():
    """Reference 12.3: no entry of the job."""
    desk = Desk(2)
    job_id = desk.submit()
    (first,) = desk.executions(job_id)
    desk.run(first)
    desk.fail(first)
    again = desk.executions(job_id)[1]
    assert {first.node_id, again.node_id} == {"n1", "n2"}
    assert [("E", 6, (5, 8), "boom"), ("E", 1, (1, 1), "")] == history_of(desk, job_id)[-2:]


@pytest.mark.parametrize("kind", ["service", "daemon"])
def test_a_program_that_should_run_on_and_ends_has_failed(kind):
    """Its result and output are kept all the same."""
    desk = Desk(1)
    job_id = desk.submit(kind)
    (execution,) = desk.executions(job_id)
    desk.reply("AskForBid", execution)
    if kind == "service":
        desk.bid(execution)
        desk.reply("BidAccepted", execution)
    desk.finish(execution)
    assert (S.FAILED, "execution completed unexpectedly", DONE) == (
        execution.compute, execution.compute_message, execution.run_output,
    )  # fmt: skip


def test_a_refused_bid_is_final_for_its_execution():
    """Rejected, told to stop, and another node is asked."""
    desk = Desk(2)
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.reply("AskForBid", execution)
    desk.bid(execution, accepted=False, text="rejected bid: no")
    assert (S.ASK_FOR_BID_REJECTED, "rejected bid: no", DesiredState.STOPPED, "bid rejected") == (
        execution.compute, execution.compute_message, execution.desired, execution.desired_message,
    )  # fmt: skip
    assert 2 == len(desk.executions(job_id))


# ---- evaluations -------------------------------------------------------------------------------------------


def test_what_arrives_at_one_instant_costs_one_look_at_the_job():
    """A hundred bids, one plan."""
    desk = Desk(100)
    job_id = desk.submit(count=100)
    for execution in desk.executions(job_id):
        desk.reply("AskForBid", execution)
    desk.log.clear()
    for execution in desk.executions(job_id):
        event = Event("Accepted job", Topic.BIDDING, desk.now_ns)
        desk.machine.handle(desk.now_ns, execution.node_id, BidResult(execution.id, job_id, True, event))
    desk.collect()
    desk.pass_time(0)
    # The first gets the job's slot, and of those behind it only the newest is kept.
    assert 2 == len(desk.notes("plan"))
    assert 100 == len(desk.sent(BidAccepted))


def test_an_evaluation_that_no_scheduler_can_do_is_nacked():
    """T123: nothing is planned; it comes again later."""
    desk = Desk(1)
    desk.machine.broker.enqueue(Evaluation("v2", "nobody", "batch", "exec-update"), desk.now_ns)
    desk.machine._wake(desk.now_ns)
    desk.collect()
    desk.pass_time(0)
    assert (["v2 job not found: nobody"], []) == (desk.notes("nack"), desk.notes("plan"))
    desk.pass_time(SECOND)
    assert 2 == len(desk.notes("nack"))


def test_without_work_the_requester_only_makes_its_rounds():
    """T125: it waits for what comes, and nothing is sent."""
    desk = Desk(0)
    desk.pass_time(120 * SECOND)
    assert {"housekeeping", "heartbeats"} == set(desk.timers)
    assert [] == [action for action in desk.log if not isinstance(action, SetTimer)]


def test_a_job_without_connected_nodes_is_looked_at_again_and_again():
    """Reference 5.4: nacked with growing delays; the job stays Pending."""
    desk = Desk(0)
    job_id = desk.submit()
    desk.pass_time(200 * SECOND)
    assert JobState.PENDING is desk.state(job_id)
    assert 5 == len(desk.notes("nack"))
    assert desk.notes("nack")[0].endswith("unable to find any connected and approved nodes")


@pytest.mark.parametrize(("switch", "completes"), [("off", True), ("on", False)])
def test_a_dead_letter_blocks_its_job_only_in_v1_4_0(switch, completes):
    """`dead-letter-freezes-job`: after ten nacks the next event or housekeeping round gives it a fresh start."""
    behaviour = parse([f"dead-letter-freezes-job={switch}", "node-join-wakes-nobody=on"])
    desk = Desk(0, behaviour, broker_max_receive=2, default_total_timeout_s=0)
    job_id = desk.submit()
    desk.pass_time(5 * SECOND)
    desk.join("n1")
    desk.pass_time(40 * SECOND, heartbeats=("n1",))
    assert completes == bool(desk.executions(job_id))


@pytest.mark.parametrize(("switch", "priority"), [("off", 7), ("on", 0)])
def test_evaluations_have_their_jobs_priority_only_where_documented(switch, priority):
    """`priority-not-copied`: also those that the requester makes by itself."""
    desk = Desk(1, parse([f"priority-not-copied={switch}"]))
    job_id = desk.submit(priority=7)
    seen = []
    enqueue = desk.machine.broker.enqueue
    desk.machine.broker.enqueue = lambda evaluation, now_ns: (
        seen.append(evaluation.priority), enqueue(evaluation, now_ns))  # fmt: skip
    desk.bid(desk.executions(job_id)[0])
    assert [priority] == seen
