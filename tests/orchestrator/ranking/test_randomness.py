"""Rule 10."""

import pytest

from devstack.errors import UsageError
from devstack.kernel.seed import Seed
from devstack.orchestrator.ranking.randomness import check_range, draw_ranks


def test_t187_draws_are_within_the_range_and_differ():
    """Each node gets a number from zero to one below the range."""
    draws = draw_ranks(Seed(1).stream("rank"), 10, 100)
    assert all(0 <= draw < 10 for draw in draws)
    assert len(set(draws)) > 1


def test_without_a_choice_nothing_is_drawn():
    """A range of 0 or 1 leaves the stream where it was."""
    stream = Seed(1).stream("rank")
    assert [0, 0, 0] == draw_ranks(stream, 0, 3) == draw_ranks(stream, 1, 3)
    assert 0 == stream.draws


def test_t189_a_negative_range_is_refused():
    """Nothing can be drawn from it."""
    with pytest.raises(UsageError, match="must not be negative"):
        check_range(-1)
