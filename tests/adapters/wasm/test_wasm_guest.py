"""A guest stops at each sleep and at its end, and can be ended from outside wherever it is."""

import threading
import time
from random import Random

import pytest

from devstack.adapters.wasm.engine import SharedEngine, shared_engine
from devstack.adapters.wasm.guest import Endless, Finished, Guest, Sleeping
from devstack.adapters.wasm.program import ModuleFile, Program

LIMIT_S = 60.0  # Only a guest that does not end at all takes so long.
LOOP = '(module $m (func $main (export "_start") (loop $l (br $l))))'
SLEEP_TWICE = "(call $sleep (i64.const 1000000)) (call $sleep (i64.const 2000000)) (call $exit (i32.const 5))"


@pytest.fixture
def make_guest(bench, tmp_path):
    guests = []

    def make(wat, write=lambda stream, data: None, **wanted):
        module = ModuleFile(bench.module(wat).path, "", "inline")
        program = Program(module, (), {}, "_start", (), (), tmp_path, 1 << 32)
        guests.append(Guest(program, shared_engine(), start_ns=0, random=Random(1), write=write, **wanted))
        return guests[-1]

    yield make
    for guest in guests:
        guest.kill()
        assert guest.join(LIMIT_S)


def test_it_stops_at_each_sleep_and_at_its_end(make_guest, program):
    """`run_to_next` gives the instants of its sleeps, then the exit code and the time used."""
    guest = make_guest(program(SLEEP_TWICE))
    first, second, last = (guest.run_to_next() for _ in range(3))
    assert Sleeping(first.until_ns) == first
    assert 2_000_000 <= second.until_ns - first.until_ns < 2_001_000
    assert Finished(5, "", last.used_ns) == last
    assert second.until_ns < last.used_ns < second.until_ns + 1000


def test_a_killed_sleeper_does_not_go_on(make_guest, program):
    """A guest killed in its sleep ends, and nothing that it would have written comes through."""
    written = []
    say_for_ever = "(call $sleep (i64.const 1000000)) (loop $l (call $say (i32.const 0) (i32.const 1)) (br $l))"
    guest = make_guest(program(say_for_ever), write=lambda stream, data: written.append(data))
    assert isinstance(guest.run_to_next(), Sleeping)
    guest.kill()
    assert guest.join(LIMIT_S)
    assert [] == written


def test_a_busy_loop_is_killed_and_its_neighbour_is_not(make_guest):
    """Interrupting one guest makes all look up, but only the killed one ends."""
    doomed, spared = make_guest(LOOP), make_guest(LOOP)
    doomed.wake()
    spared.wake()
    time.sleep(0.05)
    doomed.kill()
    assert doomed.join(LIMIT_S)
    assert not spared.is_over


def test_a_guest_killed_before_it_begins_never_runs(make_guest, program):
    """Kill and start may come in any order."""
    guest = make_guest(program(SLEEP_TWICE))
    guest.kill()
    assert Finished(-1, "", 0) == guest.run_to_next()


def test_a_guest_killed_while_its_store_is_made_ends(make_guest, monkeypatch):
    """An interrupt that comes before the store listens to it is not lost."""
    guest, new_store = make_guest(LOOP), SharedEngine.new_store

    def kill_first(self, memory_bytes, fuel):
        guest.kill()
        return new_store(self, memory_bytes, fuel)

    monkeypatch.setattr(SharedEngine, "new_store", kill_first)
    guest.wake()
    assert guest.join(LIMIT_S)


def test_burning_the_fuel_limit_is_endless(make_guest):
    """A module that burns the limit without a host call is taken as one that never ends."""
    assert Endless(1_000_000) == make_guest(LOOP, fuel_limit=1_000_000).run_to_next()


def test_a_host_call_renews_the_fuel(make_guest, program):
    """The limit counts from the last call: a long program that looks at the clock is not endless."""
    loop = """(local $i i32) (loop $l (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 64)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))"""
    step = make_guest(program(loop), fuel_limit=1000).run_to_next()
    assert isinstance(step, Finished)
    assert step.used_ns > 10_000


def test_an_error_of_ours_ends_the_guest(make_guest, program):
    """What breaks on our side of a call is told as an internal error, and does not come out of another guest."""
    guest = make_guest(program("(drop (call $random (i32.const 0) (i32.const 1))) (loop $l (br $l))"))
    guest._random = None
    step = guest.run_to_next()
    assert step.error_msg.startswith("WASM executor failed with an internal error: AttributeError")


def test_output_that_cannot_be_kept_is_an_error(make_guest, program):
    """A full disk on our side does not pass for a good run."""

    def fail(stream, data):
        raise OSError("disk full")

    step = make_guest(program("(call $say (i32.const 64) (i32.const 1))"), write=fail).run_to_next()
    assert (-1, "WASM executor failed with an internal error: OSError('disk full')") == (step.exit_code, step.error_msg)


def test_three_hundred_sleepers_are_cheap(make_guest, program):
    """Many guests may sleep at once, each a blocked thread, and all go away."""
    wat = program(SLEEP_TWICE)
    before = threading.active_count()
    guests = [make_guest(wat) for _ in range(300)]
    assert all(isinstance(guest.run_to_next(), Sleeping) for guest in guests)
    assert before + 300 == threading.active_count()
    for guest in guests:
        guest.kill()
    assert all(guest.join(LIMIT_S) for guest in guests)
    assert before == threading.active_count()


def test_exit_codes_do_not_mix_between_threads(make_guest, program):
    """Guests that end at the same time each keep their own end."""
    posted = {}
    guests = []
    for code in range(20):
        guest = make_guest(program(f"(call $exit (i32.const {code}))" if code % 2 else "unreachable"))
        guest.post_to(lambda step, code=code: posted.__setitem__(code, step.exit_code))
        guests.append(guest)
    for guest in guests:
        guest.wake()
    assert all(guest.join(LIMIT_S) for guest in guests)
    assert {code: code if code % 2 else 1 for code in range(20)} == posted
