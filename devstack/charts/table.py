"""Rows of a frame as plain values."""

from __future__ import annotations

from typing import Any

from pandas import DataFrame

__all__ = ["Row", "known", "latest", "rows"]

Row = dict[str, Any]


def rows(frame: DataFrame | None) -> list[Row]:
    """Each row as a mapping; None where the frame has nothing."""
    if frame is None or not len(frame):
        return []
    plain: list[Row] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return plain


def known(*values: float | None) -> list[float]:
    """Those that are there."""
    return [value for value in values if value is not None]


def latest(*tables: list[Row]) -> float:
    """The last instant that any of the rows names in a column of seconds; zero, if none does."""
    times = (row[name] for table in tables for row in table for name in row if name.endswith("_s"))
    return max(known(*times), default=0.0)
