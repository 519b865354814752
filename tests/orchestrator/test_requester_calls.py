"""Messages that are lost, late, repeated or about nothing: what the requester makes of them."""

from __future__ import annotations

import pytest

from devstack.behaviour import parse
from devstack.messages import (
    AskForBid,
    BidRejected,
    BidResult,
    CancelExecution,
    CancelResult,
    ComputeError,
    ExecutionReply,
    Heartbeat,
    Reconcile,
    RunResult,
    Send,
    UpdateResources,
)
from devstack.models.event import Event, Topic
from devstack.models.execution import DesiredState
from devstack.models.job import JobState, SpecConfig
from devstack.models.resources import Resources
from tests.orchestrator.desk import DONE, ROOM, SECOND, Desk, S

# ---- calls without an answer -------------------------------------------------------------------------------


@pytest.mark.parametrize(("switch", "state"), [("off", S.FAILED), ("on", S.NEW)])
def test_an_ask_without_an_answer_is_given_up_only_where_documented(switch, state):
    """`lost-ask-counts-as-pending`: else it counts as pending for ever; given up, another node is asked."""
    desk = Desk(2, parse([f"lost-ask-counts-as-pending={switch}"]))
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.pass_time(10 * SECOND)
    assert [f"AskForBid {execution.id}"] == desk.notes("unanswered")
    assert state is execution.compute
    assert (2 if state is S.FAILED else 1) == len(desk.executions(job_id))


def test_an_ask_that_was_given_up_is_cancelled_on_its_node():
    """Only its answer may have been lost."""
    desk = Desk(2)
    (execution,) = desk.executions(desk.submit())
    desk.pass_time(10 * SECOND)
    why = f"node {execution.node_id} did not answer"
    assert Send(execution.node_id, CancelExecution(execution.id, why)) in desk.sent()
    assert why == execution.compute_message


@pytest.mark.parametrize("lost", ["AskForBid", "reminder"])
def test_a_lost_reply_does_not_count_once_its_bid_has_come(lost):
    """The bid says more than the reply would have said; what runs by now is not given up."""
    desk = Desk(1)
    (execution,) = desk.executions(desk.submit())
    if lost == "reminder":
        desk.reply("AskForBid", execution)
        desk.pass_time(29 * SECOND, heartbeats=("n1",))
        assert 1 == len(desk.sent(AskForBid))
        desk.pass_time(2 * SECOND, heartbeats=("n1",))
        assert 1 == len(desk.sent(AskForBid))
    desk.bid(execution)
    desk.reply("BidAccepted", execution)
    desk.pass_time(15 * SECOND, heartbeats=("n1",))
    assert [f"AskForBid {execution.id}"] == desk.notes("unanswered")
    assert S.BID_ACCEPTED is execution.compute


@pytest.mark.parametrize(("switch", "reminders"), [("off", 2), ("on", 0)])
def test_a_bid_that_is_long_in_coming_is_asked_for_again(switch, reminders):
    """`lost-ask-counts-as-pending`: its answer may have been lost; the reply to a reminder changes nothing."""
    desk = Desk(1, parse([f"lost-ask-counts-as-pending={switch}"]))
    (execution,) = desk.executions(desk.submit())
    desk.reply("AskForBid", execution)
    desk.sent()
    desk.pass_time(30 * SECOND, heartbeats=("n1",))
    desk.reply("AskForBid", execution)
    desk.pass_time(30 * SECOND, heartbeats=("n1",))
    assert reminders == len(desk.sent(AskForBid))
    assert (S.ASK_FOR_BID, 2) == (execution.compute, execution.revision)


def test_a_node_that_does_not_answer_is_not_asked_again_before_it_does():
    """The execution that was given up may run there; with nobody else to ask, the job waits for the answer."""
    desk = Desk(1)
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.pass_time(15 * SECOND, heartbeats=("n1",))
    assert (JobState.PENDING, S.FAILED, 1) == (desk.state(job_id), execution.compute, len(desk.executions(job_id)))
    desk.reply("CancelExecution", execution, "execution not found")
    desk.pass_time(10 * SECOND, heartbeats=("n1",))
    assert 2 == len(desk.executions(job_id))


