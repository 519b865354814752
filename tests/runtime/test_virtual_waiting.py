"""What a script may not wait for, and loops that keep virtual time from moving on."""

from __future__ import annotations

import pytest
import trio

from devstack.runtime import virtual
from devstack.scenario import scenario
from devstack.scenario.run import Verdict, run

# Plain functions: a scenario in a test file would be taken for a test of its own, and these are not to hold.


async def never_rests(cluster):
    while True:
        await trio.sleep(0)


async def two_tasks_never_rest(cluster):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(never_rests, cluster)
        await cluster.advance("1h")


async def asks_for_ever(cluster):
    while True:
        await cluster.wait(lambda: True)


async def waits_for_nothing(cluster):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cluster.node("node-1").wait_connected, False)
        await cluster.wait(lambda: False, what="the impossible")


async def busy_but_moving_on(cluster):
    for _ in range(2_000):
        await cluster.wait(lambda: True)
        await trio.sleep(0)
        await trio.sleep(0.001)


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "MOST_STEPS", 5_000)
    monkeypatch.setattr(virtual, "MOST_ROUNDS", 1_000)


@pytest.mark.parametrize("script", [never_rests, two_tasks_never_rest])
def test_a_loop_of_zero_delay_is_stopped_and_named_with_its_line(script):
    """Broken, and the line of the loop."""
    outcome = run(scenario(nodes=1)(script))
    assert Verdict.BROKEN is outcome.verdict
    assert "time does not move on: a loop without a wait, at " in outcome.message
    line = never_rests.__code__.co_firstlineno + 2
    assert f"test_virtual_waiting.py:{line}" in outcome.message


def test_a_loop_of_questions_at_one_instant_is_stopped():
    """Each is answered at once, and nothing ever happens."""
    outcome = run(scenario(nodes=1)(asks_for_ever))
    assert Verdict.BROKEN is outcome.verdict
    assert "at one instant and time does not move on" in outcome.message


def test_many_steps_are_fine_as_long_as_time_moves_on():
    """The limits are for one instant."""
    outcome = run(scenario(nodes=1)(busy_but_moving_on))
    assert (Verdict.PASSED, "") == (outcome.verdict, outcome.message)


def test_a_wait_without_end_says_what_everybody_waits_for():
    """After hours in which nothing changes."""
    outcome = run(scenario(nodes=1)(waits_for_nothing))
    assert Verdict.BROKEN is outcome.verdict
    assert "the impossible" in outcome.message
    assert "node-1 to be disconnected" in outcome.message
