"""Guests in real time: they run beside everything else, keep to the clock, and end when they are cancelled."""

import threading
import time

import pytest
import trio
from trio.testing import MockClock

from devstack.adapters.wasm import TrioPace, WasmExecutor

LOOP = '(module $m (func $main (export "_start") (loop $l (br $l))))'


def guest_threads():
    return [thread for thread in threading.enumerate() if thread.name == "wasm-guest"]


async def cancelled_after(seconds, executor, request, output):
    """How long the loop was held up at most, and how long the end took."""
    gaps = []
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(executor.run, request, output)
            last = until = time.perf_counter()
            until += seconds
            while last < until:
                await trio.sleep(0.002)
                gaps.append(time.perf_counter() - last)
                last = time.perf_counter()
            scope.cancel()
    return max(gaps), time.perf_counter() - last


async def test_an_endless_loop_blocks_nobody_and_ends_on_cancel(bench, memory_output):
    """While a module burns a core the loop goes on, and cancelling leaves no thread."""
    gap_s, end_s = await cancelled_after(0.1, WasmExecutor(), bench.request(LOOP), memory_output)
    assert gap_s < 2
    assert end_s < 2
    assert [] == guest_threads()


async def test_a_module_at_its_fuel_limit_waits_for_its_timeout(bench, memory_output):
    """It burns no more time, and whoever wants to know is told; only cancelling ends the run."""
    told = []
    executor = WasmExecutor(fuel_limit=1000, on_endless=told.append)
    await cancelled_after(0.05, executor, bench.request(LOOP), memory_output)
    assert ["e-1"] == told


async def test_a_sleeper_ends_on_cancel(bench, program, memory_output):
    """Cancelling a sleeping module leaves no thread."""
    request = bench.request(program("(call $sleep (i64.const 3600000000000))"))
    await cancelled_after(0.05, WasmExecutor(), request, memory_output)
    assert [] == guest_threads()


async def test_output_comes_while_the_module_runs(bench, program, memory_output):
    """What was written before a sleep can be read during it."""
    request = bench.request(
        program(
            "(call $say (i32.const 64) (i32.const 5)) (call $sleep (i64.const 3600000000000))",
            '(data (i32.const 64) "hello")',
        )
    )
    with trio.move_on_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(WasmExecutor().run, request, memory_output)
            while not memory_output.writes:
                await trio.sleep(0.001)
            nursery.cancel_scope.cancel()
    assert "hello" == memory_output.text(1)


async def test_the_end_is_held_back_to_the_fuel_time(bench, program, memory_output):
    """On a slow node even a short program takes its time."""
    executor, started = WasmExecutor(ns_per_1000_fuel=10_000_000_000), time.perf_counter()
    result = await executor.run(bench.request(program("nop nop nop nop")), memory_output)
    assert 0 == result.exit_code
    assert time.perf_counter() - started > 0.01


def test_sleep_follows_trios_clock(bench, program, memory_output):
    """The default pace is the clock of the loop, whatever that is."""
    ends = []

    async def run():
        pace = TrioPace(epoch_ns=7, is_virtual=True)
        await WasmExecutor(pace=pace).run(bench.request(program("(call $sleep (i64.const 9000000000))")), memory_output)
        ends.append(trio.current_time())

    trio.run(run, clock=MockClock(autojump_threshold=0))
    assert pytest.approx(9, abs=0.001) == ends[0]
