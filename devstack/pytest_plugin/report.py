"""What a failed run says: what does not hold, the end of the story, the line that repeats it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs
import pytest

from devstack.cluster import Cluster
from devstack.errors import DevstackError
from devstack.pytest_plugin.plan import Plan
from devstack.scenario import Scenario
from devstack.scenario.run import Outcome, run
from devstack.scenario.story import Line, Storyteller, render, tell

__all__ = ["ToldRun", "describe", "describe_run", "repeating_line", "run_told", "told_plainly", "words_of"]

STORY_LINES: Final = 40


@attrs.frozen
class ToldRun:
    """What came of a run, and the end of its story."""

    outcome: Outcome
    story: list[Line]
    lines_before: int


def run_told(scenario: Scenario, plan: Plan, seed: int) -> ToldRun | None:
    """Run it once, as planned; None if all is well."""
    tellers: list[Storyteller] = []

    def watch(cluster: Cluster) -> None:
        tellers.append(Storyteller(cluster))

    outcome = run(plan.applied_to(scenario), attrs.evolve(plan.options(seed), watch=watch))
    if outcome.is_passed:
        return None
    notes = [note for teller in tellers for note in teller.notes]
    lines = tell(outcome.records, notes, first=outcome.events - len(outcome.records) + 1)
    return ToldRun(outcome, lines[-STORY_LINES:], max(len(lines) - STORY_LINES, 0))


def describe(told: ToldRun, item: pytest.Item, *also: str) -> str:
    """The whole report of a scenario that failed."""
    where = f"\nat {told.outcome.where}" if told.outcome.where else ""
    return f"{told.outcome.message}{where}\n{describe_run(told, item, *also)}"


def describe_run(told: ToldRun, item: pytest.Item, *also: str) -> str:
    """What stands under the message: the run that it came from; `also` are further lines that repeat it."""
    outcome = told.outcome
    violated = [f"violated: {violation}" for violation in outcome.violations]
    left_out = [f"... {told.lines_before} lines before ..."] if told.lines_before else []
    repeat = [f"to repeat it: {line}" for line in (repeating_line(outcome, item), *also)]
    parts = [f"{outcome.verdict.value} under seed {outcome.seed}", *violated, *left_out, render(told.story), *repeat]
    return "\n".join(part for part in parts if part)


def repeating_line(outcome: Outcome, item: pytest.Item) -> str:
    """The command that runs the same test under the same seed."""
    # From where pytest was started: the id of a test counts from the root of its project.
    file = os.path.relpath(item.path, item.config.invocation_params.dir)
    inside = "::".join(str(item.nodeid).split("::")[1:])
    return f"pytest {shlex.quote(f'{file}::{inside}')} --devstack-seed={outcome.seed}"


def words_of(error: DevstackError) -> str:
    """What was wrong, and what to do."""
    return f"{error}; {error.hint}" if error.hint else str(error)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Show an error of the person at the keyboard without the lines of ours that found it."""
    try:
        yield
    except DevstackError as exc:
        raise pytest.fail.Exception(words_of(exc), pytrace=False) from None
