"""Choosing nodes and explaining the choice: reference 7."""

import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import UsageError
from devstack.kernel.seed import Seed
from devstack.models.event import NO_EVENT
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Constraint, Job, ResourcesConfig, SpecConfig, Task
from devstack.models.node import ComputeNodeInfo, Connection, NodeInfo, NodeState
from devstack.models.resources import NO_RESOURCES, Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.policy import Policy
from devstack.orchestrator.selection import NodeSelector, SchedulingError
from devstack.orchestrator.store import JobStore

ROOM = Resources(4000, 16 * 10**9, 100 * 10**9)


class FakeTable:
    """A table whose nodes the test sets."""

    def __init__(self, *states):
        self.revision = 1
        self.states = tuple(sorted(states, key=lambda state: state.info.node_id))

    def set(self, *states):
        self.__init__(*states)
        self.revision += 1

    def eligible(self):
        return self.states

    def is_lost(self, node_id):
        return False


class FakeChance:
    """Draws what the test says, each number once a node and in turn."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def bits(self, count):
        raise AssertionError("a ranking draws only ranks")

    def below(self, bound):
        raise AssertionError("a ranking draws for all nodes at once")

    def many_below(self, bound, count):
        drawn, self.draws = self.draws[:count], self.draws[count:]
        return drawn


def node(node_id, free=ROOM, engines=("docker",), **labels):
    info = ComputeNodeInfo(engines, ("local",), ("inline",), ROOM, NO_RESOURCES, free, ROOM)
    return NodeState(NodeInfo(node_id, labels=labels, compute=info), connection=Connection.CONNECTED)


def make_record(store, *constraints, engine="docker", cpu="", name="j1", job_type="batch"):
    task = Task("main", SpecConfig(engine), SpecConfig(), resources=ResourcesConfig(cpu))
    job = Job(name, name, "default", job_type, count=1, constraints=constraints, tasks=(task,))
    return store.create_job(job, "", NO_EVENT, 0)


@pytest.fixture
def store():
    return JobStore()


def make_selector(table, store, *draws, config=None):
    return NodeSelector(table, store, config or RequesterConfig(), FakeChance(*draws))


def add_execution(store, record, node_id, state, name=""):
    execution = Execution(name or f"e-{node_id}", record.job.id, node_id, "default", "v")
    store.create_execution(execution, NO_EVENT, 0)
    execution.compute = state


def test_the_draw_decides_between_equal_nodes(store):
    """The rest of their ranks is the same."""
    selector = make_selector(FakeTable(node("n1"), node("n2"), node("n3")), store, 1, 4, 2)
    assert ["n2", "n3", "n1"] == selector.matching(make_record(store), 0).chosen


@pytest.mark.parametrize("count", [1, 2, None])
def test_of_equal_draws_the_lower_id_wins(store, count):
    """So that a run can be repeated."""
    selector = make_selector(FakeTable(node("n1"), node("n2"), node("n3")), store, 3, 3, 3)
    assert ["n1", "n2", "n3"][:count] == selector.top(make_record(store), count, 0).chosen


def test_free_room_outweighs_the_draw(store):
    """A node with half the room is far behind."""
    table = FakeTable(node("n1", Resources(2000, 8 * 10**9, 50 * 10**9)), node("n2"))
    assert ["n2"] == make_selector(table, store, 4, 0).top(make_record(store, cpu="1"), 1, 0).chosen


def test_a_fresh_node_outweighs_one_that_failed(store):
    """The past counts 30."""
    record = make_record(store)
    add_execution(store, record, "n1", ComputeState.FAILED)
    assert ["n2", "n1"] == make_selector(FakeTable(node("n1"), node("n2")), store, 4, 0).matching(record, 0).chosen


def test_refused_nodes_are_counted_with_their_reasons(store):
    """The last rule that refuses gives the reason; the past comes after all others."""
    record = make_record(store)
    add_execution(store, record, "n1", ComputeState.BID_ACCEPTED)
    add_execution(store, record, "n2", ComputeState.BID_ACCEPTED)
    add_execution(store, record, "elsewhere", ComputeState.BID_ACCEPTED)
    table = FakeTable(node("n1"), node("n2", engines=("wasm",)), node("n3", engines=("wasm",)), node("n4"))
    selection = make_selector(table, store, 4, 4, 4, 4).top(record, 3, 0)
    assert (["n4"], 1, 4) == (selection.chosen, selection.suitable, selection.available)
    assert [
        ("n1", "job rejected"), ("n2", "job rejected"), ("n3", "does not support docker, only wasm"), ("n4", ""),
    ] == selection.refusals()  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 5, None])
def test_no_more_nodes_are_chosen_than_suit(store, count):
    """None here."""
    selection = make_selector(FakeTable(node("n1")), store, 0).top(make_record(store, engine="wasm"), count, 0)
    assert ([], 0, 1) == (selection.chosen, selection.suitable, selection.available)


def test_without_nodes_there_is_an_error(store):
    """The evaluation has to wait."""
    with pytest.raises(SchedulingError, match="unable to find any connected and approved nodes"):
        make_selector(FakeTable(), store).matching(make_record(store), 0)


def test_wishes_that_cannot_be_read_are_an_error(store):
    """A constraint with bad syntax shows only here."""
    record = make_record(store, Constraint("size", "gt", ("big",)))
    selector = make_selector(FakeTable(node("n1")), store)
    with pytest.raises(SchedulingError):
        selector.matching(record, 0)
    with pytest.raises(SchedulingError):
        selector.explain(record, 0)


def test_a_change_of_the_nodes_is_seen_at_once(store):
    """What is kept between placements belongs to one state of the table."""
    table = FakeTable(node("n1"))
    selector = make_selector(table, store, 0, 0, 0, 0, 0)
    record = make_record(store)
    assert ["n1"] == selector.matching(record, 0).chosen
    table.set(node("n1", engines=()), node("n2"))
    assert ["n2"] == selector.matching(record, 0).chosen


def test_a_resting_node_is_told_apart_from_a_refused_one(store):
    """Only if nothing else speaks against it."""
    record = make_record(store, job_type="daemon")
    for node_id in ("n1", "n2"):
        add_execution(store, record, node_id, ComputeState.FAILED)
    table = FakeTable(node("n1"), node("n2", engines=()))
    selection = make_selector(table, store, 0, 0).matching(record, 4)
    assert ([], {"n1": 10 * 10**9}) == (selection.chosen, selection.resting)


@pytest.mark.parametrize("change", [{"over_subscription_millis": 900}, {"rank_randomness": -1}])
def test_a_selector_refuses_a_configuration_that_cannot_work(store, change):
    """T181, T183, T189."""
    with pytest.raises(UsageError):
        make_selector(FakeTable(), store, config=RequesterConfig(**change))


def test_copies_leave_out_what_can_be_computed_again(store):
    """And choose the same."""
    table = FakeTable(node("n1"), node("n2"))
    selector = NodeSelector(table, store, RequesterConfig(), Seed(3).stream("rank"))
    record = make_record(store)
    selector.matching(record, 0)
    copy = pickle.loads(pickle.dumps(selector))
    assert {} == copy.__dict__["_rankings"]
    assert selector.matching(record, 0).chosen == copy.matching(record, 0).chosen


# ---- explanations ----------------------------------------------------------------------------------------------


def test_an_explanation_has_every_rule_of_every_node(store):
    """With the reason where it refuses."""
    table = FakeTable(node("n1"), node("n2", engines=("wasm",)))
    explanation = make_selector(table, store).explain(make_record(store), 0)
    best, refused = explanation.nodes
    assert [10, 10, 10, 0, 0, 0, 0, 30, 100, 0] == [rule.rank for rule in best.rules]
    assert ("n1", 160, "") == (best.node_id, best.rank, best.reason)
    assert ("n2", -1, "does not support docker, only wasm") == (refused.node_id, refused.rank, refused.reason)
    assert ("engine", -1, refused.reason) == attrs.astuple(refused.rules[0])


def test_an_explanation_draws_nothing(store):
    """It must not change what comes after it."""
    stream = Seed(1).stream("rank")
    NodeSelector(FakeTable(node("n1")), store, RequesterConfig(), stream).explain(make_record(store), 0)
    assert 0 == stream.draws


def test_nothing_suits_nobody_wins(store):
    """An explanation without a winner."""
    explanation = make_selector(FakeTable(node("n1")), store).explain(make_record(store, engine="wasm"), 0)
    assert explanation.winner is None


nodes = st.lists(
    st.builds(
        lambda number, millis, engines, tier: node(f"n{number:02}", Resources(millis, 10**9), engines, tier=tier),
        st.integers(0, 40), st.integers(0, 4000), st.sampled_from([("docker",), ("docker", "wasm"), ("wasm",)]),
        st.sampled_from(["a", "b"]),
    ),
    min_size=1, max_size=12, unique_by=lambda state: state.info.node_id,
)  # fmt: skip
pasts = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(list(ComputeState)[1:])), max_size=6)


policies = st.none() | st.builds(
    lambda weights, own: Policy("any", weights, {"own": lambda wanted, info: own[int(info.node_id[1:]) % len(own)]}),
    st.dictionaries(st.sampled_from(["labels", "available capacity", "max usage", "own"]), st.integers(-3000, 3000))
    | st.dictionaries(st.just("previous executions"), st.integers(0, 3000)),
    st.lists(st.integers(-1, 50) | st.just("no"), min_size=1, max_size=5),
)


@given(nodes, pasts, st.integers(0, 2**32), st.booleans(), st.booleans(), policies)
def test_the_winner_of_the_explanation_is_the_choice(states, past, root, picky, soft, policy):
    """For any nodes, any past, any draw and any policy: also later, from what was recorded."""
    store, table = JobStore(), FakeTable(*states)
    constraints = [Constraint("tier", "=", ("a",))] * picky + [Constraint("favour_tier", "=", ("b",))] * soft
    record = make_record(store, *constraints, cpu="0.5")
    for number, (position, state) in enumerate(past):
        add_execution(store, record, states[position % len(states)].info.node_id, state, f"e{number}")
    selector = NodeSelector(table, store, RequesterConfig(policy=policy), Seed(root).stream("rank"))
    selection = selector.matching(record, 0)
    recorded = selector.explain_selection(record, selection)
    again = selector.explain(record, 0, selection.nodes, selection.draws)
    assert recorded == again
    assert selection.chosen == [rank.node_id for rank in recorded.nodes if rank.rank >= 0]
    assert (selection.chosen[0] if selection.chosen else None) == recorded.winner
    assert sorted(selection.refusals()) == sorted((rank.node_id, rank.reason) for rank in recorded.nodes)
