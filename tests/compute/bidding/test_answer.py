"""How answers become one."""

import pytest

from devstack.compute.bidding.answer import ACCEPTED, Answer, join, or_wait

ALL = [Answer(bids, waits) for bids in (True, False) for waits in (True, False)]


@pytest.mark.parametrize("answer", ALL)
def test_without_a_wish_to_wait_nothing_changes(answer):
    """T061: all four answers pass through."""
    assert answer == or_wait(answer)


@pytest.mark.parametrize("answer", ALL)
def test_a_refusal_can_be_left_to_a_person(answer):
    """T063: only a refusal that does not wait is changed, and then it waits."""
    expected = Answer(False, True) if answer == Answer(False, False) else answer
    assert expected == or_wait(answer, on_refusal=True)


@pytest.mark.parametrize("answer", ALL)
def test_a_bid_can_be_left_to_a_person(answer):
    """Only a bid that does not wait is changed."""
    expected = Answer(True, True) if answer == Answer(True, False) else answer
    assert expected == or_wait(answer, on_bid=True)


def test_everybody_who_does_not_bid_says_why():
    """A stage asks all; reasons are joined in order, and accepting ones are silent."""
    answers = [ACCEPTED, Answer(False, False, "no"), Answer(False, True, "later"), Answer(True, False, "fine")]
    assert Answer(False, True, "rejected bid: no; waiting to bid: later") == join(answers)


def test_a_stage_that_accepts_has_no_reason():
    """Nothing to say where all is well."""
    assert ACCEPTED == join([ACCEPTED, Answer(True, False, "fine")])
