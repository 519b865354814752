"""Scripts that compute for ever."""

from __future__ import annotations

import io
import json
import threading

import pytest

from devstack.scenario import watchdog
from devstack.scenario.load import load_one
from devstack.scenario.many import serve
from devstack.scenario.run import RunOptions, Verdict, run
from devstack.scenario.token import Token

HEAD = """
import trio
from devstack.scenario import batch, noop, scenario

def for_ever():
    while True: pass

@scenario(nodes=1)
async def odd(cluster):
    """
LOOP = 6


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Milliseconds of CPU time are for ever here."""
    monkeypatch.setattr(watchdog, "LIMIT_S", 0.2)
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.005)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("while True: pass", 10),
        ("await cluster.advance('1h')\n    while True: len('x')", 11),
        ("while True: cluster.node('node-1').labels", 10),
        ("while True:\n        try: for_ever()\n        except Exception: pass", LOOP),
        ("for_ever()", LOOP),
        ("await cluster.wait(lambda: for_ever())", LOOP),
        (
            "async with trio.open_nursery() as nursery:\n        nursery.start_soon(trio.sleep, 5)\n        for_ever()",
            LOOP,
        ),
    ],
)
def test_it_is_ended_with_its_line(write, statement, line, strict):
    """Wherever it is: in the script, in what it calls, in a condition, while others wait."""
    outcome = run(load_one(str(write("odd.py", HEAD + statement + "\n"))), RunOptions(strict=strict))
    assert Verdict.BROKEN is outcome.verdict
    assert outcome.message.startswith(f"odd.py:{line} has computed for 0.2 s without a wait")
    assert outcome.where.endswith(f"odd.py:{line}")


def test_a_worker_goes_on_with_its_next_seed(write):
    """As any other broken run."""
    path = write("odd.py", HEAD + "if cluster.seed == 1: for_ever()\n")
    answers = io.StringIO()
    serve(Token(str(path), "odd", 0), io.StringIO("[0, 1, 2]\n"), answers)
    results = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert ["passed", "broken", "passed"] == [result["verdict"] for result in results]
    assert f"odd.py:{LOOP} has computed" in results[1]["message"]


def test_who_gets_somewhere_may_take_any_time(monkeypatch):
    """Only CPU time in one and the same step counts, and only while the script's code runs."""
    progress, burnt_s = 0, 0.0
    ended: list[int] = []
    monkeypatch.setattr(watchdog.time, "clock_gettime", lambda clock: burnt_s)
    monkeypatch.setattr(watchdog, "_raise_in", lambda thread_id, error: ended.append(thread_id))
    watch = watchdog._Watch(threading.get_ident(), 0, lambda: progress, 10.0)
    for _ in range(5):
        progress, burnt_s = progress + 1, burnt_s + 60.0
        assert watch.look()
    burnt_s += 9.0
    assert watch.look()
    assert [] == ended
    burnt_s += 1.0
    monkeypatch.setattr(watchdog, "_script_frame", lambda frame: None)
    assert watch.look()
    assert ([], None) == (ended, watch.error)
    monkeypatch.undo()


def test_a_run_that_is_over_is_left_alone():
    """Nothing is raised in a thread that has gone on to something else."""
    watch = watchdog._Watch(threading.get_ident(), 0, lambda: 0, 0.0)
    watch.leave()
    looks: list[bool] = []
    thread = threading.Thread(target=lambda: looks.append(watch.look()))
    thread.start()
    thread.join()
    assert ([False], None) == (looks, watch.error)
