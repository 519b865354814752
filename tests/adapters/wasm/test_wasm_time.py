"""Time and chance inside a module (design decision 4): fuel, own clock, own sleep, own randomness."""

import struct
from hashlib import sha256

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.adapters.wasm import WasmExecutor

HOUR_NS = 3600 * 10**9


def instants(ran):
    return [instant for (instant,) in struct.iter_unpack("<Q", b"".join(data for _, data in ran.output.writes))]


async def test_a_module_that_sleeps_an_hour_is_done_at_once(bench, program):
    """Sleep is virtual time: an hour passes, and a little fuel."""
    ran = await bench.run(program(f"(call $sleep (i64.const {HOUR_NS}))"))
    assert HOUR_NS < ran.elapsed_ns < HOUR_NS + 1000


async def test_the_clock_moves_with_fuel_and_sleep(bench, program):
    """The module's clock is its start, the fuel that it burnt, and the time that it slept."""
    bench.pace.time_ns = 5 * HOUR_NS
    ran = await bench.run(program(f"(call $say_time) (call $sleep (i64.const {HOUR_NS})) (call $say_time)"))
    before_ns, after_ns = instants(ran)
    assert 5 * HOUR_NS < before_ns < 5 * HOUR_NS + 1000
    assert HOUR_NS <= after_ns - before_ns < HOUR_NS + 1000


async def test_a_slow_node_takes_longer(bench, program):
    """A unit of fuel lasts as long as the node's speed says."""
    loop = "(local $i i32) (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))"
    wat = program(f"{loop} (i32.const 1000))))")
    elapsed_ns = []
    for speed in (1000, 4000):
        executor, started_ns = WasmExecutor(pace=bench.pace, ns_per_1000_fuel=speed), bench.pace.time_ns
        await executor.run(bench.request(wat), attrs.evolve(Silent()))
        elapsed_ns.append(bench.pace.time_ns - started_ns)
    assert elapsed_ns[1] == 4 * elapsed_ns[0]


@attrs.frozen
class Silent:
    def write(self, stream, data):
        pass

    def result(self, exit_code, error_msg=""):
        return exit_code, error_msg


async def test_a_sleep_until_an_instant(bench, program):
    """An absolute timeout is an instant of the module's own clock, and one that has passed needs no sleep."""
    body = f"(i32.store16 (i32.const 168) (i32.const 1)) (call $sleep (i64.const {HOUR_NS}))"
    ran = await bench.run(program(f"{body} {body} (call $say_time)"))
    assert HOUR_NS <= instants(ran)[0] < HOUR_NS + 1000


async def test_a_poll_on_a_file_is_ready_at_once(bench, program):
    """Files are always ready: a poll for a file and an hour does not wait, and tells of the file alone."""
    poll = f"""
      (i64.store (i32.const 256) (i64.const 7)) (i32.store8 (i32.const 264) (i32.const 1))
      (i64.store (i32.const 328) (i64.const {HOUR_NS}))
      (drop (call $poll (i32.const 256) (i32.const 512) (i32.const 2) (i32.const 32)))
      (call $say (i32.const 32) (i32.const 4)) (call $say (i32.const 512) (i32.const 11))"""
    ran = await bench.run(program(poll))
    assert b"\1\0\0\0" + struct.pack("<QHB", 7, 0, 1) == b"".join(data for _, data in ran.output.writes)
    assert ran.elapsed_ns < 1000


@pytest.mark.parametrize(
    ("call", "errno"),
    [
        ("(call $clock (i32.const 9) (i64.const 1) (i32.const 32))", 28),
        ("(call $clock (i32.const 0) (i64.const 1) (i32.const -4))", 21),
        ("(call $random (i32.const 0) (i32.const -1))", 21),
        ("(call $poll (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))", 28),
        ("(call $poll (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0))", 21),
        ("(call $resolution (i32.const 1) (i32.const 32))", 0),
    ],
)
async def test_bad_arguments_are_error_numbers(bench, program, call, errno):
    """A call that cannot be done answers with WASI's number for it; the module goes on."""
    ran = await bench.run(program(f"(call $exit {call})"))
    assert (errno, "") == (ran.result.exit_code, ran.result.error_msg)


async def test_randomness_comes_from_the_execution(bench, program):
    """Two runs of one execution draw the same bytes; another execution draws others."""
    wat = program("(drop (call $random (i32.const 64) (i32.const 16))) (call $say (i32.const 64) (i32.const 16))")
    draws = [(await bench.run(wat, execution_id=name)).output.writes for name in ("e-1", "e-1", "e-2")]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.integers(1, 300), sleep_ns=st.integers(0, 10**15), seed=st.text(max_size=5))
def test_same_module_and_seed_same_output_and_time(bench, program, rounds, sleep_ns, seed):
    """A run is a function of module, inputs and execution id: output and fuel are the same every time."""
    import trio

    wat = program(
        f"""(local $i i32)
        (loop $l
          (drop (call $random (i32.const 64) (i32.const 1)))
          (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                              (i32.add (i32.const {rounds}) (i32.load8_u (i32.const 64))))))
        (call $sleep (i64.const {sleep_ns})) (call $say (i32.const 64) (i32.const 1))"""
    )
    execution_id = sha256(seed.encode()).hexdigest()
    runs = []
    for _ in range(2):
        bench.pace.time_ns = 0
        runs.append(trio.run(lambda: bench.run(wat, execution_id=execution_id)))
    assert (runs[0].output, runs[0].elapsed_ns) == (runs[1].output, runs[1].elapsed_ns)
    assert runs[0].elapsed_ns > sleep_ns
