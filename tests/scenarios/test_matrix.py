"""The table job type x fault and its page."""

from __future__ import annotations

import re
from collections import Counter
from difflib import unified_diff
from pathlib import Path

import attrs
import pytest

from devstack.cluster import Cluster
from devstack.kernel import Keep
from devstack.scenario import Scenario, scenario
from devstack.scenario.load import load_one
from devstack.scenario.run import RunOptions, run
from tests.scenarios.matrix import complaints, matrix
from tests.scenarios.outcomes import RENEW, kept
from tests.scenarios.page import PAGE, page

ROOT = PAGE.parents[1]


@scenario(covers="batch: node lost")
async def lonely(cluster):
    """Covers one cell."""


def test_no_cell_is_empty_without_a_reason(scenarios: list[Scenario]):
    """Nor is there a reason for a cell that is not empty."""
    if found := complaints(matrix(scenarios)):
        pytest.fail("\n".join(found), pytrace=False)


def test_an_empty_cell_and_a_needless_reason_are_found():
    """The check itself: both are told by the name of the cell."""
    found = complaints(matrix([lonely]), {"batch: node lost": "it was", "ops: node lost": "so it is"})
    assert "no scenario covers 'daemon: node lost', and there is no reason for it" in found
    assert "there is a reason why 'batch: node lost' is empty, and it is not" in found
    assert not any("'ops: node lost'" in complaint for complaint in found)


def test_a_cell_that_does_not_exist_is_refused():
    """A slip of the pen in `covers=` names the scenario and what may be written."""
    with pytest.raises(ValueError, match=r"lonely covers 'batch: node lots', which .* node lost, node joins"):
        matrix([attrs.evolve(lonely, covers=("batch: node lots",))])


def test_a_scenario_that_covers_a_job_type_hands_in_such_a_job(scenarios: list[Scenario]):
    """`covers=` is a claim; its job type can be looked up in the stored outcome."""
    claims = [(one, cell.partition(":")[0]) for one in scenarios for cell in one.covers]
    assert [] == [(one.name, type) for one, type in claims if f"\n{type} job " not in kept(one)]


def test_the_page_is_what_the_scenarios_say(scenarios: list[Scenario]):
    """Table and list come from the scenarios, and none of them is left out."""
    expected = page(scenarios)
    changed = "\n".join(unified_diff(PAGE.read_text().splitlines(), expected.splitlines(), "page", "now", lineterm=""))
    if changed:
        pytest.fail(f"{changed}\nscenarios/README.md is not up to date: run `{RENEW}`", pytrace=False)


def test_the_commands_of_the_page_name_what_there_is():
    """`FILE::NAME` in its head is a scenario."""
    targets = re.findall(r"scenarios/\w+\.py::\w+", PAGE.read_text())
    assert targets
    assert [target.partition("::")[2] for target in targets] == [
        load_one(str(ROOT / target)).name for target in targets
    ]


def test_every_scenario_is_explained(scenarios: list[Scenario]):
    """The first line of its docstring is a sentence of its own, and no two scenarios have the same name or sentence."""
    sentences = [one.about.partition("\n")[0] for one in scenarios]
    assert [] == [one.name for one, text in zip(scenarios, sentences, strict=True) if not text.endswith(".")]
    assert [] == [text for text, count in Counter([*sentences, *(one.name for one in scenarios)]).items() if count > 1]


@pytest.mark.parametrize(
    ("file", "engine", "least"), [("real_wasm.py", "wasm", 5), ("docker_by_cassette.py", "docker", 3)]
)
def test_enough_scenarios_run_real_programs(
    scenarios: list[Scenario], monkeypatch: pytest.MonkeyPatch, file: str, engine: str, least: int
):
    """Real WebAssembly in at least five, real containers in at least three; no Docker engine is asked for either."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    found = [one.name for one in scenarios if Path(one.file).name == file and engine in engines_of(one)]
    assert least <= len(found)


def engines_of(one: Scenario) -> set[str]:
    """The engines of the jobs that a run hands in; it must pass."""
    clusters: list[Cluster] = []
    outcome = run(one, RunOptions(keep=Keep.NONE, watch=clusters.append))
    assert outcome.is_passed, outcome.message
    return {record.job.task.engine.type for record in clusters[0].requester.store.jobs()}
