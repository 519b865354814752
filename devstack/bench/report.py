"""The table of figures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from devstack.bench.measures import MEASURES, Measure

__all__ = ["run"]


def run(only: Sequence[str], as_json: bool) -> None:
    """Take the figures (all, or those named) and print them."""
    chosen = [measure for measure in MEASURES if not only or measure.name in only]
    rows = [row for measure in _with_progress(chosen) if (row := _take(measure)) is not None]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        _print_table(rows)


def _with_progress(measures: Sequence[Measure]) -> Any:
    """The measures, under a progress bar when somebody is watching."""
    if not sys.stderr.isatty():
        return measures
    from rich.console import Console
    from rich.progress import track

    return track(measures, "measuring", console=Console(stderr=True), transient=True)


def _take(measure: Measure) -> dict[str, Any] | None:
    row = {"name": measure.name, "title": measure.title, "unit": measure.unit, "real": measure.real}
    row |= {"goal": f"{'>=' if measure.more_is_better else '<='} {measure.goal:g}"}
    if measure.needs_docker and not _has_docker():
        return row | {"figure": None, "verdict": "no Docker engine"}
    figure = measure.take()
    return row | {"figure": round(figure, 3), "verdict": "reached" if measure.is_reached(figure) else "missed"}


def _has_docker() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("measure", "real 1.4.0", "goal", "this machine", "", box=None, pad_edge=False)
    for row in rows:
        figure = "-" if row["figure"] is None else f"{row['figure']:,g} {row['unit']}"
        table.add_row(row["title"], row["real"], f"{row['goal']} {row['unit']}", figure, row["verdict"])
    Console(width=None if sys.stdout.isatty() else 140).print(table)