def test_an_approval_without_an_answer_is_given_up():
    """Whether the program runs nobody knows, so it is cancelled and placed anew."""
    desk = Desk(2)
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.reply("AskForBid", execution)
    desk.bid(execution)
    desk.pass_time(10 * SECOND)
    assert (S.FAILED, 2) == (execution.compute, len(desk.executions(job_id)))


@pytest.mark.parametrize("switch", ["off", "on"])
@pytest.mark.parametrize("request_type", [CancelExecution, BidRejected])
def test_what_ends_an_execution_is_said_until_the_node_answers_only_where_documented(switch, request_type):
    """`failed-cancel-never-resent`: else a lost cancel, or a lost refusal of a bid, is never heard of again."""
    desk = Desk(2, parse([f"failed-cancel-never-resent={switch}"]))
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.reply("AskForBid", execution)
    if request_type is BidRejected:
        desk.machine.store.job(job_id).state = JobState.STOPPED
        desk.bid(execution)
    else:
        desk.stop(job_id)
    desk.sent()
    desk.pass_time(35 * SECOND)
    assert (3 if switch == "off" else 0) == len(desk.sent(request_type))
    desk.reply(request_type.__name__, execution, "execution not found: x")
    desk.reply("CancelExecution", execution, "execution not found: x")
    assert (switch == "off") == (execution.compute in (S.CANCELLED, S.BID_REJECTED))


def test_a_node_that_refuses_the_rejection_of_its_bid_is_told_to_cancel():
    """The approval had reached it and only its reply was lost, so that the program runs."""
    desk = Desk(1)
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.reply("AskForBid", execution)
    desk.bid(execution)
    desk.stop(job_id)
    desk.sent()
    desk.reply("BidRejected", execution, "execution x is in state Running but expected one of [Created]")
    assert [execution.id] == [send.message.execution_id for send in desk.sent(CancelExecution)]
    desk.reply("CancelExecution", execution)
    assert S.CANCELLED is execution.compute


def test_a_cancel_is_no_longer_owed_to_a_node_that_is_deleted():
    """Nobody is left who could answer: the execution counts as cancelled."""
    desk = Desk(1)
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.run(execution)
    desk.stop(job_id)
    desk.change("n1", "delete")
    desk.pass_time(10 * SECOND)
    assert S.CANCELLED is execution.compute
    assert 0 == len(desk.machine._calls)


def test_an_error_in_the_reply_to_an_ask_fails_the_execution():
    """Its text is the reason; the next node is asked."""
    desk = Desk(2)
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.reply("AskForBid", execution, "invalid CPU value: much")
    assert (S.FAILED, "invalid CPU value: much") == (execution.compute, execution.compute_message)
    assert 2 == len(desk.executions(job_id))


def test_calls_expire_each_in_its_own_time():
    """Ten seconds after it was made."""
    desk = Desk(2)
    first = desk.executions(desk.submit())[0]
    desk.pass_time(4 * SECOND)
    second = desk.executions(desk.submit())[0]
    desk.pass_time(6 * SECOND)
    assert [f"AskForBid {first.id}"] == desk.notes("unanswered")
    desk.pass_time(4 * SECOND)
    assert [f"AskForBid {first.id}", f"AskForBid {second.id}"] == desk.notes("unanswered")[:2]


# ---- late, repeated, unknown -------------------------------------------------------------------------------

LATE = Event("late", Topic.BIDDING, 5)


