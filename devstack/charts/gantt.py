"""Who ran what, and when: a bar an execution, a row a node or a job, and faults as bands behind them.

Up to `MOST_LANES` bars stand one above the other by their names. Beyond that every row is a thin line, only some of
them are named, and what went wrong lies on top, so that it is seen among thousands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import attrs
from pandas import DataFrame

from devstack.charts import bands, theme
from devstack.charts.lanes import lanes
from devstack.charts.table import Row, known, latest, rows
from devstack.charts.words import counted, duration, in_order, listing, name_of, number, sentence

__all__ = ["gantt", "outcome_of"]

MOST_LANES: Final = 48
MOST_BARS: Final = 3_000
MOST_ROWS: Final = 250
LANE_PX: Final = 13
GAP: Final = 0.35  # Between two rows, in lanes.
INSET: Final = 0.08  # Above and below a bar, in lanes.
OVERVIEW_PX: Final = 520
_IN_FRONT: Final = ("under way", "completed", "cancelled", "refused", "lost", "failed")


@attrs.frozen
class Layout:
    """Where rows lie: (top, bottom) by the row's key, in lanes."""

    places: Mapping[str, tuple[float, float]]
    height: float
    is_overview: bool = False
    keys_a_row: int = 1

    @property
    def pixels(self) -> float:
        return OVERVIEW_PX if self.is_overview else max(60, self.height * LANE_PX)

    def y(self, field: str) -> alt.Y:
        keys = list(self.places)
        step = -(-len(keys) // bands.MOST_NAMES) if self.is_overview else 1
        middles = {sum(self.places[key]) / 2: name_of(key) for key in keys[::step]}
        scale = alt.Scale(domain=[0, self.height], reverse=True, nice=False, zero=False)
        return alt.Y(f"{field}:Q", scale=scale, axis=theme.labels(middles))


def gantt(
    executions: DataFrame,
    faults: DataFrame | None = None,
    *,
    by: str = "node",
    nodes: Sequence[str] = (),
    until_s: float | None = None,
    dark: bool | None = None,
) -> Any:
    """Bars of executions by `node` or by `job`: pale while it waits, solid while its program runs.

    Args:
        nodes: Nodes that have a row even if nothing was placed on them.
        until_s: To when bars of what is not over reach; None: to the last instant in the frames.
    """
    attempts, wrong = rows(executions), rows(faults)
    end_s = latest(attempts, wrong) if until_s is None else until_s
    begin_s = min(known(*(row["placed_s"] for row in attempts), *(row["begin_s"] for row in wrong)), default=0.0)
    begin_s, end_s = min(begin_s, 0.0) if begin_s < 0 else 0.0, max(end_s, begin_s + 1e-3)
    shown, left_out = _most_telling(attempts)
    keys = in_order([*nodes, *(row["node"] for row in attempts)]) if by == "node" else _jobs_in_order(attempts)
    layout, bars = _laid_out(shown, keys, by, end_s)
    title, told = _by_node(attempts, keys) if by == "node" else _by_job(attempts, end_s)
    subtitle = [told, _told_of(wrong)]
    if layout.keys_a_row > 1:
        subtitle.append(f"Each line is {counted(layout.keys_a_row, by)}; what went wrong lies on top")
    subtitle += [f"{left_out:,} of {len(attempts):,} executions, all completed, are not drawn"] if left_out else []
    x = theme.time_axis(begin_s, end_s)
    struck = bands.struck(wrong, layout, end_s)
    layers = [
        *bands.areas(struck, layout, x),
        _lines(layout, dark),
        _bars(bars, layout, x, begin_s, end_s),
        *bands.edges(struck, layout, x, end_s, dark),
    ]
    chart = alt.layer(*layers).properties(width=theme.WIDTH, height=layout.pixels)
    return theme.dressed(chart, title, subtitle, dark)


def outcome_of(row: Row) -> str:
    """`completed`, `failed`, ..., or `under way`."""
    return str(row["outcome"] or "under way").lower()


def _most_telling(attempts: Sequence[Row]) -> tuple[list[Row], int]:
    """Not more than can be drawn: what did not complete before what did."""
    ordered = sorted(attempts, key=lambda row: outcome_of(row) == "completed")
    return ordered[:MOST_BARS], max(0, len(ordered) - MOST_BARS)


def _jobs_in_order(attempts: Sequence[Row]) -> list[str]:
    first: dict[str, float] = {}
    for row in attempts:
        first[row["job"]] = min(row["placed_s"], first.get(row["job"], row["placed_s"]))
    return sorted(first, key=lambda job: first[job])


def _laid_out(attempts: Sequence[Row], keys: Sequence[str], by: str, end_s: float) -> tuple[Layout, list[Row]]:
    """Rows and the bars in them."""
    of_row: dict[str, list[Row]] = {key: [] for key in keys}
    for row in attempts:
        of_row[row[by]].append(row)
    packed = {key: lanes([(row["placed_s"], _end(row, end_s)) for row in found]) for key, found in of_row.items()}
    if sum(count for _, count in packed.values()) > MOST_LANES:
        return _overview(of_row)
    places, bars, top = {}, [], 0.0
    for key, found in of_row.items():
        given, count = packed[key]
        places[key] = top, top + count
        for row, lane in zip(found, given, strict=True):
            bars.append({**row, "top": top + lane + INSET, "bottom": top + lane + 1 - INSET})
        top += count + GAP
    return Layout(places, max(top, 1.0)), bars


def _overview(of_row: Mapping[str, Sequence[Row]]) -> tuple[Layout, list[Row]]:
    """Bars over each other: a lane for each would be thinner than a pixel. So would be a row, were there too many."""
    keys_a_row = -(-len(of_row) // MOST_ROWS)
    places = {key: (float(at // keys_a_row), float(at // keys_a_row + 1)) for at, key in enumerate(of_row)}
    bars = [{**row, "top": places[key][0], "bottom": places[key][1]} for key, found in of_row.items() for row in found]
    return Layout(places, max(bottom for _, bottom in places.values()), True, keys_a_row), bars


def _end(row: Row, end_s: float) -> float:
    return end_s if row["ended_s"] is None else float(row["ended_s"])


# ---- what is drawn -----------------------------------------------------------------------------------------


def _bars(bars: Sequence[Row], layout: Layout, x: Mapping[str, Any], begin_s: float, end_s: float) -> Any:
    """Pale from its placement to its start, solid from there on."""
    shortest = (end_s - begin_s) * bands.SHORTEST
    drawn = []
    for row in bars:
        outcome, over = outcome_of(row), _end(row, end_s)
        started = row["started_s"]
        about = {
            "top": row["top"], "bottom": row["bottom"], "outcome": outcome, "execution": name_of(row["execution"]),
            "job": name_of(row["job"]), "node": row["node"], "reason": name_of(row["reason"] or ""),
            "placed": duration(row["placed_s"]), "ended": "" if row["ended_s"] is None else duration(over),
        }  # fmt: skip
        waits_to = over if started is None else started
        if waits_to > row["placed_s"] or started is None:
            to = max(waits_to, row["placed_s"] + (shortest if started is None else 0))
            drawn.append({**about, "begin": row["placed_s"], "end": to, "part": "waits"})
        if started is not None:
            drawn.append({**about, "begin": started, "end": max(over, started + shortest), "part": "runs"})
    drawn.sort(key=lambda row: (row["part"] != "waits", _rank(row["outcome"])))
    tooltip = [f"{name}:N" for name in ("job", "execution", "node", "outcome", "reason", "placed", "ended")]
    return (
        alt.Chart(theme.data(drawn))
        .mark_rect(clip=True, cornerRadius=0 if layout.is_overview else 1.5, aria=not layout.is_overview)
        .encode(
            x=alt.X("begin:Q", **x),
            x2="end:Q",
            y=layout.y("top"),
            y2="bottom:Q",
            color=theme.coloured("outcome", theme.OUTCOMES, (row["outcome"] for row in drawn)),
            opacity=alt.Opacity("part:N", scale=alt.Scale(domain=["waits", "runs"], range=[0.38, 1]), legend=None),
            tooltip=tooltip,
        )
    )


def _rank(outcome: str) -> int:
    return _IN_FRONT.index(outcome) if outcome in _IN_FRONT else 0


def _lines(layout: Layout, dark: bool | None) -> Any:
    """Thin lines between rows that have names."""
    tops = [] if layout.is_overview else [{"at": bottom + GAP / 2} for _, bottom in layout.places.values()]
    rule = alt.Chart(theme.data(tops)).mark_rule(color=theme.inks(dark).line)
    return rule.encode(y=layout.y("at"))


# ---- what is said ------------------------------------------------------------------------------------------


def _by_node(attempts: Sequence[Row], keys: Sequence[str]) -> tuple[str, str]:
    """Where the work went."""
    ran = Counter(row["node"] for row in attempts if row["started_s"] is not None)
    total = ran.total()
    if not total:
        return f"No program has started on {counted(len(keys), 'node')}", _outcomes(attempts)
    node, most = ran.most_common(1)[0]
    if len(ran) == 1:
        title = f"{sentence(counted(total, 'execution'))} ran, {'all ' if total > 1 else ''}on {name_of(node)}"
    elif list(ran.values()).count(most) == 1:
        title = f"{sentence(number(most))} of {number(total)} executions ran on {name_of(node)}"
    else:
        spread = "" if min(ran.values()) == most else "at most "
        title = f"{sentence(counted(total, 'execution'))} ran on {number(len(ran))} of {counted(len(keys), 'node')}, "
        title += f"{spread}{number(most)} on each"
    return title, _outcomes(attempts)


def _by_job(attempts: Sequence[Row], end_s: float) -> tuple[str, str]:
    """Which job took longest, and what it took."""
    of_job: dict[str, list[Row]] = {}
    for row in attempts:
        of_job.setdefault(row["job"], []).append(row)
    if not of_job:
        return "No job was placed on any node", ""
    took = {
        job: max(_end(row, end_s) for row in found) - min(row["placed_s"] for row in found)
        for job, found in of_job.items()
    }
    longest = max(took, key=lambda job: took[job])
    tries = counted(len(of_job[longest]), "execution")
    if len(of_job) == 1:
        return f"Job {name_of(longest)} took {duration(took[longest])}, with {tries}", _outcomes(attempts)
    title = f"Of {number(len(of_job))} jobs, {name_of(longest)} took longest: {duration(took[longest])}, with {tries}"
    return title, _outcomes(attempts)


def _outcomes(attempts: Sequence[Row]) -> str:
    counts = Counter(outcome_of(row) for row in attempts)
    names = [name for name in theme.OUTCOMES if counts[name]] + sorted(set(counts) - set(theme.OUTCOMES))
    told = listing([f"{number(counts[name])} {name}" for name in names], most=6)
    return f"{sentence(told)}; pale while it waits, solid while its program runs" if told else ""


def _told_of(faults: Sequence[Row]) -> str:
    if not faults:
        return ""
    if len(faults) == 1:
        row = faults[0]
        until = "" if row["end_s"] in (None, row["begin_s"]) else f" to {duration(row['end_s'])}"
        return f"Red band: {row['word']} on {name_of(row['target'] or 'all')} from {duration(row['begin_s'])}{until}"
    kinds = Counter(row["word"] for row in faults)
    told = listing([f"{number(count)} × {word}" if count > 1 else word for word, count in kinds.most_common()], 4)
    return f"Red bands: {told}"
