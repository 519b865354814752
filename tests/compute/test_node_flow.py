"""An execution's way through a node, as its requester and its shell see it."""

import copy
import pickle

import pytest

from devstack.compute import LocalExecutionState
from devstack.compute.actions import Assess, Assessed, BidFacts, Discard, Prepare, Publish, StartRun, StopRun
from devstack.messages import (
    BidRejected,
    BidResult,
    CancelResult,
    ComputeError,
    ExecutionReply,
    RunResult,
    UpdateResources,
)
from devstack.models.event import Topic
from devstack.models.job import SpecConfig
from devstack.models.resources import Resources

State = LocalExecutionState
SECOND = 1_000_000_000


def test_an_ask_is_answered_and_then_bid_for(make_node, make_job):
    """T245: the reply comes first, then the bid; the execution is stored as Created."""
    bench = make_node()
    bench.ask("e-1", make_job())
    reply, bid = bench.sent()
    assert ExecutionReply("e-1", "j-1", "AskForBid") == reply
    assert (True, "Accepted job", Topic.BIDDING, {}) == (
        bid.accepted, bid.event.message, bid.event.topic, bid.event.details,
    )  # fmt: skip
    assert State.CREATED is bench.state("e-1")


def test_resources_that_cannot_be_read_are_an_error_in_the_reply(make_node, make_job):
    """Only the reply says that the resources are no resources; nothing else happens."""
    bench = make_node()
    bench.ask("e-1", make_job(cpu="much"))
    assert [ExecutionReply("e-1", "j-1", "AskForBid", "invalid CPU value: much")] == bench.sent()


def test_an_ask_that_comes_again_is_a_reminder(make_node, make_job):
    """The bid is told again, for it may have been lost; once it is settled, there is nothing more to tell."""
    bench = make_node()
    bench.ask("e-1", make_job())
    bench.ask("e-1", make_job())
    assert (2, 2) == (len(bench.sent(ExecutionReply)), len(bench.sent(BidResult)))
    bench.accept("e-1")
    bench.ask("e-1", make_job())
    assert (2, 1) == (len(bench.sent(BidResult)), len(bench.done(StartRun)))


def test_a_reminder_of_a_bid_that_waits_for_a_person_tells_nothing(make_node, make_job):
    """That person has still to decide."""
    bench = make_node(wait_on_bid=True)
    bench.ask("e-1", make_job())
    bench.ask("e-1", make_job())
    assert (2, 0) == (len(bench.sent(ExecutionReply)), len(bench.sent(BidResult)))


def test_a_refused_ask_is_not_stored(make_node, make_job):
    """T249: more CPU than the limit of one job is refused and forgotten."""
    bench = make_node(max_job=Resources(1000, 8 * 10**9))
    bench.ask("e-1", make_job(cpu="1010m"))
    (bid,) = bench.sent(BidResult)
    expected = (
        "rejected bid: insufficient resources - requested: {CPU: 1.01, Memory: 1.0 GB, Disk: 0 B, GPU: 0}, "
        "available: {CPU: 1, Memory: 8.0 GB, Disk: 0 B, GPU: 0}"
    )
    assert (False, expected) == (bid.accepted, bid.event.message)
    assert bench.node.store.get("e-1") is None


def test_a_pre_approved_execution_runs_at_once(make_node, make_job):
    """T009: without approval to wait for there is no bid; the execution is stored as accepted and run."""
    bench = make_node()
    bench.ask("e-1", make_job(), wait=False)
    assert [] == bench.sent(BidResult)
    assert ["e-1"] == [action.execution_id for action in bench.done(StartRun)]


def test_a_pre_approved_execution_that_is_refused_has_failed(make_node, make_job):
    """T251: a refusal of what is approved already is a compute error, and nothing is stored."""
    bench = make_node(max_job=Resources(1000))
    bench.ask("e-1", make_job(cpu="2"), wait=False)
    (error,) = bench.sent(ComputeError)
    assert error.event.message.startswith("job rejected: rejected bid: insufficient resources")
    assert {"IsError": "true"} == error.event.details
    assert bench.node.store.get("e-1") is None


def test_what_is_allocated_is_what_was_asked_for(make_node, make_job):
    """T247: full resources are allocated exactly as they were asked for."""
    bench = make_node()
    job = make_job(cpu="1", memory="2b")
    bench.run("e-1", job)
    (run,) = bench.done(StartRun)
    assert Resources(1000, 2) == run.resources


