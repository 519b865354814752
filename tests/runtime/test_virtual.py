"""trio on virtual time: scripts sleep, time out and wait while the kernel's clock jumps."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.cluster import SIMULATED_START_NS, Cluster, simulated_nodes
from devstack.errors import InvalidJobError
from devstack.models.job import Job, SpecConfig, Task
from devstack.runtime.simulated import SimulatedShell
from devstack.runtime.virtual import StuckError, VirtualPace

HOUR_NS = 3600 * 10**9


def world(nodes: int = 3) -> tuple[Cluster, VirtualPace]:
    cluster = Cluster(simulated_nodes(nodes), lambda made: SimulatedShell(made.kernel))
    cluster.start()
    return cluster, VirtualPace(cluster)


def a_job(runs_for: str = "", count: int = 1) -> Job:
    engine = SpecConfig("noop", {"RunsFor": runs_for} if runs_for else {})
    return Job(type="batch", count=count, tasks=(Task(name="main", engine=engine, publisher=SpecConfig()),))


def run(script: Callable[[Cluster, VirtualPace], Awaitable[object]]) -> object:
    cluster, pace = world()
    return pace.run(lambda: script(cluster, pace))


def test_a_day_of_sleep_takes_no_time_and_the_cluster_lives_through_it():
    """`trio.sleep` runs on the kernel's clock."""
    cluster, pace = world()
    pace.run(lambda: trio.sleep(24 * 3600))
    assert SIMULATED_START_NS + 24 * HOUR_NS == cluster.now_ns
    assert cluster.is_ready


def test_a_time_limit_ends_a_wait_at_its_virtual_instant():
    """`move_on_after` too."""

    async def script(cluster: Cluster, pace: VirtualPace) -> float:
        with trio.move_on_after(90) as scope:
            await pace.wait("the impossible", lambda: False)
        assert scope.cancelled_caught
        return trio.current_time()

    assert 90 == run(script)


def test_a_wait_ends_at_the_instant_of_the_change():
    """Not at the next time that somebody looks."""

    async def script(cluster: Cluster, pace: VirtualPace) -> float:
        submission = await pace.ask(cluster.submit, a_job("10s"))
        await pace.wait("its end", lambda: submission.record.is_terminal)
        return trio.current_time()

    took_s = run(script)
    assert isinstance(took_s, float)
    assert 10 < took_s < 10.01


def test_an_answer_and_an_error_come_back_to_who_asked():
    """A refused submission is the script's to handle."""

    async def script(cluster: Cluster, pace: VirtualPace) -> None:
        with pytest.raises(InvalidJobError, match="missing job type"):
            await pace.ask(cluster.submit, Job())

    run(script)


@settings(max_examples=20)
@given(order=st.randoms(use_true_random=False))
def test_what_many_tasks_ask_at_one_instant_does_not_depend_on_trios_order(order: random.Random):
    """trio shuffles its tasks on purpose; ids and placements stay the same."""

    def digest(shuffled: random.Random) -> str:
        cluster, pace = world()

        async def one(number: int) -> None:
            # Some extra turns of the loop, in whatever order.
            for _ in range(shuffled.randrange(4)):
                await trio.lowlevel.checkpoint()
            await pace.ask(cluster.submit, a_job(f"{number + 1}s"))

        async def script() -> None:
            async with trio.open_nursery() as nursery:
                for number in range(6):
                    nursery.start_soon(one, number)
            await trio.sleep(60)

        pace.run(script)
        return cluster.kernel.trace.digest()

    assert digest(random.Random(0)) == digest(order)


def test_a_wait_that_cannot_end_says_what_everybody_waits_for():
    """No hang: after hours of virtual time without any change the run is stuck."""

    async def script(cluster: Cluster, pace: VirtualPace) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pace.wait, "the first wonder", lambda: False)
            nursery.start_soon(pace.wait, "the second wonder", lambda: False)

    with pytest.raises(StuckError, match="the (first|second) wonder; the (first|second) wonder"):
        run(script)


def test_waiting_for_a_thread_is_refused():
    """Virtual time would run away from it."""

    async def script(cluster: Cluster, pace: VirtualPace) -> None:
        await trio.to_thread.run_sync(time.sleep, 0.2)

    with pytest.raises(StuckError, match="real world"):
        run(script)


def test_an_exception_of_the_script_comes_out_as_it_is():
    """Not wrapped in groups of the machinery."""

    async def script(cluster: Cluster, pace: VirtualPace) -> None:
        await trio.sleep(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(script)


def test_what_is_asked_without_waiting_happens_before_time_moves():
    """A fault that begins now begins now."""

    async def script(cluster: Cluster, pace: VirtualPace) -> None:
        pace.ask_later(cluster.crash, "node-2")
        await trio.sleep(0.000001)
        assert not cluster.has_power("node-2")

    run(script)


def test_a_wait_for_one_job_is_not_woken_by_another():
    """Each look at a condition costs; what cannot change it is passed over, and its own change is not."""
    looks: list[int] = []

    async def script(cluster: Cluster, pace: VirtualPace) -> float:
        jobs = [(await pace.ask(cluster.submit, a_job(text))).record for text in ("10s", "20s", "5m")]

        def is_over() -> bool:
            looks.append(cluster.now_ns)
            return jobs[2].is_terminal

        started = trio.current_time()
        await pace.wait("the last job", is_over, [jobs[2].job.id])
        return trio.current_time() - started

    assert 300 < run(script) < 301
    quiet = [at_ns for at_ns in looks if 5 * 10**9 < at_ns - looks[0] < 299 * 10**9]
    assert [] == quiet


def test_a_wait_for_a_job_is_woken_by_nodes():
    """Its condition may hang on where its executions are, and whether anybody is there."""

    async def script(cluster: Cluster, pace: VirtualPace) -> float:
        await trio.sleep(1)
        record = (await pace.ask(cluster.submit, a_job("1h"))).record
        pace.ask_later(cluster.crash, "node-2")
        await pace.wait("the loss of node-2", lambda: cluster.requester.nodes.is_lost("node-2"), [record.job.id])
        return trio.current_time()

    assert 30 < run(script) < 120


def test_a_script_of_one_task_is_answered_at_once_and_still_in_its_turn():
    """What it asked for without waiting comes first."""
    order: list[str] = []

    async def script(cluster: Cluster, pace: VirtualPace) -> None:
        await pace.ask(order.append, "first")
        pace.ask_later(order.append, "second")
        await pace.ask(order.append, "third")

    run(script)
    assert ["first", "second", "third"] == order


def test_a_script_that_is_cancelled_asks_nothing_more():
    """Also where its answer would not have to wait."""
    asked: list[int] = []

    async def script(cluster: Cluster, pace: VirtualPace) -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await pace.ask(asked.append, 1)

    run(script)
    assert [] == asked