@pytest.mark.parametrize(
    "message",
    [
        BidResult("e", "j", True, LATE),
        BidResult("e", "j", False, LATE),
        RunResult("e", "j", SpecConfig(), DONE),
        ComputeError("e", "j", LATE),
        ExecutionReply("e", "j", "AskForBid"),
        ExecutionReply("e", "j", "BidAccepted", "no"),
        Heartbeat("stranger", 1),
        UpdateResources("stranger", ROOM, Resources()),
        "something else",
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_belongs_to_nothing_is_noted_and_changes_nothing(message):
    """Messages about unknown executions, from unknown nodes, or of no kind that a requester knows."""
    desk = Desk(1)
    desk.hear(message)
    assert [str(message)] == desk.notes("ignored")
    assert [] == desk.sent()


@pytest.mark.parametrize("ending", ["finish", "fail"])
@pytest.mark.parametrize("late", ["bid", "finish", "fail", "ask", "accept", "cancel"])
def test_what_comes_after_the_end_is_noted_and_changes_nothing(ending, late):
    """An execution that is over stays as it is, and its job is not looked at again."""
    desk = Desk(1)
    job_id = desk.submit("ops")
    (execution,) = desk.executions(job_id)
    desk.reply("AskForBid", execution)
    getattr(desk, ending)(execution)
    before = (execution.compute, execution.revision, len(desk.machine.store.job(job_id).history))
    desk.log.clear()
    names = {"ask": "AskForBid", "accept": "BidAccepted", "cancel": "CancelExecution"}
    if late in names:
        desk.reply(names[late], execution)
    else:
        getattr(desk, late)(execution)
    assert before == (execution.compute, execution.revision, len(desk.machine.store.job(job_id).history))
    assert (1, []) == (len(desk.notes("ignored")), desk.notes("plan"))


def test_the_report_of_a_cancel_says_nothing_new():
    """The reply to the request has said it already."""
    desk = Desk(1)
    desk.hear(CancelResult("e", "j"))
    assert [] == desk.log


def test_a_result_of_which_the_job_has_enough_does_not_count():
    """When the given-up node and its replacement both come with a result, the job has one (`surplus-result-counts`)."""
    for switch, expected in (("off", S.BID_ACCEPTED), ("on", S.COMPLETED)):
        desk = Desk(2, parse([f"surplus-result-counts={switch}"]))
        job_id = desk.submit()
        (lost,) = desk.executions(job_id)
        desk.run(lost)
        others = tuple({"n1", "n2"} - {lost.node_id})
        desk.pass_time(65 * SECOND, heartbeats=others)
        (_, replacement) = desk.executions(job_id)
        desk.run(replacement)
        desk.finish(lost)
        desk.finish(replacement)
        assert (JobState.COMPLETED, S.COMPLETED) == (desk.state(job_id), lost.compute)
        assert expected is replacement.compute


def test_each_node_is_asked_about_what_should_run_there():
    """What was accepted a housekeeping round ago is named to its node once a round, unless it is to stop."""
    desk = Desk(2)
    job_id = desk.submit(count=2)
    for execution in desk.executions(job_id):
        desk.run(execution)
    desk.pass_time(65 * SECOND, heartbeats=("n1", "n2"))
    asked = {execution.node_id: (execution.id,) for execution in desk.executions(job_id)}
    assert asked == {send.target: send.message.execution_ids for send in desk.sent(Reconcile)}
    desk.stop(job_id)
    desk.pass_time(65 * SECOND, heartbeats=("n1", "n2"))
    assert [] == desk.sent(Reconcile)


def test_nobody_is_asked_again_in_v1_4_0():
    """`lost-result-never-resent`."""
    desk = Desk(2, parse(["lost-result-never-resent=on"]))
    job_id = desk.submit()
    desk.run(*desk.executions(job_id))
    desk.pass_time(65 * SECOND, heartbeats=("n1", "n2"))
    assert [] == desk.sent(Reconcile)


def test_a_result_from_a_node_that_was_given_up_counts():
    """Work that was done need not be done again: the replacement is told to stop."""
    desk = Desk(2)
    job_id = desk.submit()
    (lost,) = desk.executions(job_id)
    desk.run(lost)
    others = tuple({"n1", "n2"} - {lost.node_id})
    desk.pass_time(65 * SECOND, heartbeats=others)
    (_, replacement) = desk.executions(job_id)
    desk.finish(lost)
    assert (JobState.COMPLETED, S.COMPLETED) == (desk.state(job_id), lost.compute)
    assert DesiredState.STOPPED is replacement.desired