def test_a_simulated_execution_goes_from_bid_to_result(make_node, make_job):
    """T253: what is accepted and needs no preparation runs, completes, and is cleaned up after."""
    bench = make_node()
    bench.run("e-1", make_job())
    assert State.RUNNING is bench.state("e-1")
    bench.finish("e-1", exit_code=3)
    (result,) = bench.sent(RunResult)
    assert (SpecConfig(), 3) == (result.published, result.result.exit_code)
    assert [StartRun, Discard] == [type(a) for a in bench.done(StartRun, Prepare, Discard)]
    assert State.COMPLETED is bench.state("e-1")
    assert Resources() == bench.node.running
    assert {} == bench.timers


def test_inputs_are_prepared_before_the_run(make_node, make_job, make_input):
    """With inputs, or on a real engine, the order is assess, prepare, start, publish."""
    bench = make_node()
    job = make_job(engine="wasm", publisher="local", input_sources=(make_input(),))
    bench.ask("e-1", job)
    assert [] == bench.sent(BidResult)
    bench.event(Assessed("e-1", BidFacts(input_bytes=7)))
    bench.accept("e-1")
    assert State.BID_ACCEPTED is bench.state("e-1")
    bench.prepared("e-1")
    bench.finish("e-1")
    assert State.PUBLISHING is bench.state("e-1")
    assert {} == bench.timers
    bench.published("e-1")
    kinds = [type(a) for a in bench.done(Assess, Prepare, StartRun, Publish, Discard)]
    assert [Assess, Prepare, StartRun, Publish, Discard] == kinds
    assert 7 == bench.done(StartRun)[0].resources.disk_bytes
    assert "urlDownload" == bench.sent(RunResult)[0].published.type


@pytest.mark.parametrize("state", [State.PUBLISHING, State.CANCELLED, State.COMPLETED])
def test_a_bid_can_only_be_decided_while_it_is_open(make_node, make_job, state):
    """T255, T257: accepting or rejecting a bid in any other state is an error that names the states."""
    bench = make_node("lost-result-never-resent=on")
    bench.ask("e-1", make_job())
    bench.node.store.update("e-1", state, 0)
    bench.accept("e-1")
    bench.handle(BidRejected("e-1", "no"))
    replies = bench.sent(ExecutionReply)[1:]
    expected = f"execution e-1 is in state {state.text} but expected one of [Created]"
    assert [expected, expected] == [reply.error for reply in replies]
    assert [] == bench.done(StartRun)


def test_an_unknown_execution_is_an_error_in_the_reply(make_node):
    """Requests about an execution that the node does not know are answered with its id."""
    bench = make_node()
    bench.accept("e-9")
    bench.handle(BidRejected("e-9", "no"))
    bench.cancel("e-9")
    assert {"execution not found: e-9"} == {reply.error for reply in bench.sent(ExecutionReply)}


def test_an_ask_that_its_cancel_has_overtaken_is_not_taken(make_node, make_job):
    """Messages may overtake each other; what is over already must not begin."""
    bench = make_node()
    bench.cancel("e-1")
    bench.ask("e-1", make_job(), wait=False)
    text = "execution e-1 was cancelled before it was asked for"
    assert ExecutionReply("e-1", "j-1", "AskForBid", text) == bench.sent()[-1]
    assert [] == bench.done(StartRun)


def test_a_rejected_bid_is_cancelled(make_node, make_job):
    """A bid that the requester does not take ends as Cancelled, with the reason as comment."""
    bench = make_node()
    bench.ask("e-1", make_job())
    bench.handle(BidRejected("e-1", "too many"))
    record = bench.node.store.read("e-1")
    assert (State.CANCELLED, "bid rejected due to: too many") == (record.state, record.comment)


def test_an_engines_error_fails_the_execution(make_node, make_job):
    """An error of the engine is reported with its prefix; the result is not sent."""
    bench = make_node()
    bench.run("e-1", make_job())
    bench.finish("e-1", error="boom")
    (error,) = bench.sent(ComputeError)
    assert ("execution error: boom", Topic.RUNNING) == (error.event.message, error.event.topic)
    assert {"IsError": "true"} == error.event.details
    assert [] == bench.sent(RunResult)
    assert State.FAILED is bench.state("e-1")


