"""Real-time pace, on a clock of our own: virtual time follows it, faster if asked, and waits for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing

from devstack.cluster import Cluster, simulated_nodes
from devstack.compute.actions import StepFailed
from devstack.models.job import Job, JobState, SpecConfig, Task
from devstack.runtime.pace import EVENTS_AT_A_STRETCH, RealTimePace
from devstack.runtime.simulated import SimulatedShell

SECOND = 1_000_000_000


def clock_ns() -> int:
    return round(trio.current_time() * SECOND)


def job(**params: Any) -> Job:
    return Job(type="batch", count=1, tasks=(Task("main", SpecConfig("noop", params), SpecConfig()),))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(simulated_nodes(2), lambda world: SimulatedShell(world.kernel))
    cluster.start()
    yield cluster


@pytest.mark.parametrize("speed", [1, 10, 1000])
async def test_virtual_time_follows_the_clock(cluster: Cluster, autojump_clock: trio.testing.MockClock, speed: int):
    """So many virtual seconds a second, whether anything happens or not."""
    pace = RealTimePace(cluster, speed, clock_ns)
    began_ns = pace.now_ns()
    await trio.sleep(7)
    assert pytest.approx(7 * speed * SECOND, abs=speed) == pace.now_ns() - began_ns


@pytest.mark.parametrize("speed", [1, 60])
async def test_a_simulated_minute_takes_its_time(
    cluster: Cluster, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, speed: int
):
    """A program of a minute ends after a minute, divided by the speed."""
    pace = RealTimePace(cluster, speed, clock_ns)
    nursery.start_soon(pace.run)
    await trio.sleep(1)
    record = pace.ask(cluster.submit, job(RunsFor="1m")).record
    await trio.sleep(59.9 / speed)
    assert JobState.COMPLETED is not record.state
    await trio.sleep(1.1 / speed)
    assert JobState.COMPLETED is record.state


async def test_a_question_comes_after_what_was_due_before_it(cluster: Cluster, autojump_clock: trio.testing.MockClock):
    """Even if the loop has not come round: the cluster catches up first, and stands at the clock's time."""
    pace = RealTimePace(cluster, 1, clock_ns)
    await trio.sleep(5)
    assert pace.ask(lambda: (cluster.is_ready, cluster.now_ns == pace.now_ns())) == (True, True)


async def test_an_event_from_outside_wakes_a_waiting_loop(
    cluster: Cluster, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
):
    """It happens at once, not when the next timer is due."""
    pace = RealTimePace(cluster, 1, clock_ns)
    nursery.start_soon(pace.run)
    await trio.sleep(1)
    heard: list[tuple[int, Any]] = []
    cluster.post = lambda target, event: heard.append((cluster.now_ns, event))  # type: ignore[method-assign]
    event = StepFailed("e-1", "", "late")
    posted_ns = pace.now_ns()
    pace.post("node-1", event)
    await trio.testing.wait_all_tasks_blocked()
    assert [(posted_ns, event)] == heard


async def test_others_get_their_turn_while_the_cluster_is_busy(cluster: Cluster, nursery: trio.Nursery):
    """No more than a stretch of events between two turns of the loop."""
    now_ns = [0]
    pace = RealTimePace(cluster, 1, lambda: now_ns[0])
    turns: list[int] = []
    handled = [0]

    def count(target: str, event: Any) -> None:
        handled[0] += 1

    cluster.post = count  # type: ignore[method-assign]
    for _ in range(10 * EVENTS_AT_A_STRETCH):
        cluster.kernel.post("node-1", StepFailed("e-1", "", ""))

    async def somebody_else() -> None:
        while handled[0] < 10 * EVENTS_AT_A_STRETCH:
            turns.append(handled[0])
            await trio.lowlevel.checkpoint()

    nursery.start_soon(pace.run)
    await somebody_else()
    steps = [after - before for before, after in pairwise(turns)]
    assert len(turns) >= 9
    assert max(steps) <= 2 * EVENTS_AT_A_STRETCH


async def test_who_sleeps_wakes_at_the_virtual_instant(cluster: Cluster, autojump_clock: trio.testing.MockClock):
    """An hour at speed 60 is a minute; an instant that has passed is no wait at all."""
    pace = RealTimePace(cluster, 60, clock_ns)
    began_s = trio.current_time()
    await pace.sleep_until(pace.now_ns() + 3600 * SECOND)
    assert pytest.approx(60, abs=1e-3) == trio.current_time() - began_s
    await pace.sleep_until(pace.now_ns() - SECOND)
    assert pytest.approx(60, abs=1e-3) == trio.current_time() - began_s


async def test_a_question_that_fails_still_wakes_the_loop(cluster: Cluster, autojump_clock: trio.testing.MockClock):
    """The error is the asker's, and what it has set off still happens."""
    pace = RealTimePace(cluster, 1, clock_ns)

    def broken() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError):
        pace.ask(broken)
    assert pace._nudged.is_set()


async def test_speed_may_change_at_any_time(cluster: Cluster, autojump_clock: trio.testing.MockClock):
    """What has passed stays passed."""
    pace = RealTimePace(cluster, 1, clock_ns)
    began_ns = pace.now_ns()
    for speed, seconds in ((1, 5), (10, 5), (0, 100), (2, 5)):
        pace.set_speed(speed)
        await trio.sleep(seconds)
    assert pytest.approx((5 + 50 + 0 + 10) * SECOND, abs=100) == pace.now_ns() - began_ns


async def test_who_waits_for_an_instant_hears_of_a_new_speed(
    cluster: Cluster, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
):
    """A minute's wait is over soon when time goes faster, and not at all while it stands still."""
    pace = RealTimePace(cluster, 1, clock_ns)
    nursery.start_soon(pace.run)
    over = trio.Event()

    async def wait() -> None:
        await pace.sleep_until(pace.now_ns() + 60 * SECOND)
        over.set()

    nursery.start_soon(wait)
    await trio.sleep(30)
    pace.set_speed(0)
    await trio.sleep(10_000)
    assert not over.is_set()
    pace.set_speed(30)
    with trio.fail_after(1.1):
        await over.wait()


async def test_what_the_outside_reports_happens_though_time_stands_still(
    cluster: Cluster, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
):
    """At the instant at which it stands."""
    pace = RealTimePace(cluster, 1, clock_ns)
    nursery.start_soon(pace.run)
    await trio.sleep(1)
    pace.set_speed(0)
    heard: list[int] = []
    cluster.post = lambda target, event: heard.append(cluster.now_ns)  # type: ignore[method-assign]
    await trio.sleep(100)
    pace.post("node-1", StepFailed("e-1", "", "late"))
    await trio.testing.wait_all_tasks_blocked()
    assert [pace.now_ns()] == heard
