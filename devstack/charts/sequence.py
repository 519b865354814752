"""Who told whom what: a line down for each machine, an arrow for each message, in the order of sending.

The way down is order and not time, or whatever happens within a millisecond would lie on one spot; times stand at the
side. Machines beyond `MOST_MACHINES` share a line, and what they say alike at one instant is one arrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
from pandas import DataFrame

from devstack.charts import theme
from devstack.charts.table import Row, rows
from devstack.charts.words import counted, duration, in_order, listing, name_of, number, sentence

__all__ = ["ROUTINE", "sequence"]

MOST_MACHINES: Final = 9
MOST_ARROWS: Final = 45
ARROW_PX: Final = 19
LONGEST_NAME: Final = 14
_CROSS: Final = "M-1,-.6L-.6,-1L0,-.4L.6,-1L1,-.6L.4,0L1,.6L.6,1L0,.4L-.6,1L-1,.6L-.4,0Z"
ROUTINE: Final = ("Heartbeat", "UpdateInfo", "UpdateResources", "Register", "Reply", "Reconcile")
"""Messages that come again and again, whatever happens."""


def sequence(messages: DataFrame, *, routine: bool = False, first: int = 0, dark: bool | None = None) -> Any:
    """The messages from number `first` on, as many as can be read; lost ones are dashed and end in a cross.

    Args:
        routine: Whether heartbeats and their like are shown, too.
    """
    found = [row for row in rows(messages) if routine or not row["kind"].startswith(ROUTINE)]
    shown_of = found[first:]
    places = _places(shown_of)
    arrows, used = _arrows(shown_of, places)
    lines = sorted(set(places.values()))
    names = {at: _line_name([name for name, place in places.items() if place == at]) for at in lines}
    chart = _drawn(arrows, names, dark)
    subtitle = _told_of_rest(len(found), first, used)
    return theme.dressed(chart, _title(found), subtitle, dark)


def _places(found: Sequence[Row]) -> dict[str, int]:
    """Who stands where, from the left: whoever talks most, and then the others in the order of their names."""
    talk = Counter(name for row in found for name in (row["source"], row["target"]))
    ordered = in_order(talk)
    if not ordered:
        return {}
    centre = max(ordered, key=lambda name: talk[name])
    others = [name for name in ordered if name != centre]
    if len(ordered) <= MOST_MACHINES:
        return {centre: 0} | {name: at for at, name in enumerate(others, 1)}
    # Of many those that talk first have lines of their own: only the first messages are drawn.
    early = {name: None for row in found for name in (row["source"], row["target"]) if name != centre}
    own = in_order(list(early)[: MOST_MACHINES - 2])
    places = {centre: 0} | {name: at for at, name in enumerate(own, 1)}
    return places | {name: len(own) + 1 for name in others if name not in places}


def _line_name(names: Sequence[str]) -> str:
    if len(names) > 1:
        return f"{len(names):,} others"
    name = name_of(names[0])
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _arrows(found: Sequence[Row], places: Mapping[str, int]) -> tuple[list[Row], int]:
    """Arrows from the top down, and how many messages they stand for."""
    arrows: dict[tuple[Any, ...], Row] = {}
    last: tuple[Any, ...] = ()
    used = 0
    for row in found:
        source, target = places[row["source"]], places[row["target"]]
        what = (row["kind"], source, target, bool(row["is_lost"]))
        # What is sent again and again, and lost each time, is told once, with how often.
        is_again = row["is_lost"] and what == last[1:]
        key = last if is_again else (row["sent_s"], *what)
        if key not in arrows and len(arrows) >= MOST_ARROWS:
            break
        used += 1
        arrow = arrows.setdefault(key, {
            "at": len(arrows), "from": source, "to": target, "kind": row["kind"], "count": 0, "subject": row["subject"],
            "fate": "lost" if row["is_lost"] else "arrived", "sent": duration(row["sent_s"]),
        })  # fmt: skip
        arrow["count"] += 1
        arrow["until"] = f" until {duration(row['sent_s'])}" if is_again and row["sent_s"] != key[0] else ""
        last = key
    for arrow in arrows.values():
        _shape(arrow)
    return list(arrows.values()), used


def _shape(arrow: Row) -> None:
    """Where the arrow ends: a lost one on its way."""
    way = arrow["to"] - arrow["from"]
    if way == 0:  # Between two that share a line.
        way = 0.35
    arrow["end"] = arrow["from"] + way * (1 - 0.3 / max(0.6, abs(way)) if arrow["fate"] == "lost" else 1)
    arrow["middle"] = arrow["from"] + way * 0.5 if abs(way) < 1.5 else arrow["from"] + (0.75 if way > 0 else -0.75)
    arrow["head"] = "cross" if arrow["fate"] == "lost" else "right" if way > 0 else "left"
    arrow["text"] = arrow["kind"] + (f" × {arrow['count']:,}{arrow['until']}" if arrow["count"] > 1 else "")


def _drawn(arrows: Sequence[Row], names: Mapping[int, str], dark: bool | None) -> Any:
    ink, count = theme.inks(dark), max(1, len(arrows))
    lines = max(2, len(names))
    scale = alt.Scale(domain=[-0.5, lines - 0.5], nice=False, zero=False)
    down = alt.Scale(domain=[-0.8, count - 0.2], reverse=True, nice=False, zero=False)
    top = theme.labels({float(at): name for at, name in names.items()})
    top.orient, top.labelFontWeight = "top", 600
    side = theme.labels(_times(arrows))

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=top)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=down, axis=side)

    stand = alt.Chart(theme.data({"x": at, "a": -0.6, "b": count - 0.4} for at in names))
    base = alt.Chart(theme.data(arrows))
    fate = theme.coloured(
        "fate", {"arrived": theme.BLUE, "lost": theme.VERMILLION}, {row["fate"] for row in arrows}, is_line=True
    )
    dash = alt.StrokeDash("fate:N", scale=alt.Scale(domain=["arrived", "lost"], range=[[1, 0], [4, 3]]), legend=None)
    shape = alt.Shape(
        "head:N", legend=None,
        scale=alt.Scale(domain=["right", "left", "cross"], range=["triangle-right", "triangle-left", _CROSS]),
    )  # fmt: skip
    tooltip = ["kind:N", "subject:N", "sent:N", "fate:N", "count:Q"]
    heads = base.mark_point(filled=True, size=70, opacity=1)
    return alt.layer(
        stand.mark_rule(color=ink.line, strokeWidth=1.5).encode(x=x("x"), y=y("a"), y2="b:Q"),
        base.mark_rule(strokeWidth=1.4).encode(x=x("from"), x2="end:Q", y=y("at"), color=fate, strokeDash=dash),
        heads.encode(x=x("end"), y=y("at"), color=fate, shape=shape, tooltip=tooltip),
        base.mark_text(baseline="bottom", dy=-2, fontSize=10, color=ink.text).encode(
            x=x("middle"), y=y("at"), text="text:N"
        ),
    ).properties(width=max(320, min(880, 96 * lines)), height=max(80, ARROW_PX * count))


def _times(arrows: Sequence[Row]) -> dict[float, str]:
    """When the first of each instant was sent."""
    times: dict[float, str] = {}
    last = ""
    for arrow in arrows:
        if arrow["sent"] != last:
            last = times[float(arrow["at"])] = arrow["sent"]
    return times


def _title(found: Sequence[Row]) -> str:
    lost = Counter(row["kind"] for row in found if row["is_lost"])
    total = counted(len(found), "message")
    if not lost:
        return f"{sentence(total)}, and none was lost" if found else "No messages were sent"
    kinds = listing([f"{number(count)} {kind}" if count > 1 else kind for kind, count in lost.most_common()])
    return f"{sentence(number(lost.total()))} of {total} {'was' if lost.total() == 1 else 'were'} lost: {kinds}"


def _told_of_rest(total: int, first: int, used: int) -> str:
    shown = "Who told whom what, from the top down in the order of sending"
    if used == total:
        return shown
    return f"{shown}; messages {first + 1:,} to {first + used:,} of {total:,} are drawn"
