"""The cluster as a picture: the requester in the middle, around it the nodes, and how each of them is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
from pandas import DataFrame

from devstack.charts import theme
from devstack.charts.table import Row, rows
from devstack.charts.words import counted, in_order, listing, name_of, number, sentence

__all__ = ["network"]

MOST_IN_A_RING: Final = 24
MOST_NAMES: Final = 12
SIZE: Final = 420
_GOLDEN_ANGLE: Final = math.pi * (3 - math.sqrt(5))
_HEALTH: Final[Mapping[str, str]] = {
    "connected": theme.BLUE,
    "disconnected": theme.VERMILLION,
    "waits for approval": theme.ORANGE,
    "rejected": theme.GREY,
}
_SHAPES: Final = ("circle", "cross", "triangle-up", "square")


def network(
    nodes: DataFrame,
    executions: DataFrame | None = None,
    *,
    requester: str = "node-0",
    dark: bool | None = None,
) -> Any:
    """Nodes by health; the more programs run on a node, the bigger it is. Those in trouble have their names."""
    found = {row["node"]: row for row in rows(nodes)}
    running = Counter(
        row["node"] for row in rows(executions) if row["started_s"] is not None and row["ended_s"] is None
    )
    names = in_order(found)
    points = [
        {
            **_place(at, len(names)), "node": name, "health": health_of(found[name]), "running": running[name],
            "name": name_of(name), "cores": found[name]["cpu"],
        }
        for at, name in enumerate(names)
    ]  # fmt: skip
    return theme.dressed(_drawn(points, requester, dark), *_told(points, running), dark)


def health_of(row: Row) -> str:
    """One word for membership and connection."""
    membership = str(row["membership"]).upper()
    if membership != "APPROVED":
        return "rejected" if membership == "REJECTED" else "waits for approval"
    return "connected" if str(row["connection"]).upper() == "CONNECTED" else "disconnected"


def _place(at: int, count: int) -> dict[str, float]:
    """On a ring, or, of many, as seeds in a sunflower: evenly, around the requester."""
    if count <= MOST_IN_A_RING:
        angle, radius = 2 * math.pi * at / max(1, count) - math.pi / 2, 1.0
    else:
        radius, angle = math.sqrt((at + 0.02 * count + 1) / (1.02 * count)), at * _GOLDEN_ANGLE
    return {"x": radius * math.cos(angle), "y": -radius * math.sin(angle)}


def _drawn(points: Sequence[Row], requester: str, dark: bool | None) -> Any:
    ink = theme.inks(dark)
    is_ring = len(points) <= MOST_IN_A_RING
    scale = alt.Scale(domain=[-1.22, 1.22], nice=False, zero=False)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=None)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=scale, axis=None)

    base = alt.Chart(theme.data({**point, "cx": 0, "cy": 0} for point in points))
    colour = theme.coloured("health", _HEALTH, {point["health"] for point in points})
    shape = alt.Shape("health:N", scale=alt.Scale(domain=list(_HEALTH), range=list(_SHAPES)), legend=None)
    most = max((point["running"] for point in points), default=0)
    small, large = (170, 900) if is_ring else (max(12, 14000 / len(points)), max(60, 50000 / len(points)))
    size = alt.Size("running:Q", scale=alt.Scale(domain=[0, max(1, most)], range=[small, large]), legend=None)
    dash = alt.StrokeDash(
        "health:N", legend=None, scale=alt.Scale(domain=list(_HEALTH), range=[[1, 0], [3, 4], [6, 4], [1, 5]])
    )
    layers = []
    if is_ring:
        links = base.mark_rule(strokeWidth=1.2)
        layers.append(links.encode(x=x("cx"), y=y("cy"), x2="x:Q", y2="y:Q", color=colour, strokeDash=dash))
    tooltip = ["node:N", "health:N", "running:Q", "cores:Q"]
    layers.append(
        base.mark_point(filled=True, opacity=1).encode(
            x=x("x"), y=y("y"), color=colour, shape=shape, size=size, tooltip=tooltip
        )
    )
    layers += _names([point for point in points if is_ring or point["health"] != "connected"], is_ring, x, y, dark)
    middle = alt.Chart(theme.data([{"x": 0, "y": 0, "name": name_of(requester)}])).encode(x=x("x"), y=y("y"))
    layers += [
        middle.mark_point(filled=True, size=520, shape="diamond", color=ink.title, opacity=1),
        middle.mark_text(dy=-20, fontSize=11, fontWeight=600, color=ink.title).encode(text="name:N"),
    ]
    return alt.layer(*layers).properties(width=SIZE, height=SIZE)


def _names(points: Sequence[Row], is_ring: bool, x: Any, y: Any, dark: bool | None) -> list[Any]:
    if not is_ring and len(points) > MOST_NAMES:
        return []
    for point in points:
        point["text"] = point["name"] + (f" · {point['running']} run" if point["running"] and is_ring else "")
    # Above those in the upper half, below the others: so that no link runs through a name.
    away = 24 if is_ring else 13
    base, ink = alt.Chart(theme.data(points)), theme.inks(dark).text
    return [
        base.transform_filter(half).mark_text(dy=dy, fontSize=10, color=ink).encode(x=x("x"), y=y("y"), text="text:N")
        for half, dy in (("datum.y > 0", -away), ("datum.y <= 0", away))
    ]


def _told(points: Sequence[Row], running: Counter[str]) -> tuple[str, list[str]]:
    health = Counter(point["health"] for point in points)
    if not points:
        return "The requester knows no nodes", []
    if health["connected"] == len(points):
        title = f"All {counted(len(points), 'node')} are connected" if len(points) > 1 else "The node is connected"
    else:
        title = f"{sentence(number(health['connected']))} of {counted(len(points), 'node')} "
        title += "is connected" if health["connected"] == 1 else "are connected"
    told = []
    for word in ("disconnected", "waits for approval", "rejected"):
        names = [point["name"] for point in points if point["health"] == word]
        if names:
            told.append(f"{word}: {listing(names)}")
    load = f"{sentence(counted(running.total(), 'program'))} run{'s' if running.total() == 1 else ''} now"
    return title, [sentence("; ".join(told)), f"{load}; the bigger a node, the more run on it"]
