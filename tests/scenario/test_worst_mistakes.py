"""The five worst things that a script can do, each answered by one clear sentence, and never by a hang.

Here is what people are told; what is refused in detail stands in `test_strict.py` and `tests/runtime`.
"""

from __future__ import annotations

import pytest

from devstack import faults
from devstack.errors import UsageError
from devstack.kernel import LivelockError, Seed, kernel
from devstack.scenario.load import load, load_one
from devstack.scenario.run import Verdict, run

HEAD = """
import time
import httpx, trio
from devstack.faults import crash
from devstack.scenario import batch, noop, scenario

@scenario(nodes=2)
async def wrong(cluster):
    """


def told(write, *lines):
    """What a run of a script of these lines says, and the place that it names; the run is broken, not failed."""
    outcome = run(load_one(str(write("wrong.py", HEAD + "\n    ".join(lines) + "\n"))))
    assert Verdict.BROKEN is outcome.verdict
    return outcome.message, outcome.where


def test_an_await_on_real_io(write):
    """The script's line and the call in it, though a package in between did it."""
    message, where = told(
        write, "async with httpx.AsyncClient() as client:", "    await client.get('http://localhost:1')"
    )
    assert "wrong.py:10 waits for the real world (httpx._client.AsyncClient.get)" in message
    assert "do real work before or after the scenario, or run it with --engines real" in message
    assert where.endswith("wrong.py:10")


def test_a_package_that_waits_in_a_task_of_its_own(write):
    """Below no line of the script: then the package itself is named."""
    start = "nursery.start_soon(httpx.AsyncClient().get, 'http://localhost:1')"
    message, _ = told(write, "async with trio.open_nursery() as nursery:", f"    {start}")
    assert "waits for the real world (trio.open_tcp_stream)" in message


@pytest.mark.parametrize("text", ["from devstack.faults import crush", "from devstack import faults\nfaults.crush"])
def test_an_unknown_fault_word_in_python(write, text):
    """Python knows only of names; here a name is a word, and the one that was meant is said."""
    with pytest.raises(UsageError) as raised:
        load(str(write("wrong.py", text)))
    said = f"{raised.value}; {raised.value.hint}"
    assert f"wrong.py:{len(text.splitlines())}: " in said
    assert "unknown fault 'crush'; did you mean crash? known are crash, restart, " in said


def test_what_is_no_word_stays_an_ordinary_error(write):
    """An import that fails for another reason is told as Python tells it; tools may ask for what is not there."""
    with pytest.raises(UsageError, match="cannot import name 'WORLD'"):
        load(str(write("wrong.py", "from devstack.scenario import WORLD")))
    assert not hasattr(faults, "__wrapped__") and not hasattr(faults, "anything")


@pytest.mark.parametrize("target", ["node-7", "zone=eu", "job:mine"])
def test_a_target_that_matches_nothing(write, target):
    """The target, what there is, and the line."""
    message, where = told(write, f"cluster.inject(crash('{target}'))")
    assert f"no machine matches '{target}'; known are node-1, node-2, requester, all, a share such as 50%" in message
    assert where.endswith("wrong.py:9")


def test_a_target_of_the_decorator_that_matches_nothing(write):
    """No line of the script has made it, so the fault itself is named, among however many."""
    text = HEAD.replace("nodes=2", "nodes=2, faults=[crash('node-1'), crash('node-7', after='1m')]") + "pass\n"
    outcome = run(load_one(str(write("wrong.py", text))))
    assert Verdict.BROKEN is outcome.verdict
    assert outcome.message.startswith("fault `crash node-7 after=1m`: no machine matches 'node-7'; known are node-1")


def test_words_where_a_fault_should_be(write):
    """Where the words come from is said."""
    message, _ = told(write, "cluster.inject('crash node-1')")
    assert "'crash node-1' is no fault; make one with a word of devstack.faults: crash(\"node-1\")" in message


def test_time_sleep(write):
    """What it would do, and what to write instead."""
    message, _ = told(write, "time.sleep(1)")
    assert (
        "wrong.py:9 calls time.sleep, which stops everything and lets no virtual time pass; use `await trio" in message
    )


def test_a_loop_that_asks_without_a_wait(write, monkeypatch):
    """The line of the loop."""
    monkeypatch.setattr("devstack.runtime.virtual.MOST_ROUNDS", 100)
    message, _ = told(write, "while True:", "    await cluster.submit(batch(noop()))")
    assert "time does not move on: a loop without a wait, at " in message
    assert message.endswith("wrong.py:10")


def test_a_loop_of_events_without_delay(monkeypatch):
    """Inside the cluster: who keeps time from moving on, and the last events."""
    monkeypatch.setattr(kernel, "EVENTS_AT_ONE_INSTANT", 1000)
    world = kernel.Kernel(Seed(0), 0)

    class Restless:
        def fire(self, target, key):
            world.set_timer(target, key, 0)

    world.set_timer("node-1", "again", 0)
    with pytest.raises(LivelockError) as raised:
        world.run_until(10**9, Restless())
    assert str(raised.value).startswith("1,000 events happened at one instant and time does not move on: an event ")
    assert str(raised.value).endswith("; timer node-1 again")
