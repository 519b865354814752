"""Differences of pairs, and how sure they are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.notebook.paired import Interval, Samples

SAMPLES = Samples(20)


@settings(max_examples=20)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=20, max_size=20))
def test_the_interval_is_around_the_mean_and_within_the_pairs(differences):
    """Whatever they are."""
    found = SAMPLES.interval(differences)
    assert min(differences) <= found.low <= found.high <= max(differences)


def test_a_steady_difference_is_clear_and_noise_is_not():
    """Zero inside of the interval: it may be chance."""
    assert SAMPLES.interval([5, 6, 7, 8] * 5).is_clear
    assert not SAMPLES.interval([-5, 5] * 10).is_clear
    assert Interval(3, 3, 3) == SAMPLES.interval([3] * 20)


def test_about_the_known_interval_of_a_known_case():
    """Zeros and hundreds, half and half: the mean's deviation is 100 * 0.5 / sqrt(20)."""
    found = SAMPLES.interval([0, 100] * 10)
    assert 50 == found.mean
    assert abs(found.low - 28) <= 4
    assert abs(found.high - 72) <= 4


def test_the_draws_are_the_same_each_time():
    """The same pairs give the same interval anywhere."""
    pairs = list(range(20))
    assert SAMPLES.interval(pairs) == Samples(20).interval(pairs)


def test_a_single_pair_says_only_itself():
    """There is nothing to draw from."""
    assert Interval(7, 7, 7) == Samples(1).interval([7])
