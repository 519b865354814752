"""Job type x fault: what the scenarios must cover, what each of them says it covers, and why a cell may be empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from devstack.scenario import Scenario

TYPES: Final = ("batch", "ops", "service", "daemon")

# What a scenario writes behind the job type in `covers=`, and what it means.
FAULTS: Final = {
    "node lost": "a node loses its power and stays away",
    "node joins": "a node comes while jobs are under way",
    "rejection": "nodes refuse a job, or somebody rejects a node",
    "full cluster": "more work than room, so work queues",
    "cancel while running": "somebody stops a job that runs",
    "requester restart": "the requester loses its power and comes back",
    "partition and heal": "nodes cannot be reached for a while",
    "slow node": "one node is ten times slower",
    "executor failure and retry": "an engine fails, and the work is tried again",
    "retries exhausted": "every try fails",
    "execution timeout": "one execution takes too long",
    "total timeout": "the whole job takes too long",
    "queue timeout": "a job waits too long for a fitting node",
    "priorities": "several jobs want the same place",
}

# Why a cell of the table is empty, by `TYPE: FAULT`. This is the one place for such reasons.
REASONS: Final[dict[str, str]] = {}

Matrix = Mapping[str, list[Scenario]]


def matrix(scenarios: Iterable[Scenario]) -> Matrix:
    """The scenarios of each cell, by `TYPE: FAULT`, in the order of the table.

    Raises:
        ValueError: a scenario covers what is no cell.
    """
    cells: dict[str, list[Scenario]] = {f"{type}: {fault}": [] for fault in FAULTS for type in TYPES}
    for scenario in scenarios:
        for cell in scenario.covers:
            if cell not in cells:
                raise ValueError(
                    f"{scenario.name} covers {cell!r}, which is no cell of the table: "
                    f"write one of {', '.join(TYPES)}, a colon, and one of {', '.join(FAULTS)}"
                )
            cells[cell].append(scenario)
    return cells


def complaints(cells: Matrix, reasons: Mapping[str, str] = REASONS) -> list[str]:
    """What is wrong with the table: a cell that is empty without a reason, and a reason for a cell that is not."""
    empty = [cell for cell, scenarios in cells.items() if not scenarios]
    missing = [f"no scenario covers {cell!r}, and there is no reason for it" for cell in empty if cell not in reasons]
    needless = [f"there is a reason why {cell!r} is empty, and it is not" for cell in reasons if cell not in empty]
    return missing + needless
