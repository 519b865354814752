"""Scenarios in process with real engines."""

from __future__ import annotations

import pytest

from devstack.compute.capacity import RunningTracker
from devstack.scenario.load import load_one
from devstack.scenario.real import run_real
from devstack.scenario.run import RunOptions, Verdict

SCENARIO = """
from devstack.scenario import batch, noop, scenario


@scenario(nodes=1)
async def two_jobs(cluster):
    for _ in range(2):
        await (await cluster.submit(batch(noop()))).wait("Completed", within="20s")
"""


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node's books are wrong: what is given back still counts."""
    monkeypatch.setattr(RunningTracker, "give_back", lambda tracker, granted: None)


@pytest.mark.usefixtures("spoiled")
def test_a_rule_that_does_not_hold_fails_the_run(write):
    """As in virtual time, though the script has come to its end."""
    outcome = run_real(load_one(str(write("jobs.py", SCENARIO))), RunOptions(docker="off"))
    assert Verdict.FAILED is outcome.verdict
    assert outcome.message.startswith("capacity books: what a node counts as running")
    assert outcome.message == str(outcome.violations[0])


@pytest.mark.usefixtures("spoiled")
def test_without_checkers_nothing_is_violated(write):
    """Whoever does not want them need not have them."""
    outcome = run_real(load_one(str(write("jobs.py", SCENARIO))), RunOptions(docker="off", checkers=False))
    assert (Verdict.PASSED, ()) == (outcome.verdict, tuple(outcome.violations))


def test_a_run_that_keeps_the_rules_passes(write):
    """With nothing violated."""
    outcome = run_real(load_one(str(write("jobs.py", SCENARIO))), RunOptions(docker="off"))
    assert (Verdict.PASSED, "", ()) == (outcome.verdict, outcome.message, tuple(outcome.violations))