def test_a_step_that_fails_is_reported_as_it_is(make_node, make_job):
    """A step's failure carries its topic and its whole text."""
    bench = make_node()
    bench.run("e-1", make_job(publisher="local"))
    bench.finish("e-1")
    bench.fail_step("e-1", Topic.PUBLISHING, "failed to publish result: full")
    (error,) = bench.sent(ComputeError)
    assert (Topic.PUBLISHING, "failed to publish result: full") == (error.event.topic, error.event.message)
    assert Resources() == bench.node.running


def test_a_bad_actor_fails_after_its_running_transition(make_node, make_job):
    """A bad node bids as others do, and fails what it starts; many at once do not stack up."""
    bench = make_node(is_bad_actor=True, with_history=True)
    bench.run("e-1", make_job())
    (error,) = bench.sent(ComputeError)
    assert "i am a baaad node. i failed execution e-1" == error.event.message
    assert [State.CREATED, State.BID_ACCEPTED, State.RUNNING, State.FAILED] == [
        entry.new for entry in bench.node.store.history("e-1")
    ]


def test_what_comes_too_late_or_twice_changes_nothing(make_node, make_job):
    """Late, repeated and unknown events are counted, noted and otherwise ignored."""
    bench = make_node()
    bench.run("e-1", make_job())
    bench.finish("e-1")
    before = len(bench.done()), bench.node.ignored
    bench.finish("e-1")
    bench.prepared("e-1")
    bench.published("e-9")
    bench.fail_step("e-1", Topic.RUNNING, "late")
    bench.node.timer(0, ("timeout", "e-1"))
    bench.node.timer(0, "unheard of")
    bench.handle("no message at all")
    bench.event("no event at all")
    assert (before[0], before[1] + 8) == (len(bench.done()), bench.node.ignored)
    assert State.COMPLETED is bench.state("e-1")


def test_an_event_of_another_step_is_ignored(make_node, make_job):
    """An execution that runs does not listen to a publisher."""
    bench = make_node()
    bench.run("e-1", make_job())
    bench.published("e-1")
    assert State.RUNNING is bench.state("e-1")


# ---- timeouts ----------------------------------------------------------------------------------------------


def test_a_run_that_takes_too_long_fails_with_a_hint(make_node, make_job):
    """T287: at its timeout the run is stopped and reported as in the recorded conversation."""
    bench = make_node()
    bench.run("e-1", make_job(total_s=1))
    bench.pass_time(2 * SECOND)
    (error,) = bench.sent(ComputeError)
    assert ("Execution timed out after 1s", Topic.RUNNING, SECOND) == (
        error.event.message, error.event.topic, error.event.time_ns,
    )  # fmt: skip
    details = {
        "Hint": "Increase the task timeout or allocate more resources",
        "IsError": "true",
        "Retryable": "true",
    }
    assert details == error.event.details
    assert [StartRun, StopRun, Discard] == [type(a) for a in bench.done(StartRun, StopRun, Discard)]


