"""Numbers, durations and names in sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.charts.words import counted, duration, in_order, listing, name_of, number, percent

DURATIONS = {0.0: "0s", 0.0005: "500µs", 0.0123: "12ms", 0.4567: "460ms", 2.345: "2.3s", 35.4: "35s", 250.2: "4m10s"}


def test_small_numbers_are_words_and_large_ones_have_commas():
    """Nobody wants to read thirteen as a word."""
    assert ["none", "three", "13", "5,000"] == [number(count) for count in (0, 3, 13, 5000)]
    assert ["no nodes", "one node", "two nodes"] == [counted(count, "node") for count in (0, 1, 2)]


@pytest.mark.parametrize("seconds", DURATIONS)
def test_durations_are_as_precise_as_anyone_wants_to_know(seconds):
    """Fewer digits, the longer it is."""
    assert DURATIONS[seconds] == duration(seconds)


def test_of_many_names_the_first_are_said():
    """One more is named rather than counted."""
    assert ["", "a", "a and b", "a, b, c and d", "a, b, c and two more"] == [
        listing("abcde"[:count]) for count in (0, 1, 2, 4, 5)
    ]


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_share_is_zero_or_all_only_if_it_is(part, whole):
    """Rounding does not hide what is there."""
    text = percent(min(part, whole) / whole)
    assert text != "0 %"
    assert (text == "100 %") == (part >= whole)


def test_node_9_stands_before_node_10():
    """And each once."""
    assert ["node-2", "node-9", "node-10"] == in_order(["node-10", "node-9", "node-2", "node-9"])


def test_names_are_short():
    """Of an id its beginning, of a long name what fits."""
    assert "j-f58f58fe" == name_of("j-f58f58fe-381c-442a-8354-e0d8705fdb53")
    assert 28 == len(name_of("x" * 1000))
