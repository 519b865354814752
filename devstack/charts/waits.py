"""How long jobs waited, from their submission to the start of their first program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
from pandas import DataFrame

from devstack.charts import theme
from devstack.charts.table import Row, known, rows
from devstack.charts.words import counted, duration, number, sentence

__all__ = ["percentile", "waits", "waits_of"]

MOST_BINS: Final = 24


def waits(executions: DataFrame, *, dark: bool | None = None) -> Any:
    """How many jobs waited how long; lines mark the median and the 95th percentile."""
    found, never = waits_of(rows(executions))
    marks = [(label, percentile(found, at)) for label, at in (("half", 50), ("95 %", 95))] if found else []
    longest = max([*found, 1e-3])
    width = longest / min(MOST_BINS, max(4, len(found)))
    bins = [0] * (round(longest / width) + 1)
    for wait in found:
        bins[int(wait / width)] += 1
    bins[-2:] = [sum(bins[-2:])]  # The longest belongs to the last one.
    drawn = [{"begin": at * width, "end": (at + 1) * width, "count": count} for at, count in enumerate(bins)]
    x = alt.X("begin:Q", **theme.time_axis(0.0, longest * 1.04))
    y = alt.Y("count:Q", axis=theme.count_axis("jobs", max(bins)))
    bars = alt.Chart(theme.data(drawn)).mark_rect(color=theme.BLUE, stroke=theme.SKY, strokeWidth=0.5)
    chart = alt.layer(
        bars.encode(x=x, x2="end:Q", y=y, y2=alt.datum(0), tooltip=["count:Q"]), *_marks(marks, x, longest, dark)
    )
    return theme.dressed(chart.properties(width=theme.WIDTH, height=220), *_told(found, never), dark)


def _marks(marks: Sequence[tuple[str, float]], x: alt.X, longest: float, dark: bool | None) -> list[Any]:
    at = [
        {"begin": value, "label": f"{label}: {duration(value)}", "row": row} for row, (label, value) in enumerate(marks)
    ]
    base = alt.Chart(theme.data(at))
    rule = base.mark_rule(color=theme.ORANGE, strokeWidth=2, strokeDash=[6, 3]).encode(x=x)
    ink = theme.inks(dark).text
    # One above the other, for the two may lie close together, and away from the nearer edge.
    names = []
    for row, (_, at_s) in enumerate(marks):
        align: Any = "right" if at_s > longest / 2 else "left"
        mark = base.transform_filter(f"datum.row == {row}").mark_text(
            align=align, dx=-3 if align == "right" else 3, dy=-4 - 13 * row, baseline="bottom", fontSize=10, color=ink
        )
        names.append(mark.encode(x=x, y=alt.value(0), text="label:N"))
    return [rule, *names]


def waits_of(attempts: Sequence[Row]) -> tuple[list[float], int]:
    """The waits of jobs whose first program has started, shortest first, and how many have not started."""
    begins: dict[str, float] = {}
    starts: dict[str, float] = {}
    for row in attempts:
        begin = float(row["submitted_s"] if "submitted_s" in row else row["placed_s"])
        begins[row["job"]] = min(begin, begins.get(row["job"], begin))
        for start in known(row["started_s"]):
            starts[row["job"]] = min(start, starts.get(row["job"], start))
    return sorted(max(0.0, starts[job] - begins[job]) for job in starts), len(begins) - len(starts)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The nearest rank of sorted numbers; zero of none."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def _told(found: Sequence[float], never: int) -> tuple[str, str]:
    late = f"{sentence(counted(never, 'job'))} never started" if never else ""
    if not found:
        return "No job has started", late
    if len(found) == 1:
        return f"The one job that started waited {duration(found[0])}", late
    if len(found) < 20:
        title = f"Half of {number(len(found))} jobs started within {duration(percentile(found, 50))}"
        return title + f", the last after {duration(found[-1])}", late or "A wait is from submission to first start"
    title = f"Half of {number(len(found))} jobs started within {duration(percentile(found, 50))}"
    title += f", 95 % within {duration(percentile(found, 95))}"
    return title, ". ".join(filter(None, [f"The longest wait was {duration(found[-1])}", late]))
