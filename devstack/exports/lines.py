"""The trace as JSON lines: first what the run was, then every record, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from devstack.exports.run import Run
from devstack.exports.texts import bounded, json_line

__all__ = ["MOST_RECORDS", "lines"]

MOST_RECORDS: Final = 5_000_000


def lines(run: Run) -> Iterator[str]:
    """One JSON object each: `run` and what it was; then `time_ns` since the cluster was switched on, `kind`,
    `subject` and `detail`. Texts are cut at `LONGEST_TEXT`; of an endless trace the last line says what is left out.
    """
    yield json_line({"run": run.about})
    start_ns = run.start_ns
    records = run.outcome.records
    for time_ns, kind, subject, detail in records[:MOST_RECORDS]:
        yield json_line(
            {"time_ns": time_ns - start_ns, "kind": kind, "subject": bounded(subject), "detail": bounded(detail)}
        )
    if len(records) > MOST_RECORDS:
        yield json_line({"left_out": len(records) - MOST_RECORDS})
