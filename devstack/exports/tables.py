"""The tables of a run as CSV or Parquet: a folder with a file for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from devstack.errors import UsageError
from devstack.exports.run import Run
from devstack.exports.texts import bounded
from devstack.notebook import frames

__all__ = ["TABLES", "tables", "write_csv", "write_parquet"]

TABLES: Final = ("jobs", "executions", "changes", "messages", "faults", "capacity", "queue", "nodes")
# A spreadsheet takes a text that begins so for a formula, and a job may have written it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def tables(run: Run) -> Iterator[tuple[str, Any]]:
    """Every table as a data frame whose texts are bounded. Raises UsageError: pandas is not installed."""
    for name in TABLES:
        yield name, getattr(frames, name)(run.recorder).map(_plain)


def _into(folder: Path, run: Run) -> Iterator[tuple[str, Any]]:
    """The tables, and a folder for them, which is made only if there are any."""
    for name, table in tables(run):
        folder.mkdir(parents=True, exist_ok=True)
        yield name, table


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        value = json.dumps(value, sort_keys=True)
    return bounded(value) if isinstance(value, str) else value


def write_csv(run: Run, folder: Path) -> None:
    """One file a table. Raises OSError: the folder cannot be written."""
    for name, table in _into(folder, run):
        table.map(_no_formula).to_csv(folder / f"{name}.csv", index=False)


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write_parquet(run: Run, folder: Path) -> None:
    """One file a table.

    Raises:
        OSError: the folder cannot be written.
        UsageError: pyarrow is not installed. It is 50 MB, so that it is an extra of its own.
    """
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed", "pip install 'bacalhau-devstack[notebook,parquet]'"
        ) from None
    for name, table in _into(folder, run):
        table.to_parquet(folder / f"{name}.parquet", engine="pyarrow", index=False)
