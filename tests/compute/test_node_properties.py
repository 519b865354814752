"""What holds on a node in whatever order things happen to it."""

from hypothesis import given
from hypothesis import strategies as st

from devstack.behaviour import parse
from devstack.compute import ComputeConfig, ComputeNode
from devstack.compute.actions import Assessed, BidFacts, Discard, Prepared, Published, RunFinished, StartRun, StepFailed
from devstack.compute.lifecycle import TERMINAL
from devstack.messages import (
    AskForBid,
    BidAccepted,
    BidRejected,
    BidResult,
    CancelExecution,
    CancelTimer,
    ComputeError,
    RunResult,
    Send,
    SetTimer,
)
from devstack.models.execution import RunCommandResult
from devstack.models.job import InputSource, Job, ResourcesConfig, SpecConfig, Task
from devstack.models.resources import Gpu, Resources

TOTAL = Resources(3000, 10**10, 0, 1, (Gpu(0, "T4"),))
IDS = [f"e-{number}" for number in range(6)]


def job(number: int) -> Job:
    """Jobs of every kind: with and without inputs, publisher, device; long-running ones."""
    source = InputSource(SpecConfig("inline"), target="/in")
    task = Task(
        "main",
        SpecConfig("noop"),
        SpecConfig("local") if number % 3 == 0 else None,
        input_sources=(source,) if number % 2 else (),
        resources=ResourcesConfig(str(1 + number % 3), "1b", "", "1" if number == 4 else ""),
    )
    return Job(f"j-{number}", type="service" if number == 5 else "batch", priority=number % 2, tasks=(task,))


JOBS = dict(zip(IDS, map(job, range(6)), strict=True))

happenings = st.sampled_from(
    [
        *("ask", "ask-direct", "assessed", "accept", "reject", "cancel", "recover"),
        *("prepared", "finish", "break", "published", "failed", "timeout"),
    ]
)
steps = st.lists(st.tuples(happenings, st.sampled_from(IDS)), max_size=80)
behaviours = st.sampled_from(["documented", "v1.4.0"])


def happen(node: ComputeNode, now_ns: int, what: str, execution_id: str) -> None:
    messages = {
        "ask": AskForBid(execution_id, JOBS[execution_id], "", True),
        "ask-direct": AskForBid(execution_id, JOBS[execution_id], "", False),
        "accept": BidAccepted(execution_id),
        "reject": BidRejected(execution_id, ""),
        "cancel": CancelExecution(execution_id, ""),
    }
    events = {
        "assessed": Assessed(execution_id, BidFacts()),
        "prepared": Prepared(execution_id),
        "finish": RunFinished(execution_id, RunCommandResult(exit_code=0)),
        "break": RunFinished(execution_id, RunCommandResult(error_msg="boom")),
        "published": Published(execution_id, SpecConfig("x")),
        "failed": StepFailed(execution_id, "Running Execution", "bad luck"),
    }
    if what in messages:
        node.handle(now_ns, "node-0", messages[what])
    elif what in events:
        node.event(now_ns, events[what])
    elif what == "recover":
        node.recover(now_ns)
    else:
        node.timer(now_ns, ("timeout", execution_id))


def fresh(behaviour: str) -> ComputeNode:
    return ComputeNode(ComputeConfig("node-1", "node-0", total=TOTAL, behaviour=parse([behaviour]), with_history=True))


@given(steps, behaviours)
def test_capacity_is_never_exceeded_and_given_back_once(taken, behaviour):
    """At every moment what is used is what the active executions hold, and fits the node."""
    node = fresh(behaviour)
    for now_ns, (what, execution_id) in enumerate(taken):
        happen(node, now_ns, what, execution_id)
        assert node.running.fits(TOTAL)
        active = node.debug().active
        assert node.running.cpu_millis == sum(one.allocated.cpu_millis for one in active)
        assert node.running.gpu == sum(len(one.allocated.gpus) for one in active)
        if behaviour == "documented":
            assert not [one for one in active if one.state in TERMINAL]


@given(steps, behaviours)
def test_when_all_is_over_nothing_is_held(taken, behaviour):
    """Once every execution has ended, room, queue and timers are as in the beginning."""
    node, timers = fresh(behaviour), set()
    ending = [(what, one) for what in ("cancel", "assessed", "prepared", "finish") * 5 for one in IDS]
    for now_ns, (what, execution_id) in enumerate([*taken, *ending]):
        timers.discard((what, execution_id))
        happen(node, now_ns, what, execution_id)
        for action in node.drain():
            if isinstance(action, SetTimer):
                timers.add(action.key)
            elif isinstance(action, CancelTimer):
                timers.remove(action.key)
    assert (Resources(), Resources(), set()) == (node.running, node.enqueued, timers)
    assert all(record.state in TERMINAL for record in node.store)


@given(steps, behaviours)
def test_a_final_state_is_never_left(taken, behaviour):
    """History goes through no final state but at its end, and each execution has one outcome at most."""
    node = fresh(behaviour)
    outcomes: dict[str, int] = {}
    for now_ns, (what, execution_id) in enumerate(taken):
        happen(node, now_ns, what, execution_id)
        for action in node.drain():
            if isinstance(action, Send) and isinstance(action.message, RunResult | ComputeError):
                record = node.store.get(action.message.execution_id)
                if record is not None:
                    outcomes[record.id] = outcomes.get(record.id, 0) + 1
    for record in node.store:
        entries = node.store.history(record.id)
        assert not [entry for entry in entries if entry.previous in TERMINAL]
    assert all(count == 1 for count in outcomes.values())


@given(steps)
def test_what_was_started_is_discarded_once(taken):
    """Every execution that began is cleaned up after exactly once when it is over; one ask brings one bid at most."""
    node = fresh("documented")
    started, discarded, bids = set(), [], []
    for now_ns, (what, execution_id) in enumerate(taken):
        happen(node, now_ns, what, execution_id)
        for action in node.drain():
            if isinstance(action, StartRun):
                started.add(action.execution_id)
            elif isinstance(action, Discard):
                discarded.append(action.execution_id)
            elif isinstance(action, Send) and isinstance(action.message, BidResult):
                bids.append(action.message.execution_id)
    assert len(set(discarded)) == len(discarded)
    asks = [execution_id for what, execution_id in taken if what in ("ask", "ask-direct")]
    assert all(bids.count(one) <= asks.count(one) for one in set(bids))
    for execution_id in started:
        assert (execution_id in discarded) == (node.store.read(execution_id).state in TERMINAL)


@given(steps, behaviours)
def test_the_same_happenings_have_the_same_outcome(taken, behaviour):
    """Two nodes to which the same happens do the same."""
    one, other = fresh(behaviour), fresh(behaviour)
    for now_ns, (what, execution_id) in enumerate(taken):
        happen(one, now_ns, what, execution_id)
        happen(other, now_ns, what, execution_id)
    assert one.drain() == other.drain()
