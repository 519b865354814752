"""`scenario export`, and `scenario run --report`: a run as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from devstack.errors import UsageError

if TYPE_CHECKING:
    from devstack.exports import Run

__all__ = ["ENDINGS", "EXPORTS", "check_report", "export_run"]

EXPORTS: Final = ("perfetto", "jsonl", "csv", "parquet", "html")
ENDINGS: Final = {".json": "perfetto", ".jsonl": "jsonl", ".html": "html"}
"""What is meant by a file's name, if `--to` does not say."""


def check_report(count: int, flags: dict[str, Any], *, is_simulated: bool) -> None:
    """Whether a report can be written of what is asked for.

    Raises:
        UsageError: it cannot.
    """
    if not is_simulated:
        raise UsageError("--report needs virtual time", "leave out --api-host and --engines real")
    if count > 1 or flags["seeds"]:
        raise UsageError("--report tells of one run", "name one scenario as FILE::NAME, and leave out --seeds")


def export_run(run: Run, to: str, path: str, *, quiet: bool = False) -> str:
    """Write it, with a bar for what takes its time; the line that says where it is.

    Raises:
        UsageError: nothing says as what, or it cannot be written.
    """
    from devstack.cli.scenario_report import progress_bar
    from devstack.exports import export
    from devstack.exports.run import PARTS

    target = Path(path)
    to = to or ENDINGS.get(target.suffix.lower(), "")
    if not to:
        raise UsageError(f"{path}: no --to says as what to write it", f"--to {'|'.join(EXPORTS)}")
    with progress_bar("report", PARTS, quiet=quiet or to != "html") as step:
        export(run, to, target, step)
    hint = "; open it in ui.perfetto.dev" if to == "perfetto" else ""
    return f"wrote   {target}{hint}"
