"""Named random streams."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from devstack.kernel import Seed
from devstack.models.chance import new_id


def test_a_stream_gives_the_same_draws_for_the_same_seed_and_name():
    """Seed and name alone fix every draw."""
    first, second = Seed(7).stream("network", "node-3"), Seed(7).stream("network", "node-3")
    assert [first.bits(64) for _ in range(5)] == [second.bits(64) for _ in range(5)]


def test_a_draw_from_one_stream_does_not_shift_another():
    """Streams are independent: what one consumer draws is nothing to the others."""
    undisturbed = Seed(7).stream("ranking").below(1_000_000)
    seed = Seed(7)
    seed.stream("network").bits(64)
    assert undisturbed == seed.stream("ranking").below(1_000_000)


def test_names_that_join_to_the_same_text_are_different_streams():
    """("a", "bc") and ("ab", "c") share nothing."""
    seed = Seed(1)
    assert seed.stream("a", "bc").bits(64) != seed.stream("ab", "c").bits(64)


def test_draws_are_counted_by_stream():
    """The trace can say how much chance was used, and where."""
    seed = Seed(0)
    seed.stream("b").many_below(5, 10)
    seed.stream("a").bits(8)
    assert {("a",): 1, ("b",): 10} == seed.draws()


@given(bound=st.integers(1, 1000), count=st.integers(0, 200), root=st.integers(0, 2**31))
def test_many_below_stays_below_its_bound(bound: int, count: int, root: int):
    """Every number lies from 0 to the bound, exclusive."""
    numbers = Seed(root).stream("x").many_below(bound, count)
    assert count == len(numbers)
    assert all(0 <= number < bound for number in numbers)


@given(root=st.integers(0, 2**31))
def test_ids_look_like_version_4_uuids(root: int):
    """Version nibble 4, variant bits 10, prefix in front."""
    text = new_id(Seed(root).stream("ids"), "j-")
    assert "j-" == text[:2]
    assert "4" == text[16]
    assert text[21] in "89ab"
    assert [8, 4, 4, 4, 12] == [len(part) for part in text[2:].split("-")]


def test_a_copied_stream_goes_on_as_the_original():
    """A world can be forked: a pickled stream continues where it was."""
    stream = Seed(3).stream("x")
    stream.bits(10)
    twin = pickle.loads(pickle.dumps(stream))
    assert [stream.bits(64), stream.draws] == [twin.bits(64), twin.draws]
