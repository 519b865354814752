"""scenarios/README.md: its head is written by hand, the table and the list below come from the scenarios."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from devstack.scenario import Scenario
from tests.scenarios.matrix import FAULTS, REASONS, TYPES, Matrix, matrix

FOLDER: Final = Path(__file__).parents[2] / "scenarios"
PAGE: Final = FOLDER / "README.md"
MARK: Final = "<!-- From here on written by `python -m tests.scenarios` from the scenarios themselves. -->\n"


def page(scenarios: Sequence[Scenario]) -> str:
    """The page as it should be: the head that it has, and the rest anew."""
    head, _, _ = PAGE.read_text().partition(MARK)
    return f"{head}{MARK}\n{_table(matrix(scenarios))}\n{_list(scenarios)}"


def _table(cells: Matrix) -> str:
    lines = [f"| | {' | '.join(TYPES)} |", "|---" * (len(TYPES) + 1) + "|"]
    for fault, meaning in FAULTS.items():
        row = [_cell(f"{type}: {fault}", cells) for type in TYPES]
        lines.append(f"| **{fault}**: {meaning} | {' | '.join(row)} |")
    return "## Job type x fault\n\n" + "\n".join(lines) + "\n"


def _cell(cell: str, cells: Matrix) -> str:
    found = [f"[{_spoken(scenario.name)}]({Path(scenario.file).name})" for scenario in cells[cell]]
    return "<br>".join(found) or f"*none: {REASONS.get(cell, 'no reason given')}*"


def _list(scenarios: Sequence[Scenario]) -> str:
    parts = [f"## All {len(scenarios)} scenarios\n"]
    for file, group in groupby(scenarios, lambda scenario: scenario.file):
        parts.append(f"**[{Path(file).name}]({Path(file).name})**: {_title(file)}\n")
        parts.append("".join(f"- `{one.name}`: {_first_line(one.about)}\n" for one in group))
    return "\n".join(parts)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _title(file: str) -> str:
    """The first line of the file's own docstring."""
    return _first_line(ast.get_docstring(ast.parse(Path(file).read_text())) or "")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
