"""A bar for what takes long, where somebody watches."""

from __future__ import annotations

import os
import signal
import sys
from types import SimpleNamespace

import pytest

from devstack import batch, noop
from devstack.notebook import progress, simulate


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """What a notebook would show."""
    texts: list[str] = []
    handle = SimpleNamespace(update=texts.append)
    module = SimpleNamespace(HTML=str, display=lambda html, display_id: handle)
    monkeypatch.setattr(progress, "needed", lambda name, what: module)
    kernel = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=True))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    return texts


def test_nothing_is_shown_in_the_first_second(clock, shown):
    """Then a bar, which is gone at the end."""
    with progress.Progress("running") as bar:
        bar.tell(0.1)
        assert [] == shown
        clock[0] = 2.0
        bar.tell(0.5, "<5m>")
        bar.tell(0.6)  # Too soon to be drawn again.
    assert ['<progress value="0.500" max="1"></progress> running &lt;5m&gt;', ""] == shown


def test_in_a_pipe_there_is_no_bar(clock, capsys):
    """Not a byte."""
    with progress.Progress("running") as bar:
        clock[0] = 5.0
        bar.tell(0.5)
    assert ("", "") == tuple(capsys.readouterr())


def test_a_run_is_interrupted_between_two_events():
    """The lab goes on from there as if nothing had been, and the handler is as it was."""
    lab, other = simulate(3), simulate(3)
    for one in (lab, other):
        one.submit(batch(noop(runs_for="1m"), count=3))
    before = signal.getsignal(signal.SIGINT)
    lab.world.cluster.wake("alarm", lambda key: os.kill(os.getpid(), signal.SIGINT))
    lab.world.cluster.kernel.set_timer("alarm", 0, lab.world.cluster.now_ns + 10**9)
    with pytest.raises(KeyboardInterrupt):
        lab.run("1000h")
    assert before is signal.getsignal(signal.SIGINT)
    assert 0 < lab.now_s < 3_600_000
    assert "Completed" == lab.run("10m").job(lab.jobs["job"][0]).state
