"""Two runs side by side: how many programs ran at any time, and what the runs amount to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import altair as alt
from pandas import DataFrame

from devstack.charts import theme
from devstack.charts.gantt import outcome_of
from devstack.charts.over_time import thinned
from devstack.charts.table import Row, known, latest, rows
from devstack.charts.waits import percentile, waits_of
from devstack.charts.words import counted, duration, name_of

__all__ = ["comparison"]

_LONGEST_NAME: Final = 22


def comparison(
    first: DataFrame, second: DataFrame, names: tuple[str, str] = ("first", "second"), *, dark: bool | None = None
) -> Any:
    """The executions of two runs, under the names that they are given."""
    runs = [rows(first), rows(second)]
    told = [name_of(name)[:_LONGEST_NAME] for name in names]
    if told[0] == told[1]:
        told = [f"{told[0]} (1)", f"{told[1]} (2)"]
    end_s = max(latest(*runs), 1e-3)
    colours = dict(zip(told, (theme.BLUE, theme.ORANGE), strict=True))
    chart = alt.vconcat(_running(runs, colours, end_s), _figures(runs, colours, dark), spacing=26)
    return theme.dressed(chart, *_title(runs, told), dark)


def _running(runs: Sequence[Sequence[Row]], colours: Mapping[str, str], end_s: float) -> Any:
    drawn = []
    for name, found in zip(colours, runs, strict=True):
        steps = thinned(_steps(found), "count", end_s)
        drawn += [{"time": 0.0, "count": 0, "run": name}, *({**step, "run": name} for step in steps)]
        drawn.append({"time": end_s, "count": steps[-1]["count"] if steps else 0, "run": name})
    domain = list(colours)
    dash = alt.StrokeDash("run:N", scale=alt.Scale(domain=domain, range=[[1, 0], [6, 2]]), legend=None)
    return (
        alt.Chart(theme.data(drawn))
        .mark_line(interpolate="step-after", strokeWidth=2, clip=True)
        .encode(
            x=alt.X("time:Q", **theme.time_axis(0.0, end_s)),
            y=alt.Y("count:Q", axis=theme.count_axis("programs that run", max(row["count"] for row in drawn))),
            color=theme.coloured("run", colours, domain, is_line=True),
            strokeDash=dash,
            tooltip=["run:N", "count:Q", alt.Tooltip("time:Q", format=".4~g")],
        )
        .properties(width=theme.WIDTH, height=190)
    )


def _steps(found: Sequence[Row]) -> list[Row]:
    """How many programs run, whenever that changes."""
    moves: dict[float, int] = {}
    for row in found:
        if row["started_s"] is not None:
            moves[row["started_s"]] = moves.get(row["started_s"], 0) + 1
            if row["ended_s"] is not None:
                moves[row["ended_s"]] = moves.get(row["ended_s"], 0) - 1
    steps, count = [], 0
    for time_s in sorted(moves):
        count += moves[time_s]
        steps.append({"time": max(0.0, time_s), "count": count})
    return steps


def _figures(runs: Sequence[Sequence[Row]], colours: Mapping[str, str], dark: bool | None) -> Any:
    """For each figure two bars; each figure has its own scale, for their units differ."""
    panels = []
    for what, figure, text in _FIGURES:
        values = [figure(found) for found in runs]
        drawn = [
            {"run": name, "value": value, "text": text(value)} for name, value in zip(colours, values, strict=True)
        ]
        scale = alt.Scale(domain=[0, max(*values, 1e-9)], nice=False)
        y = alt.Y("run:N", sort=None, axis=None)
        base = alt.Chart(theme.data(drawn)).encode(y=y, x=alt.X("value:Q", scale=scale, axis=None))
        bars = base.mark_bar(height=10, cornerRadiusEnd=2).encode(
            color=theme.coloured("run", colours, colours, legend=False), tooltip=["run:N", "text:N"]
        )
        ink = theme.inks(dark).text
        texts = base.mark_text(align="left", dx=5, fontSize=10, color=ink).encode(text="text:N")
        heading = alt.TitleParams(
            what, fontSize=11, fontWeight="normal", color=ink, anchor="start", offset=3, frame="group"
        )
        panels.append(alt.layer(bars, texts).properties(width=130, height=30, title=heading))
    return alt.concat(*panels, columns=3, spacing={"column": 70, "row": 14})


def _wait(percent: int) -> Callable[[Sequence[Row]], float]:
    return lambda found: percentile(waits_of(found)[0], percent)


def _took(found: Sequence[Row]) -> float:
    """From the first placement to the last end."""
    ends = known(*(row["ended_s"] for row in found), *(row["started_s"] for row in found))
    return max(ends, default=0.0) - min((row["placed_s"] for row in found), default=0.0) if ends else 0.0


def _count(*outcomes: str) -> Callable[[Sequence[Row]], float]:
    return lambda found: float(sum(outcome_of(row) in outcomes for row in found))


def _whole(value: float) -> str:
    return f"{value:,.0f}"


_FIGURES: Final = (
    ("half of the jobs started within", _wait(50), duration),
    ("95 % of the jobs started within", _wait(95), duration),
    ("from first placement to last end", _took, duration),
    ("executions completed", _count("completed"), _whole),
    ("failed or lost", _count("failed", "lost"), _whole),
    ("executions in all", lambda found: float(len(found)), _whole),
)


def _title(runs: Sequence[Sequence[Row]], names: Sequence[str]) -> tuple[str, str]:
    """The difference that counts most: what completed, and then how long it took."""
    completed = [int(_count("completed")(found)) for found in runs]
    took = [_took(found) for found in runs]
    more = completed[1] - completed[0]
    longer = took[1] - took[0]
    parts = []
    if more:
        parts.append(f"completed {counted(abs(more), 'execution')} {'more' if more > 0 else 'fewer'}")
    if abs(longer) > 0.01 * max(took):
        parts.append(f"took {duration(abs(longer))} {'longer' if longer > 0 else 'less'}")
    if not parts:
        return f"“{names[1]}” went as “{names[0]}” did", ""
    waits = [_wait(95)(found) for found in runs]
    return (
        f"“{names[1]}” {' and '.join(parts)}",
        f"Compared with “{names[0]}”. 95 % of the jobs started within {duration(waits[1])}, not {duration(waits[0])}",
    )
