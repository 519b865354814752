"""Each scenario against its stored outcome."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from devstack.kernel import Keep
from devstack.scenario import Scenario, batch, noop, scenario
from devstack.scenario.load import load
from devstack.scenario.run import RunOptions, run
from tests.scenarios import outcomes
from tests.scenarios.page import FOLDER

HERE = load(str(FOLDER))


@pytest.mark.parametrize("one", HERE, ids=lambda one: one.name)
def test_the_outcome_is_the_stored_one(one: Scenario):
    """Verdict, virtual time, how jobs and their executions ended, and why."""
    if text := outcomes.difference(one, outcomes.outcome(one)):
        pytest.fail(text, pytrace=False)


@pytest.mark.parametrize("one", HERE, ids=lambda one: one.name)
def test_a_scenario_holds_under_another_seed_too(one: Scenario):
    """What it shows is no luck of the seed under which it was written."""
    outcome = run(one, RunOptions(seed=one.seed + 1, keep=Keep.NONE))
    assert outcome.is_passed, outcome.message


def test_nothing_is_stored_of_scenarios_that_are_gone():
    """Every stored outcome belongs to a scenario, and says that it passed."""
    stored = {file.stem: outcomes.read(file) for file in outcomes.OUTCOMES.iterdir()}
    names = {(file, name) for file, found in stored.items() for name in found}
    assert {(Path(one.file).stem, one.name) for one in HERE} == names
    assert [] == [name for found in stored.values() for name, text in found.items() if not text.startswith("passed")]


@scenario(nodes=2)
async def unlucky(cluster):
    """One job completes, and one fails."""
    for text, end in (("", "Completed"), ("out of luck", "Failed")):
        job = await cluster.submit(batch(noop(runs_for="10s", fails=text, exit_code=3)))
        await job.wait(end)


def test_an_outcome_is_what_a_person_would_tell():
    """The verdict, how long it took, then each job: its state, its executions, the reasons."""
    assert outcomes.outcome(unlucky).splitlines() == [
        "passed after 50s",
        "batch job Completed: 1 Completed; exit code 3",
        "batch job Failed: 4 Failed",
        "  not enough nodes to run job. requested: 1, available: 2, suitable: 0.",
        "  • 2 of 2 nodes: job already executed on this node more than once",
        "  Failed: execution error: out of luck",
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_an_outcome_hangs_neither_on_the_seed_nor_on_the_pace_of_the_network(seed: int):
    """Who is chosen and how long a message takes is not told, so a stored outcome outlives changes of the core."""
    assert outcomes.outcome(unlucky) == outcomes.outcome(attrs.evolve(unlucky, seed=seed))


def test_what_is_written_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """And a file of a scenario that is gone does not stay."""
    monkeypatch.setattr(outcomes, "OUTCOMES", tmp_path)
    (tmp_path / "gone.txt").write_text("gone\n  passed after 1s\n")
    other = attrs.evolve(unlucky, name="other")
    outcomes.write([unlucky, other])
    assert ["test_outcomes.txt"] == [file.name for file in tmp_path.iterdir()]
    assert ["", ""] == [outcomes.difference(one, outcomes.outcome(one)) for one in (unlucky, other)]


def test_a_difference_is_shown_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What was stored, what came now, and what to do if that is right."""
    monkeypatch.setattr(outcomes, "OUTCOMES", tmp_path)
    now = outcomes.outcome(unlucky)
    assert outcomes.difference(unlucky, now).startswith("unlucky has no stored outcome\n")
    outcomes.write([unlucky])
    lines = outcomes.difference(unlucky, now.replace("4 Failed", "2 Failed")).splitlines()
    assert {"unlucky had another outcome", "-batch job Failed: 4 Failed", "+batch job Failed: 2 Failed"} <= set(lines)
    assert "python -m tests.scenarios" in lines[-1]
