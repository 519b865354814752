"""The requester as a machine: messages and timers in, actions out. The test is its network and its clock."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest

from devstack.behaviour import DOCUMENTED, Behaviour, parse
from devstack.kernel.seed import Seed
from devstack.messages import (
    AskForBid,
    BidAccepted,
    BidRejected,
    BidResult,
    CancelExecution,
    CancelResult,
    ComputeError,
    ExecutionReply,
    Heartbeat,
    ManagementReply,
    Note,
    Reconcile,
    Register,
    RunResult,
    Send,
    SetTimer,
    UpdateInfo,
    UpdateResources,
)
from devstack.models.evaluation import Evaluation
from devstack.models.event import Event, Topic
from devstack.models.execution import ComputeState, DesiredState, Execution, RunCommandResult
from devstack.models.job import Job, JobState, SpecConfig, Task, Timeouts
from devstack.models.node import ComputeNodeInfo, NodeInfo
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.requester import Requester

S = ComputeState
SECOND = 1_000_000_000
ROOM = Resources(4000, 16 * 10**9, 100 * 10**9)
DONE = RunCommandResult("hi\n", exit_code=0)


class Desk:
    """A requester with connected nodes; `log` keeps every action, `sent` those messages that nobody has looked at."""

    def __init__(self, nodes: int = 3, behaviour: Behaviour = DOCUMENTED, **settings: Any) -> None:
        seed = Seed(1)
        streams = [seed.stream(name) for name in ("ids", "ranking", "broker")]
        self.machine = Requester(RequesterConfig(behaviour=behaviour, **settings), *streams)
        self.now_ns = SECOND
        self.log: list[Any] = []
        self.timers: dict[Hashable, int] = {}
        self.machine.start(self.now_ns)
        self.collect()
        for number in range(1, nodes + 1):
            self.join(f"n{number}")
        self.log.clear()

    # What the test does to it.

    def join(self, node_id: str) -> None:
        compute = ComputeNodeInfo(("docker",), ("local",), ("inline",), ROOM, Resources(), ROOM, ROOM)
        self.hear(Register(NodeInfo(node_id, labels={"name": node_id}, compute=compute)), node_id)
        self.hear(Heartbeat(node_id, 1), node_id)

    def hear(self, message: Any, source: str = "n1") -> None:
        """A message arrives, and its instant comes to an end."""
        self.machine.handle(self.now_ns, source, message)
        self.collect()
        self.pass_time(0)

    def submit(self, kind: str = "batch", count: int = 1, timeouts: Timeouts | None = None, **fields: Any) -> str:
        task = Task("main", SpecConfig("noop"), SpecConfig(), timeouts=timeouts or Timeouts())
        job_id = self.machine.submit(self.now_ns, Job(type=kind, count=count, tasks=(task,), **fields)).record.job.id
        self.collect()
        self.pass_time(0)
        return job_id

    def stop(self, job_id: str) -> None:
        self.machine.stop(self.now_ns, job_id, "")
        self.collect()
        self.pass_time(0)

    def change(self, node_id: str, action: str) -> str:
        answer = self.machine.change_node(self.now_ns, node_id, action)
        self.collect()
        self.pass_time(0)
        return answer

    def pass_time(self, duration_ns: int, heartbeats: tuple[str, ...] = ()) -> None:
        """Let timers fire until then; the named nodes are heard of every ten seconds."""
        end_ns = self.now_ns + duration_ns
        while due := sorted((at_ns, str(key)) for key, at_ns in self.timers.items() if at_ns <= end_ns):
            at_ns, key = due[0]
            while heartbeats and at_ns - self.now_ns > 10 * SECOND:
                self.now_ns += 10 * SECOND
                for node_id in heartbeats:
                    self.machine.handle(self.now_ns, node_id, Heartbeat(node_id, 2))
            self.now_ns = max(self.now_ns, at_ns)
            del self.timers[key]
            self.machine.timer(self.now_ns, key)
            self.collect()
        self.now_ns = end_ns

    def collect(self) -> None:
        for action in self.machine.drain():
            if isinstance(action, SetTimer):
                self.timers[action.key] = action.at_ns
            self.log.append(action)

    # What the test sees of it.

    def sent(self, *kinds: type) -> list[Send]:
        """The messages since the last look."""
        found = [a for a in self.log if isinstance(a, Send) and (not kinds or isinstance(a.message, kinds))]
        self.log = [a for a in self.log if not isinstance(a, Send)]
        return found

    def notes(self, kind: str) -> list[str]:
        return [action.text for action in self.log if isinstance(action, Note) and action.kind == kind]

    def executions(self, job_id: str) -> list[Execution]:
        return list(self.machine.store.job(job_id).executions.values())

    def state(self, job_id: str) -> JobState:
        return self.machine.store.job(job_id).state

    # A node's side of the conversation.

    def reply(self, name: str, execution: Execution, error: str = "") -> None:
        self.hear(ExecutionReply(execution.id, execution.job_id, name, error), execution.node_id)

    def bid(self, execution: Execution, accepted: bool = True, text: str = "Accepted job") -> None:
        event = Event(text, Topic.BIDDING, self.now_ns)
        self.hear(BidResult(execution.id, execution.job_id, accepted, event), execution.node_id)

    def finish(self, execution: Execution) -> None:
        self.hear(RunResult(execution.id, execution.job_id, SpecConfig(), DONE), execution.node_id)

    def fail(self, execution: Execution, text: str = "boom") -> None:
        event = Event.of_error(text, Topic.RUNNING, self.now_ns)
        self.hear(ComputeError(execution.id, execution.job_id, event), execution.node_id)

    def run(self, execution: Execution) -> None:
        """Asked, bid, accepted: it runs."""
        self.reply("AskForBid", execution)
        self.bid(execution)
        self.reply("BidAccepted", execution)
        assert S.BID_ACCEPTED is execution.compute


def history_of(desk: Desk, job_id: str) -> list[tuple[str, int, int, str]]:
    """As reference 12.3 writes it: level, revision, the states, the message."""
    entries = desk.machine.store.job(job_id).history
    return [(type(e).__name__[0], e.new_revision, (int(e.previous), int(e.new)), e.event.message) for e in entries]


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


# ---- nodes -------------------------------------------------------------------------------------------------


def test_a_node_hears_whether_it_was_taken_in():
    """Registering and updating are answered; a rejected node is refused."""
    desk = Desk(1)
    info = NodeInfo("n1")
    desk.hear(Register(info))
    desk.change("n1", "reject")
    desk.hear(UpdateInfo(info))
    desk.hear(UpdateInfo(NodeInfo("n9")), "n9")
    assert [
        Send("n1", ManagementReply("Register", True, "node already registered")),
        Send("n1", ManagementReply("UpdateInfo", False, "node registration rejected")),
        Send("n9", ManagementReply("UpdateInfo", False, "node not yet registered")),
    ] == desk.sent()


def test_an_unknown_change_of_a_node_is_refused():
    """In Bacalhau's words."""
    assert "unsupported action" == Desk(1).change("n1", "paint")


