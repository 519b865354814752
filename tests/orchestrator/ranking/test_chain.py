"""How ranks add up."""

from hypothesis import given
from hypothesis import strategies as st

from devstack.orchestrator.ranking.chain import NAMES, add_up
from devstack.orchestrator.ranking.column import Column


def test_t141_ranks_of_a_node_are_added():
    """No rule refuses: the sum counts."""
    assert [0, 20, 30] == add_up([Column([0, 10, 10]), Column([0, 0, 0]), Column([0, 10, 20])]).ranks


def test_t143_a_refused_node_never_recovers():
    """Any rank below zero refuses, whatever others say."""
    total = add_up([Column([-99, -99, -99]), Column([-1, -1, -1]), Column([-999, 999, 999])])
    assert all(rank < 0 for rank in total.ranks)


def test_the_last_refusal_gives_the_reason():
    """A later rule that refuses overwrites the reason."""
    answers = [Column([-1, -1], {0: "first", 1: "first"}), Column([5, -1], {1: "second"}), Column([1, 1])]
    assert {0: "first", 1: "second"} == add_up(answers).reasons


def test_the_rules_have_their_documented_order():
    """Ten rules; the order decides which reason is told."""
    assert (
        "engine", "publisher", "sources", "labels", "max usage", "over-subscription", "version", "previous executions",
        "available capacity", "random",
    ) == NAMES  # fmt: skip


ranks = st.integers(-5, 100)


@given(st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(ranks, min_size=n, max_size=n), min_size=1, max_size=6)))
def test_a_node_is_refused_if_and_only_if_a_rule_refuses_it(rows):
    """Else its rank is the sum."""
    total = add_up([Column(row) for row in rows])
    for position, given_ranks in enumerate(zip(*rows, strict=True)):
        if min(given_ranks) < 0:
            assert total.ranks[position] < 0
            assert position in total.reasons
        else:
            assert sum(given_ranks) == total.ranks[position]
