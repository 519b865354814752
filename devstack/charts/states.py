"""Which states executions are in over time, and from which state they went to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
from pandas import DataFrame

from devstack.charts import theme
from devstack.charts.over_time import MOST_STEPS
from devstack.charts.table import Row, latest, rows
from devstack.charts.words import counted, listing, number, sentence

__all__ = ["states"]

MOST_FLOWS: Final = 14
_FINAL: Final = {
    "AskForBidRejected": "refused", "BidRejected": "not needed", "Completed": "completed", "Failed": "failed",
    "Cancelled": "cancelled",
}  # fmt: skip


def states(changes: DataFrame, *, until_s: float | None = None, dark: bool | None = None) -> Any:
    """Executions by state over time, and below how many went from one state to another."""
    found = [row for row in rows(changes) if row["kind"] == "execution"]
    found.sort(key=lambda row: row["time_s"])
    end_s = max(latest(found) if until_s is None else until_s, 1e-3)
    over = {row["subject"]: row["new"] for row in found}
    present = [name for name in theme.STATES if name in {row["new"] for row in found}]
    present += sorted({row["new"] for row in found} - set(present))
    chart = alt.vconcat(_over_time(found, present, end_s), _flows(found), spacing=22)
    return theme.dressed(chart, *_told(over), dark)


def _over_time(found: Sequence[Row], present: Sequence[str], end_s: float) -> Any:
    x = theme.time_axis(0.0, end_s)
    return (
        alt.Chart(theme.data(_stacks(found, present, end_s)))
        .mark_area(interpolate="step-after", clip=True)
        .encode(
            x=alt.X("time:Q", **x),
            y=alt.Y(
                "count:Q", stack="zero", axis=theme.count_axis("executions", len({row["subject"] for row in found}))
            ),
            color=theme.coloured("state", theme.STATES, present),
            order="order:Q",
            tooltip=["state:N", "count:Q", alt.Tooltip("time:Q", format=".4~g")],
        )
        .properties(width=theme.WIDTH, height=230)
    )


def _stacks(found: Sequence[Row], present: Sequence[str], end_s: float) -> list[Row]:
    """How many executions are in each state, whenever that changes, or as often as can be seen."""
    most = MOST_STEPS // max(1, len(present))
    now: dict[str, str] = {}
    counts: Counter[str] = Counter()
    at: dict[int, tuple[float, Mapping[str, int]]] = {}
    instants = sorted({row["time_s"] for row in found})
    slots = {time_s: number if len(instants) <= most else int(time_s / end_s * most)
             for number, time_s in enumerate(instants)}  # fmt: skip
    for row in found:
        counts[now.get(row["subject"], "")] -= 1
        now[row["subject"]] = row["new"]
        counts[row["new"]] += 1
        at[slots[row["time_s"]]] = max(0.0, row["time_s"]), {state: counts[state] for state in present}
    # By time, so that no instant is there twice: areas of one instant would stand on each other.
    steps = dict([(0.0, dict.fromkeys(present, 0)), *at.values()])
    steps.setdefault(end_s, steps[max(steps)])
    return [
        {"time": time_s, "state": state, "count": count[state], "order": order}
        for time_s, count in steps.items()
        for order, state in enumerate(present)
    ]


def _flows(found: Sequence[Row]) -> Any:
    """A bar for each pair of states, the frequent ones first."""
    flows = Counter((row["old"], row["new"]) for row in found if row["old"] != row["new"])
    drawn = [
        {"flow": f"{old or 'nothing'} → {new}", "new": new, "count": count, "text": f"{count:,}"}
        for (old, new), count in flows.most_common(MOST_FLOWS)
    ]
    base = alt.Chart(theme.data(drawn)).encode(
        y=alt.Y("flow:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=260)),
        x=alt.X("count:Q", axis=None),
    )
    bars = base.mark_bar(height=11, cornerRadiusEnd=2).encode(
        color=theme.coloured("new", theme.STATES, {row["new"] for row in drawn}, legend=False),
        tooltip=["flow:N", "count:Q"],
    )
    texts = base.mark_text(align="left", dx=4, fontSize=10, color=theme.GREY).encode(text="text:N")
    return alt.layer(bars, texts).properties(width=theme.WIDTH - 190, height=max(20, 17 * len(drawn)))


def _told(over: Mapping[str, str]) -> tuple[str, list[str]]:
    """What came of all executions."""
    if not over:
        return "There were no executions", []
    ends = Counter(over.values())
    completed, total = ends["Completed"], len(over)
    if completed == total:
        title = f"All {number(total)} executions completed" if total > 1 else "The execution completed"
    else:
        title = f"{sentence(number(completed))} of {counted(total, 'execution')} completed"
    rest = [(count, _FINAL[state]) for state, count in ends.most_common() if state in _FINAL and state != "Completed"]
    told = [
        f"{number(count)} {'' if word == 'failed' else 'was ' if count == 1 else 'were '}{word}" for count, word in rest
    ]
    told += [
        f"{number(count)} {'is' if count == 1 else 'are'} still {state}"
        for state, count in ends.most_common()
        if state not in _FINAL
    ]
    shown = "Above: how many are in each state; below: how many went from one state to another"
    return title, [sentence(listing(told, most=6)), shown]
