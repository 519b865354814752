"""Weights for rules, and rules of one's own."""

from __future__ import annotations

import attrs
import pytest

from devstack.errors import UsageError
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.chain import CAPACITY, PAST, columns, past_rank
from devstack.orchestrator.ranking.column import Column
from devstack.orchestrator.ranking.policy import Policy
from devstack.orchestrator.ranking.wanted import Wanted


@pytest.mark.parametrize(
    ("millis", "ranks"), [(1000, [10, 0, -1]), (2500, [25, 0, -1]), (0, [0, 0, -1]), (-1000, [0, 10, -1])]
)
def test_a_weight_changes_preference_and_never_a_refusal(millis, ranks):
    """Below zero the order is reversed, and no suitable node falls below zero."""
    weighted = Policy("test", {"rule": millis}).weighted("rule", Column([10, 0, -1], {2: "no"}))
    assert ranks == weighted.ranks
    assert {2: "no"} == weighted.reasons


def test_an_own_rule_ranks_or_refuses(node, columns):
    """A text is the reason of a refusal; a rank below zero refuses without one."""

    def mine(wanted, info):
        return {"n1": 7, "n2": "not today", "n3": -5}[info.node_id]

    answers = Policy("test", own={"mine": mine}).applied({}, Wanted(), columns(node("n1"), node("n2"), node("n3")))
    assert [7, -1, -1] == answers["mine"].ranks
    assert {1: "not today", 2: "refused by mine"} == answers["mine"].reasons


@pytest.mark.parametrize("answer", [1.5, None, True])
def test_an_own_rule_has_to_answer_a_whole_number(node, columns, answer):
    """Floats differ between machines, and a forgotten return is no rank."""
    with pytest.raises(UsageError, match="the ranker mine answers"):
        Policy("test", own={"mine": lambda wanted, info: answer}).applied({}, Wanted(), columns(node("n1")))


def test_an_own_rule_that_fails_is_named_with_its_line(node, columns):
    """The mistake is in the person's function, and not in ours."""

    def broken(wanted, info):
        return 1 // 0

    with pytest.raises(UsageError, match="the ranker broken fails at n1: ZeroDivisionError") as caught:
        Policy("test", own={"broken": broken}).applied({}, Wanted(), columns(node("n1")))
    assert f"line {broken.__code__.co_firstlineno + 1} of broken" in caught.value.hint


def test_without_a_policy_nothing_is_weighted(node, columns):
    """The same columns come back."""
    assert 30 == past_rank(30, RequesterConfig())


def test_the_past_has_a_weight_too():
    """But for what it refuses."""
    config = attrs.evolve(RequesterConfig(), policy=Policy("test", {PAST: 500}))
    assert [15, -1] == [past_rank(rank, config) for rank in (30, -1)]


def test_a_policy_weighs_the_rules_of_the_chain(node):
    """By their names; its own rules come last."""
    from devstack.orchestrator.ranking.nodes import Nodes

    config = attrs.evolve(RequesterConfig(), policy=Policy("test", {CAPACITY: 0}, {"mine": lambda wanted, info: 3}))
    answers = columns(Wanted(), Nodes((node("n1", available=(4, 1, 1, 0)),)), config)
    assert [0] == answers[CAPACITY].ranks
    assert ["mine", 3] == [list(answers)[-1], answers["mine"].ranks[0]]
