"""What came of each scenario, kept in `outcomes/`, one file for each file of `scenarios/`.

Kept is what a person would tell: did it pass, after how much virtual time (in whole seconds), how did each job end and
why, how many of its executions ended how. Not kept are the digest, ids, the order of events and who did what: they
change whenever the core is put another way, and then a stored outcome would be renewed without being read. So what is
kept changes only when a user would notice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import groupby
from pathlib import Path
from textwrap import indent
from typing import Final

from devstack.kernel import Keep
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.scenario import Scenario
from devstack.scenario.compare import run_simulated
from devstack.scenario.elsewhere import JobEnd
from devstack.scenario.run import RunOptions
from devstack.scenario.world import ExecutionView

OUTCOMES: Final = Path(__file__).with_name("outcomes")
RENEW: Final = "python -m tests.scenarios"
ALL_WELL: Final = "Accepted job"


def outcome(scenario: Scenario) -> str:
    """Run it under its own seed; what came of it, in a few lines."""
    played = run_simulated(scenario, RunOptions(keep=Keep.NONE))
    seconds = (played.elapsed_ns + SECOND_NS // 2) // SECOND_NS
    lines = [f"{played.verdict.value} after {duration_text(seconds * SECOND_NS)}"]
    lines += [f"because: {line}" for line in played.message.splitlines()]
    for end in played.jobs:
        lines += _job_lines(end)
    return "\n".join(lines) + "\n"


def _job_lines(end: JobEnd) -> Iterator[str]:
    yield f"{end.job.type} job {end.job.state.text}: {_counted(end.executions)}"
    yield from (f"  {line}" for line in end.job.message.splitlines())
    told = {(one.state.text, " ".join(one.message.split())) for one in end.executions}
    yield from (f"  {state}: {message}" for state, message in sorted(told) if message not in ("", ALL_WELL))


def _counted(executions: Sequence[ExecutionView]) -> str:
    """`2 Completed, 1 Failed`; other exit codes than 0 are told as well."""
    states = [one.state.text + (", told to stop" if _is_only_told(one) else "") for one in executions]
    parts = [f"{states.count(state)} {state}" for state in sorted(set(states))]
    codes = [str(one.exit_code) for one in executions if one.exit_code]
    return "; ".join(parts + [f"exit code {code}" for code in codes]) or "no execution"


def _is_only_told(execution: ExecutionView) -> bool:
    """Its node has not confirmed the end; one that is lost never will."""
    return execution.is_stopping and not execution.state.is_terminal


# ---- kept --------------------------------------------------------------------------------------------------


def kept(scenario: Scenario) -> str:
    """The stored outcome; empty if there is none."""
    return read(_file(scenario.file)).get(scenario.name, "")


def read(file: Path) -> dict[str, str]:
    """The outcomes in a file, by the names of their scenarios."""
    found = {}
    for part in file.read_text().split("\n\n") if file.exists() else []:
        name, _, lines = part.strip("\n").partition("\n")
        found[name] = "".join(line.removeprefix("  ") + "\n" for line in lines.splitlines())
    return found


def write(scenarios: Sequence[Scenario]) -> None:
    """Renew all stored outcomes, and remove those that belong to no scenario any more."""
    for file in OUTCOMES.glob("*.txt"):
        file.unlink()
    OUTCOMES.mkdir(exist_ok=True)
    for name, group in groupby(scenarios, lambda scenario: scenario.file):
        _file(name).write_text("\n".join(f"{one.name}\n{indent(outcome(one), '  ')}" for one in group))


def _file(scenario_file: str) -> Path:
    return OUTCOMES / f"{Path(scenario_file).stem}.txt"


def difference(scenario: Scenario, now: str) -> str:
    """How the outcome differs from the stored one, line by line; empty if it does not."""
    before = kept(scenario)
    lines = unified_diff(before.splitlines(), now.splitlines(), "stored", "now", lineterm="", n=99)
    changed = [line for line in lines if not line.startswith("@@")]
    if not changed:
        return ""
    head = f"{scenario.name} had another outcome" if before else f"{scenario.name} has no stored outcome"
    tail = f"If that is right, renew what is stored by `{RENEW}` and read its `git diff`."
    return "\n".join([head, *changed, tail])