@pytest.mark.parametrize(("switch", "nodes"), [("off", {"n1", "n2"}), ("on", {"n1"})])
def test_a_node_that_joins_gets_daemons_only_where_documented(switch, nodes):
    """`node-join-wakes-nobody`."""
    desk = Desk(1, parse([f"node-join-wakes-nobody={switch}"]))
    job_id = desk.submit("daemon")
    desk.join("n2")
    assert nodes == {execution.node_id for execution in desk.executions(job_id)}


@pytest.mark.parametrize("change", ["join", "approve", "reconnect"])
def test_a_job_that_waits_for_room_is_looked_at_when_a_node_comes(change):
    """Also when a rejected one is approved, or one that was silent is heard again."""
    desk = Desk(1)
    if change == "approve":
        desk.change("n1", "reject")
    elif change == "reconnect":
        desk.pass_time(90 * SECOND)
    else:
        desk.change("n1", "delete")
    job_id = desk.submit(timeouts=Timeouts(queue_s=3600))
    assert [] == desk.executions(job_id)
    if change == "approve":
        desk.change("n1", "approve")
    elif change == "reconnect":
        desk.hear(Heartbeat("n1", 9))
    else:
        desk.join("n2")
    assert 1 == len(desk.executions(job_id))


def test_a_job_that_needs_nothing_is_left_alone_when_a_node_comes():
    """All that it wants is there; an ops job is placed only once."""
    desk = Desk(1)
    job_id = desk.submit()
    desk.run(desk.executions(job_id)[0])
    ops = desk.submit("ops")
    desk.log.clear()
    desk.join("n2")
    assert ([], 1) == (desk.notes("plan"), len(desk.executions(ops)))


@pytest.mark.parametrize("change", ["disconnect", "reject", "delete"])
@pytest.mark.parametrize("switch", ["off", "on"])
def test_a_node_that_leaves_loses_its_executions_only_where_documented(change, switch):
    """`disconnected-node-keeps-executions`: in v1.4.0 nobody even looks."""
    desk = Desk(2, parse([f"disconnected-node-keeps-executions={switch}"]))
    job_id = desk.submit()
    (execution,) = desk.executions(job_id)
    desk.run(execution)
    (other,) = {"n1", "n2"} - {execution.node_id}
    if change == "disconnect":
        desk.pass_time(65 * SECOND, heartbeats=(other,))
    else:
        desk.change(execution.node_id, change)
    nodes = [one.node_id for one in desk.executions(job_id)]
    assert ([execution.node_id, other] if switch == "off" else [execution.node_id]) == nodes


def test_what_happens_to_nodes_is_noted():
    """Joining, leaving, coming back."""
    desk = Desk(1)
    desk.pass_time(90 * SECOND)
    desk.hear(Heartbeat("n1", 9))
    desk.change("n1", "reject")
    desk.change("n1", "approve")
    desk.change("n1", "delete")
    assert [f"n1 {what}" for what in ("disconnect", "reconnect", "reject", "approve", "delete")] == desk.notes("node")


# ---- what grows --------------------------------------------------------------------------------------------


def test_a_finished_job_leaves_nothing_but_its_record():
    """No call, evaluation or timer of it is left."""
    desk = Desk(3)
    for _ in range(20):
        job_id = desk.submit()
        (execution,) = desk.executions(job_id)
        desk.run(execution)
        desk.finish(execution)
    broker = desk.machine.broker
    assert 0 == len(desk.machine._calls)
    assert [{}] * 5 == [broker._attempts, broker._current, broker._pending, broker._in_flight, broker._dead]
    assert 0 == len(broker._waiting)
    assert [] == desk.machine.store.in_progress()
    desk.pass_time(60 * SECOND)
    assert {"housekeeping", "heartbeats"} == set(desk.timers)
