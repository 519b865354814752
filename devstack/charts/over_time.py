"""What changes in steps over time: how full the cluster and its nodes are, and who waits and who runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
from pandas import DataFrame

from devstack.charts import bands, theme
from devstack.charts.table import Row, latest, rows
from devstack.charts.words import counted, duration, in_order, listing, name_of, number, percent, sentence

__all__ = ["capacity", "queue", "thinned"]

MOST_COLUMNS: Final = 120  # Of the heat map, over time.
MOST_ROWS: Final = 50
MOST_STEPS: Final = 800
ROW_PX: Final = 16
_ON_LIGHT: Final = ["#D3E4F0", "#4D9CCB", "#00395C"]
_ON_DARK: Final = ["#24333D", "#0072B2", "#BFE3F7"]
_UNITS: Final = {"cpu": "cores", "memory": "MB of memory", "disk": "GB of disk", "gpu": "GPUs"}


# ---- capacity ----------------------------------------------------------------------------------------------


def capacity(
    capacity: DataFrame,
    kind: str | None = None,
    *,
    faults: DataFrame | None = None,
    until_s: float | None = None,
    dark: bool | None = None,
) -> Any:
    """How full the cluster is, and below it each node: the darker a cell, the fuller was the node then.

    Args:
        kind: cpu, memory, disk or gpu; None: the one that was nearest to its end.
    """
    every = rows(capacity)
    kind = kind or _scarcest(every)
    found = [row for row in every if row["kind"] == kind]
    end_s = max(latest(found, rows(faults)) if until_s is None else until_s, 1e-3)
    names = in_order(row["node"] for row in found)
    grid = _grid(found, names, end_s)
    x = theme.time_axis(0.0, end_s)
    whole = _whole(found, names, kind, end_s, dark)
    top = alt.layer(*bands.spans(faults, end_s), *whole).properties(width=theme.WIDTH, height=130)
    chart = alt.vconcat(top, _heat(grid, names, x, dark), spacing=14)
    title, subtitle = _told_of_capacity(found, names, kind)
    return theme.dressed(chart, title, subtitle, dark)


def _scarcest(every: Sequence[Row]) -> str:
    shares: dict[str, float] = {"cpu": 0.0}
    for row in every:
        if row["total"]:
            shares[row["kind"]] = max(shares.get(row["kind"], 0.0), row["used"] / row["total"])
    return max(shares, key=lambda kind: shares[kind])


def _whole(found: Sequence[Row], names: Sequence[str], kind: str, end_s: float, dark: bool | None) -> list[Any]:
    """Sums over all nodes."""
    sums = {"used": 0.0, "queued": 0.0, "total": 0.0}
    last: dict[str, Row] = {}
    points: dict[float, Row] = {}
    for row in sorted(found, key=lambda row: row["time_s"]):
        before = last.get(row["node"])
        for part in sums:
            sums[part] += row[part] - (before[part] if before else 0.0)
        last[row["node"]] = row
        points[row["time_s"]] = {"time": max(0.0, row["time_s"]), **sums}
    steps = thinned(list(points.values()), "used", end_s)
    steps += [{**steps[-1], "time": end_s}] if steps else []
    x = alt.X("time:Q", **theme.time_axis(0.0, end_s, labels=False))
    title = _UNITS.get(kind, kind)
    for step in steps:
        step["asked"] = step["used"] + step["queued"]
    base = alt.Chart(theme.data(steps))
    tooltip = [alt.Tooltip(f"{name}:Q", format=".6~g") for name in ("time", "used", "queued", "total")]
    waiting = base.mark_area(interpolate="step-after", color=theme.ORANGE, opacity=0.55, clip=True)
    used = base.mark_area(interpolate="step-after", color=theme.BLUE, clip=True)
    total = base.mark_line(interpolate="step-after", color=theme.inks(dark).text, strokeDash=[5, 3], strokeWidth=1.3)
    return [
        waiting.encode(x=x, y=alt.Y("asked:Q", stack=None, title=title), tooltip=tooltip),
        used.encode(x=x, y=alt.Y("used:Q", stack=None, title=title), tooltip=tooltip),
        total.encode(x=x, y=alt.Y("total:Q", title=title)),
    ]


def _grid(found: Sequence[Row], names: Sequence[str], end_s: float) -> list[Row]:
    """Cells of nodes by time with the mean share in use; neighbours share a row, if there are many."""
    a_row = -(-len(names) // MOST_ROWS) if names else 1
    width = end_s / MOST_COLUMNS
    of_node: dict[str, list[Row]] = {name: [] for name in names}
    for row in found:
        of_node[row["node"]].append(row)
    used: dict[tuple[int, int], float] = {}
    total: dict[tuple[int, int], float] = {}
    for at, name in enumerate(names):
        steps = sorted(of_node[name], key=lambda row: row["time_s"])
        ends = [row["time_s"] for row in steps[1:]] + [end_s]
        for row, until in zip(steps, ends, strict=True):
            begin = max(0.0, row["time_s"])
            for column in range(int(begin / width), min(MOST_COLUMNS, int(until / width) + 1)):
                length = min(until, (column + 1) * width) - max(begin, column * width)
                if length > 0 and row["total"] > 0:
                    cell = at // a_row, column
                    used[cell] = used.get(cell, 0.0) + length * row["used"]
                    total[cell] = total.get(cell, 0.0) + length * row["total"]
    return [
        {
            "begin": column * width, "end": min(end_s, (column + 1.25) * width), "top": row, "bottom": row + 1,
            "share": used[row, column] / total[row, column],
            "nodes": listing([name_of(name) for name in names[row * a_row : (row + 1) * a_row]]),
        }
        for row, column in used
    ]  # fmt: skip


def _heat(grid: Sequence[Row], names: Sequence[str], x: Any, dark: bool | None) -> Any:
    a_row = -(-len(names) // MOST_ROWS) if names else 1
    count = max(1, -(-len(names) // a_row))
    step = -(-count // bands.MOST_NAMES) if count > 2 * bands.MOST_NAMES else 1
    axis = theme.labels({row + 0.5: name_of(names[row * a_row]) for row in range(0, count, step) if names})
    scale = alt.Scale(domain=[0, count], reverse=True, nice=False, zero=False)
    # Idle is what is nearest to the page, and can be told from it.
    shades = alt.Scale(domain=[0, 0.5, 1], range=_ON_DARK if dark else _ON_LIGHT)
    legend = alt.Legend(title="share in use", format=".0%", gradientLength=160, gradientThickness=9, values=[0, 0.5, 1])
    return (
        alt.Chart(theme.data(grid))
        .mark_rect(aria=False)
        .encode(
            x=alt.X("begin:Q", **x),
            x2="end:Q",  # A little over the next cell, or the page would shine through between them.
            y=alt.Y("top:Q", scale=scale, axis=axis),
            y2="bottom:Q",
            color=alt.Color("share:Q", scale=shades, legend=legend),
            tooltip=["nodes:N", alt.Tooltip("share:Q", format=".0%"), alt.Tooltip("begin:Q", format=".4~g")],
        )
        .properties(width=theme.WIDTH, height=max(40, min(360, count * ROW_PX)))
    )


def _told_of_capacity(found: Sequence[Row], names: Sequence[str], kind: str) -> tuple[str, list[str]]:
    peaks: dict[str, float] = {}
    waited = set()
    for row in found:
        share = row["used"] / row["total"] if row["total"] else 0.0
        peaks[row["node"]] = max(peaks.get(row["node"], 0.0), share)
        if row["queued"] > 0:
            waited.add(row["node"])
    what = {"cpu": "CPU", "gpu": "GPU"}.get(kind, kind)
    full = [name for name in names if peaks[name] >= 1]
    if not any(peaks.values()):
        title = f"No {what} was in use"
    elif full:
        which = f": {listing([name_of(name) for name in full])}" if len(full) <= 3 else ""
        title = f"{sentence(number(len(full)))} of {counted(len(names), 'node')} had no {what} left at some time{which}"
    else:
        fullest = max(names, key=lambda name: peaks[name])
        title = f"No node was out of {what}: the fullest, {name_of(fullest)}, had {percent(peaks[fullest])} in use"
    queued = f"Executions waited for room on {counted(len(waited), 'node')}" if waited else "Nothing waited for room"
    return title, [queued, "Above: blue in use, orange waiting for it, dashed all there is; below: node by node"]


# ---- waiting and running -----------------------------------------------------------------------------------


def queue(
    queue: DataFrame, *, faults: DataFrame | None = None, until_s: float | None = None, dark: bool | None = None
) -> Any:
    """How many executions wait, and how many run."""
    steps = [{**row, "time_s": max(0.0, row["time_s"])} for row in rows(queue)]
    end_s = max(latest(steps, rows(faults)) if until_s is None else until_s, 1e-3)
    drawn = []
    for name in ("running", "waiting"):
        line = [{"time": row["time_s"], "count": row[name], "what": name} for row in steps]
        line = thinned(line, "count", end_s)
        drawn += [*line, *([{**line[-1], "time": end_s}] if line else [])]
    colours = {"running": theme.BLUE, "waiting": theme.ORANGE}
    axis = theme.count_axis("executions", max([row["count"] for row in drawn], default=1))
    lines = (
        alt.Chart(theme.data(drawn))
        .mark_line(interpolate="step-after", strokeWidth=2, clip=True)
        .encode(
            x=alt.X("time:Q", **theme.time_axis(0.0, end_s)),
            y=alt.Y("count:Q", axis=axis),
            color=theme.coloured("what", colours, colours, is_line=True),
            strokeDash=alt.StrokeDash(
                "what:N", scale=alt.Scale(domain=list(colours), range=[[1, 0], [6, 2]]), legend=None
            ),
            tooltip=["what:N", "count:Q", alt.Tooltip("time:Q", format=".4~g")],
        )
    )
    chart = alt.layer(*bands.spans(faults, end_s), lines).properties(width=theme.WIDTH, height=220)
    return theme.dressed(chart, *_told_of_queue(steps, end_s), dark)


def _told_of_queue(steps: Sequence[Row], end_s: float) -> tuple[str, str]:
    if not steps:
        return "Nothing waited, and nothing ran", ""
    waiting = max(steps, key=lambda row: row["waiting"])
    running = max(steps, key=lambda row: row["running"])
    ends = [row["time_s"] for row in steps[1:]] + [end_s]
    length = sum(until - row["time_s"] for row, until in zip(steps, ends, strict=True) if row["waiting"])
    title = "Nothing had to wait"
    if waiting["waiting"]:
        most = f"{sentence(counted(waiting['waiting'], 'execution'))} waited at most"
        title = f"{most}, {duration(waiting['time_s'])} after the beginning"
    still = steps[-1]["waiting"]
    ending = f"; {number(still)} still {'waits' if still == 1 else 'wait'} at the end" if still else ""
    return title, f"Something waited for {duration(length)} in all; {number(running['running'])} ran at once{ending}"


# ---- shared ------------------------------------------------------------------------------------------------


def thinned(steps: list[Row], peak: str, end_s: float) -> list[Row]:
    """Not more steps than can be seen: of each short time the highest and the last."""
    if len(steps) <= MOST_STEPS:
        return steps
    kept: dict[tuple[int, bool], Row] = {}
    for step in steps:
        column = int(step["time"] / end_s * MOST_STEPS / 2)
        highest = kept.get((column, False))
        if highest is None or step[peak] > highest[peak]:
            kept[column, False] = step
        kept[column, True] = step
    # By time, so that no instant is there twice: areas of one instant would stand on each other.
    at = {step["time"]: step for step in sorted(kept.values(), key=lambda step: step["time"])}
    return list(at.values())
