"""Work that is spread over processes."""

from __future__ import annotations

import gc
import sys

import pytest

from devstack.errors import InvariantError
from devstack.scenario.workers import collecting_seldom, spread

ECHO = """
import json, sys
opening = sys.stdin.readline().strip()
for order in sys.stdin:
    for item in json.loads(order):
        if item == 7:
            raise SystemExit
        print(json.dumps([opening, item * 2]), flush=True)
"""


def test_every_item_is_answered_once_after_the_opening():
    """By whichever process."""
    answers = list(spread([sys.executable, "-c", ECHO], [1, 2, 3, 4, 5], 2, opening="hello", chunk=2))
    assert [["hello", 2 * number] for number in range(1, 6)] == sorted(answers)


def test_a_process_that_dies_is_told():
    """Nobody waits for its answers for ever."""
    with pytest.raises(InvariantError, match="a worker process has died"):
        list(spread([sys.executable, "-c", ECHO], [7, 7, 7], 1, opening="hello"))


def test_garbage_is_looked_for_as_before_afterwards():
    """Also when something goes wrong within."""
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="within"), collecting_seldom():
        assert gc.get_threshold() != before
        raise ValueError("within")
    assert before == gc.get_threshold()