def test_a_run_within_its_timeout_completes(make_node, make_job):
    """T283, T285: a timeout of zero seconds is none, so the node's default applies."""
    bench = make_node(default_timeout_ns=10 * SECOND)
    bench.run("e-1", make_job())
    bench.pass_time(SECOND // 10)
    bench.finish("e-1")
    bench.pass_time(60 * SECOND)
    assert State.COMPLETED is bench.state("e-1")


@pytest.mark.parametrize(("behaviour", "value"), [("documented", "10m0s"), ("v1.4.0", "0s")])
def test_the_nodes_default_timeout_is_named(make_node, make_job, behaviour, value):
    """The timeout that applied is told; v1.4.0 tells the job's own, which is none."""
    bench = make_node(behaviour)
    bench.run("e-1", make_job())
    bench.pass_time(600 * SECOND)
    assert f"Execution timed out after {value}" == bench.sent(ComputeError)[0].event.message


def test_the_timeout_starts_when_the_execution_leaves_the_queue(make_node, make_job):
    """Time in the queue does not count."""
    bench = make_node()
    bench.run("e-1", make_job(cpu="2"))
    bench.run("e-2", make_job("j-2", cpu="2", execution_s=5))
    bench.pass_time(60 * SECOND)
    assert State.BID_ACCEPTED is bench.state("e-2")
    bench.finish("e-1")
    bench.pass_time(4 * SECOND)
    assert State.RUNNING is bench.state("e-2")
    bench.pass_time(SECOND)
    assert State.FAILED is bench.state("e-2")


def test_the_timeout_covers_preparing(make_node, make_job, make_input):
    """A timeout while inputs are fetched ends in that step's own words."""
    bench = make_node()
    bench.ask("e-1", make_job(execution_s=5, input_sources=(make_input(),)))
    bench.event(Assessed("e-1", BidFacts()))
    bench.accept("e-1")
    bench.pass_time(5 * SECOND)
    assert "preparing arguments: context deadline exceeded" == bench.sent(ComputeError)[0].event.message
    bench.prepared("e-1")
    assert [] == bench.done(StartRun)


@pytest.mark.parametrize("kind", ["service", "daemon"])
def test_services_and_daemons_have_no_timeout(make_node, make_job, kind):
    """What runs on for ever is not timed."""
    bench = make_node()
    bench.run("e-1", make_job(type=kind, execution_s=5))
    assert {} == bench.timers


# ---- cancel ------------------------------------------------------------------------------------------------


def test_a_running_execution_is_stopped(make_node, make_job):
    """Cancel stops the program, frees the room and says so; the program's own end is ignored."""
    bench = make_node()
    bench.run("e-1", make_job(cpu="2"))
    bench.run("e-2", make_job("j-2", cpu="2"))
    bench.cancel("e-1", "no longer needed")
    record = bench.node.store.read("e-1")
    assert (State.CANCELLED, "execution canceled due to: no longer needed") == (record.state, record.comment)
    assert [CancelResult("e-1", "j-1")] == bench.sent(CancelResult)
    assert ["e-1"] == [action.execution_id for action in bench.done(StopRun)]
    assert State.RUNNING is bench.state("e-2")
    bench.finish("e-1")
    assert State.CANCELLED is bench.state("e-1")


def test_what_is_over_cannot_be_cancelled(make_node, make_job):
    """A cancel of an ended execution is an error that names its state."""
    bench = make_node()
    bench.run("e-1", make_job())
    bench.finish("e-1")
    bench.cancel("e-1")
    assert "cannot cancel execution e-1 in state Completed" == bench.sent(ExecutionReply)[-1].error


def test_a_queued_execution_gives_up_its_place(make_node, make_job):
    """A cancelled execution leaves the queue and the queued usage at once."""
    bench = make_node()
    bench.run("e-1", make_job(cpu="2"))
    bench.run("e-2", make_job("j-2", cpu="2"))
    bench.cancel("e-2")
    assert (Resources(), 0) == (bench.node.enqueued, bench.node.info().compute.enqueued)
    bench.finish("e-1")
    assert ["e-1"] == [action.execution_id for action in bench.done(StartRun)]


def test_a_cancelled_execution_keeps_its_place_in_v1_4_0(make_node, make_job):
    """Switch `queued-cancel-keeps-slot`: it is load until its turn comes, and then vanishes without a word."""
    bench = make_node("queued-cancel-keeps-slot")
    for number in (1, 2, 3):
        bench.run(f"e-{number}", make_job(f"j-{number}", cpu="2"))
    bench.cancel("e-2")
    assert 4000 == bench.node.enqueued.cpu_millis
    bench.finish("e-1")
    assert ["e-1", "e-3"] == [action.execution_id for action in bench.done(StartRun)]
    assert [] == bench.sent(CancelResult, ComputeError)


def test_a_question_that_is_cancelled_is_dropped(make_node, make_job, make_input):
    """A cancel while the facts are gathered ends the matter; the facts come too late."""
    bench = make_node()
    bench.ask("e-1", make_job(input_sources=(make_input(),)))
    bench.cancel("e-1")
    bench.event(Assessed("e-1", BidFacts()))
    assert ["", ""] == [reply.error for reply in bench.sent(ExecutionReply)]
    assert [] == bench.sent(BidResult)


def test_an_early_cancel_is_lost_in_v1_4_0(make_node, make_job):
    """Switch `cancel-before-start-is-lost`: the record says Cancelled, the program runs on and holds its room."""
    bench = make_node("cancel-before-start-is-lost")
    bench.ask("e-1", make_job(engine="docker"), wait=False)
    bench.event(Assessed("e-1", BidFacts()))
    bench.prepared("e-1")
    bench.cancel("e-1")
    assert (State.CANCELLED, []) == (bench.state("e-1"), bench.done(StopRun))
    assert 1000 == bench.node.running.cpu_millis
    bench.finish("e-1")
    assert (Resources(), []) == (bench.node.running, bench.sent(RunResult, ComputeError))


# ---- daemons and services ----------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", ["documented", "v1.4.0"])
@pytest.mark.parametrize("job_type", ["service", "daemon"])
def test_a_long_running_program_that_ends_is_reported_like_any_other(make_node, make_job, behaviour, job_type):
    """The node starts nothing again by itself: that is the requester's business, which may choose another node."""
    bench = make_node(behaviour)
    bench.run("e-1", make_job(type=job_type))
    bench.finish("e-1")
    bench.pass_time(60 * SECOND)
    assert (1, 1) == (len(bench.sent(RunResult)), len(bench.done(StartRun)))
    assert ({}, Resources()) == (bench.timers, bench.node.running)


@pytest.mark.parametrize(("behaviour", "free"), [("documented", [2000]), ("v1.4.0", [])])
def test_the_end_of_a_long_running_program_is_told_with_the_room_it_leaves(make_node, make_job, behaviour, free):
    """`long-running-never-restarted`: who starts it again must not count its own past against its node."""
    bench = make_node(behaviour)
    bench.run("e-1", make_job(type="service"))
    bench.finish("e-1")
    assert free == [message.available.cpu_millis for message in bench.sent(UpdateResources)]


# ---- the world around --------------------------------------------------------------------------------------


def test_refused_by_the_buffer(make_node, make_job):
    """What exceeds the whole node fails; the reply says so too."""
    bench = make_node(total=Resources(2000, 10**9), max_job=Resources(9000, 10**9))
    bench.run("e-1", make_job(cpu="5"))
    (error,) = bench.sent(ComputeError)
    assert ("not enough capacity to run job", Topic.PREPARING) == (error.event.message, error.event.topic)
    assert {"IsError": "true", "FailsExecution": "true"} == error.event.details
    assert "not enough capacity to run job" == bench.sent(ExecutionReply)[-1].error
    assert State.FAILED is bench.state("e-1")


def test_refused_by_the_buffer_in_v1_4_0(make_node, make_job):
    """Switch `buffer-refusal-keeps-record`: the record stays as it was."""
    bench = make_node("v1.4.0", total=Resources(2000, 10**9), max_job=Resources(9000, 10**9))
    bench.run("e-1", make_job(cpu="5"))
    assert State.BID_ACCEPTED is bench.state("e-1")


@pytest.mark.parametrize(("behaviour", "kept"), [("documented", False), ("v1.4.0", True)])
def test_results_without_a_publisher(make_node, make_job, behaviour, kept):
    """Switch `results-kept`: what nobody publishes stays on disk."""
    bench = make_node(behaviour)
    bench.run("e-1", make_job())
    bench.finish("e-1")
    assert [Discard("e-1", kept)] == bench.done(Discard)


def test_two_gigabytes_for_four_jobs(make_node, make_job):
    """T259: four jobs of half a node each never run more than two at once, and all run."""
    bench = make_node(total=Resources(2000, 10**9, 10**9))
    for number in range(4):
        bench.run(f"e-{number}", make_job(f"j-{number}", cpu="1", memory="500mb"))
    assert 2 == bench.node.info().compute.running
    for number in range(4):
        bench.finish(f"e-{number}")
    assert 4 == bench.node.debug().completed


def test_debug_lists_what_runs(make_node, make_job):
    """The debug view names the executions that hold capacity, with what they hold."""
    bench = make_node()
    bench.run("e-1", make_job())
    (active,) = bench.node.debug().active
    assert ("e-1", "j-1", State.RUNNING, 1000) == (
        active.execution_id, active.job_id, active.state, active.allocated.cpu_millis,
    )  # fmt: skip


@pytest.mark.parametrize("again", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
def test_a_node_can_be_copied_while_it_works(make_node, make_job, again):
    """A copy goes on from the same point, and does not touch the original."""
    bench, other = make_node(), make_node()
    bench.run("e-1", make_job(cpu="2"))
    bench.run("e-2", make_job("j-2", cpu="2"))
    other.node, other.timers = again(bench.node), dict(bench.timers)
    other.finish("e-1")
    assert (State.COMPLETED, State.RUNNING) == (other.state("e-1"), other.state("e-2"))
    assert (State.RUNNING, State.BID_ACCEPTED) == (bench.state("e-1"), bench.state("e-2"))


def test_what_is_over_is_forgotten_in_time(make_node, make_job):
    """Only the last ended executions are kept."""
    bench = make_node(kept_executions=3)
    for number in range(10):
        bench.run(f"e-{number}", make_job(f"j-{number}"))
        bench.finish(f"e-{number}")
    assert ["e-7", "e-8", "e-9"] == [record.id for record in bench.node.store]
