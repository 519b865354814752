"""The change that is named flips the decision, nothing less does, and the words say what it is."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.explain import Decision, counter
from devstack.explain.repairs import repairs
from devstack.models.job import Constraint
from devstack.models.node import BuildVersion, ComputeNodeInfo, Connection, Membership, NodeInfo, NodeState
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.previous import Past
from devstack.orchestrator.ranking.wanted import Wanted

GB = 10**9
ROOM = Resources(4000, 16 * GB, 100 * GB, 0)
ONE_CORE = Wanted("docker", resources=Resources(1000))


def node(node_id: str, free: Resources = ROOM, *, labels: dict[str, str] | None = None, **compute: object) -> NodeState:
    known = {"engines": ("docker",), "max_capacity": ROOM, "available": free, "max_job": ROOM} | compute
    info = NodeInfo(node_id, labels=labels or {}, compute=ComputeNodeInfo(**known))
    return NodeState(info, Membership.APPROVED, Connection.CONNECTED)


def decision(*states: NodeState, wanted: Wanted = ONE_CORE, **rest: object) -> Decision:
    return Decision(wanted, states, RequesterConfig(), **rest)


def said(choice: Decision, node_id: str, absent: NodeState | None = None) -> tuple[str, ...] | None:
    found = counter(choice, node_id, absent)
    return found and found.changes


def test_the_winner_needs_no_change():
    """There is nothing to flip."""
    assert counter(decision(node("n1"), node("n2")), "n1") is None


@pytest.mark.parametrize(
    "other, wanted, words",
    [
        (node("n2", engines=("wasm",)), Wanted("docker"), "the engine docker"),
        (node("n2", sources=("s3",)), Wanted("docker", "", ("ipfs", "inline")), "the sources ipfs, inline"),
        (node("n2"), Wanted("docker", constraints=(Constraint("gpu", "=", ("true",)),)), "the label gpu=true"),
        (node("n2"), Wanted("docker", constraints=(Constraint("size", "gt", ("7",)),)), "the label size=8"),
        (
            node("n2", labels={"old": "yes"}), Wanted("docker", constraints=(Constraint("old", "!", ()),)),
            "no label old=yes",
        ),
        (
            node("n2", max_job=Resources(800, GB)), Wanted("docker", resources=Resources(1000)),
            "a limit for jobs 0.2 CPU higher",
        ),
        (
            node("n2", attrs.evolve(ROOM, cpu_millis=0), queue_used=Resources(1200)),
            Wanted("docker", resources=Resources(1000)), "0.2 CPU more free",
        ),
        (
            node("n2", Resources(200), max_capacity=Resources(200)), Wanted("docker", resources=Resources(600)),
            "0.2 CPU more, all of it free",
        ),
    ],
)  # fmt: skip
def test_a_refused_node_needs_what_its_rule_asks_for(other, wanted, words):
    """In a person's words and units; it is the only node, so that it then wins."""
    assert said(decision(other, wanted=wanted), "n2") == (words,)


def test_an_old_node_needs_a_newer_version():
    """The oldest one that will do."""
    old = node("n2")
    old = attrs.evolve(old, info=attrs.evolve(old.info, version=BuildVersion("1", "0", "v1.0.3")))
    assert said(decision(old), "n2") == ("version v1.0.4",)


def test_a_node_that_has_had_the_job_needs_another_past():
    """With the reason that its past gives."""
    past = {"n1": Past(-1, "job rejected")}
    assert said(decision(node("n1"), past=past), "n1") == ("no past with this job (job rejected)",)


def test_a_node_that_was_not_there_needs_to_be():
    """Neither approved nor connected; then it also has to be better than the others."""
    away = attrs.evolve(node("n0"), membership=Membership.PENDING, connection=Connection.DISCONNECTED)
    assert said(decision(node("n1")), "n0", away) == ("approval and a connection",)


def test_a_node_that_is_only_second_needs_a_little_more_room():
    """As little as makes it the first: of equals the lower id comes first."""
    found = counter(decision(node("n1"), node("n2", Resources(3960, 16 * GB, 100 * GB))), "n2")
    assert found is not None
    assert found.changes == ("0.041 CPU more",)
    assert str(found) == "n2 would have been chosen with 0.041 CPU more"
    assert found.after.winner == "n2"


def test_a_node_that_no_label_can_suit_has_no_counter():
    """The job contradicts itself."""
    never = (Constraint("a", "=", ("x",)), Constraint("a", "!=", ("x",)))
    assert counter(decision(node("n1"), wanted=Wanted("docker", constraints=never)), "n1") is None


amounts = st.builds(Resources, st.integers(0, 6000), st.integers(0, 20).map(GB.__mul__), st.just(0), st.integers(0, 1))
states = st.lists(
    st.builds(
        lambda number, top, used, queued, limit, engines, labels: node(
            f"n{number:02}", top - used, max_capacity=top, queue_used=queued, max_job=limit, engines=engines,
            labels=labels,
        ),
        st.integers(0, 30), amounts, amounts, st.sampled_from([Resources(), Resources(500), Resources(5000, 9 * GB)]),
        amounts, st.sampled_from([("docker",), ("docker", "wasm"), ()]),
        st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1", "2", "x"])),
    ),
    min_size=1, max_size=8, unique_by=lambda state: state.info.node_id,
).map(lambda found: tuple(sorted(found, key=lambda state: state.info.node_id)))  # fmt: skip
constraint = st.one_of(
    st.builds(
        Constraint, st.sampled_from(["a", "b", "favour_a"]), st.sampled_from(["=", "!=", "in", "notin"]),
        st.tuples(st.sampled_from(["1", "2", "x"])),
    ),
    st.builds(Constraint, st.sampled_from("ab"), st.sampled_from(["gt", "lt"]), st.tuples(st.sampled_from(["0", "2"]))),
    st.builds(Constraint, st.sampled_from("ab"), st.sampled_from(["exists", "!"]), st.just(())),
)  # fmt: skip
wishes = st.builds(
    Wanted, st.sampled_from(["docker", "wasm", "noop", ""]), st.sampled_from(["", "s3"]), st.just(()),
    st.lists(constraint, max_size=2).map(tuple), amounts,
)  # fmt: skip
past_of = st.sampled_from([None, Past(0), Past(-1, "job rejected")])


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """Any cluster, any wish, any past, any draw."""
    nodes = draw(states)
    pasts = {state.info.node_id: past for state in nodes if (past := draw(past_of)) is not None}
    draws = draw(st.lists(st.integers(0, 4), min_size=len(nodes), max_size=len(nodes)))
    return Decision(draw(wishes), nodes, RequesterConfig(), pasts, draws)


@given(decisions())
def test_the_named_change_flips_the_decision(choice):
    """For every node but the winner: what is named makes it the winner, or there is nothing that would."""
    winner = choice.winner
    for state in choice.states:
        found = counter(choice, state.info.node_id)
        if state.info.node_id == winner:
            assert found is None
        elif found is not None:
            assert found.after.winner == state.info.node_id
        else:
            assert {"a", "b"} & {one.key for one in choice.wanted.constraints}, "only contradictions cannot be met"


@given(decisions())
def test_every_repair_is_needed(choice):
    """With any one of the steps left out the node is still refused."""
    for state in choice.states:
        steps = repairs(choice, state.info.node_id)
        for left_out in steps:
            changed = choice
            for step in steps:
                if step is not left_out:
                    changed = step.apply(changed)
            row = next(row for row in changed.explain().nodes if row.node_id == state.info.node_id)
            assert row.rank < 0, left_out.text
