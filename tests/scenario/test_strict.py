"""What a script must not do."""

from __future__ import annotations

import random
import sys
import time

import pytest
import trio

from devstack.scenario.load import load_one
from devstack.scenario.run import RunOptions, Verdict, run

HEAD = """
import asyncio, datetime, os, random, secrets, socket, subprocess, threading, time, uuid
from time import monotonic, sleep
import trio
from devstack.scenario import batch, noop, scenario

@scenario(nodes=1)
async def odd(cluster):
    """
LINE = 9


def outcome_of(write, statement, *, strict=False):
    return run(load_one(str(write("odd.py", HEAD + statement + "\n"))), RunOptions(strict=strict))


@pytest.mark.parametrize("statement", ["time.sleep(1)", "sleep(1)"])
def test_time_sleep_is_always_refused(write, statement):
    """However it was imported, with the line and what to use instead."""
    outcome = outcome_of(write, statement)
    assert Verdict.BROKEN is outcome.verdict
    assert f"odd.py:{LINE} calls time.sleep" in outcome.message
    assert "await trio.sleep" in outcome.message
    assert outcome.where.endswith(f"odd.py:{LINE}")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("await trio.to_thread.run_sync(print)", "trio.to_thread.run_sync"),
        ("await trio.to_thread.run_sync(print, limiter=trio.CapacityLimiter(1))", "trio.to_thread.run_sync"),
        ("await trio.open_tcp_stream('127.0.0.1', 9)", "trio.open_tcp_stream"),
        ("await trio.Path('odd').exists()", "trio.to_thread.run_sync"),
        ("await trio.run_process(['true'])", "trio.run_process"),
        ("trio.socket.socket()", "trio.socket.socket"),
    ],
)
def test_an_await_on_real_io_is_always_refused(write, statement, name):
    """It names what was called, and where; nothing real happens."""
    outcome = outcome_of(write, statement)
    assert Verdict.BROKEN is outcome.verdict
    assert f"odd.py:{LINE} waits for the real world ({name})" in outcome.message


def test_a_real_socket_that_a_script_brings_along_is_refused(write):
    """Made outside of trio and handed to it."""
    statement = "a, b = socket.socketpair()\n    with a, b:\n        await trio.lowlevel.wait_readable(a)"
    outcome = outcome_of(write, statement)
    assert Verdict.BROKEN is outcome.verdict
    assert "waits for the real world" in outcome.message
    assert f"odd.py:{LINE + 2}" in outcome.message


@pytest.mark.parametrize("statement", ["await asyncio.sleep(1)", "await asyncio.sleep(0)"])
def test_another_librarys_sleep_is_explained(write, statement):
    """asyncio's waits mean nothing to trio."""
    outcome = outcome_of(write, statement)
    assert Verdict.BROKEN is outcome.verdict
    assert "scenarios run on trio" in outcome.message


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("time.time()", "time.time"),
        ("time.perf_counter_ns()", "time.perf_counter_ns"),
        ("monotonic()", "time.monotonic"),
        ("datetime.datetime.now()", "datetime.datetime.now"),
        ("datetime.date.today()", "datetime.date.today"),
        ("random.random()", "random.random"),
        ("random.shuffle([1, 2])", "random.Random.shuffle"),
        ("random.Random()", "random.Random"),
        ("random.SystemRandom().random()", "random.SystemRandom"),
        ("os.urandom(4)", "os.urandom"),
        ("uuid.uuid4()", "uuid.uuid4"),
        ("uuid.uuid1()", "uuid.uuid1"),
        ("secrets.token_hex()", "secrets.token_hex"),
        ("socket.socket()", "socket.socket"),
        ("socket.create_connection(('127.0.0.1', 9))", "socket.create_connection"),
        ("threading.Thread(target=print).start()", "threading.Thread.start"),
        ("subprocess.run(['true'])", "subprocess.run"),
        ("os.system('true')", "os.system"),
    ],
)
def test_strict_mode_names_the_call_and_the_line(write, statement, name):
    """Wall clocks, sockets, threads, processes, and randomness without a seed."""
    outcome = outcome_of(write, statement, strict=True)
    assert Verdict.BROKEN is outcome.verdict
    assert f"odd.py:{LINE} calls {name}" in outcome.message.replace("random.shuffle", "random.Random.shuffle")


def test_a_script_cannot_swallow_a_refusal(write):
    """The run is broken all the same."""
    outcome = outcome_of(write, "try:\n        time.time()\n    except Exception:\n        pass", strict=True)
    assert Verdict.BROKEN is outcome.verdict
    assert "calls time.time" in outcome.message


@pytest.mark.parametrize(
    "statement",
    [
        "random.Random(cluster.seed).shuffle([1, 2])",
        "await trio.sleep(60)",
        "await (await cluster.submit(batch(noop(runs_for='1m')))).wait('Completed', within='1h')",
        "datetime.datetime(2024, 1, 1).isoformat()",
        "async with trio.open_nursery() as nursery: nursery.start_soon(trio.sleep, 5)",
    ],
)
def test_strict_mode_lets_everything_else_pass(write, statement):
    """A seeded generator, trio, and the cluster itself."""
    outcome = outcome_of(write, statement, strict=True)
    assert (Verdict.PASSED, "") == (outcome.verdict, outcome.message)


def test_strict_mode_changes_nothing_of_the_run(lost_node):
    """The digest is the same."""
    scenario = load_one(str(lost_node))
    assert run(scenario).digest == run(scenario, RunOptions(strict=True)).digest


def test_nothing_stays_patched(write):
    """After a refusal everything is as it was."""
    before = (time.sleep, trio.to_thread.run_sync, trio.socket.socket, sys.getprofile())
    outcome_of(write, "random.random()", strict=True)
    assert before == (time.sleep, trio.to_thread.run_sync, trio.socket.socket, sys.getprofile())
    assert 0 <= random.random() < 1
