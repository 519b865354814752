"""Faults as bands: behind the rows that they were on, or behind a chart over time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import altair as alt
from pandas import DataFrame

from devstack.charts import theme
from devstack.charts.table import Row, rows
from devstack.charts.words import name_of

__all__ = ["MOST_NAMES", "SHORTEST", "areas", "edges", "spans", "struck"]

MOST_NAMES: Final = 12
SHORTEST: Final = 1 / 400  # Of the whole span: so long is drawn what took no time, that it can be seen.


class Places(Protocol):
    """Rows of a chart: where each is."""

    @property
    def places(self) -> Mapping[str, tuple[float, float]]: ...
    @property
    def height(self) -> float: ...
    def y(self, field: str) -> Any: ...


def struck(faults: Sequence[Row], layout: Places, end_s: float) -> list[Row]:
    """A band for each fault and row that it was on; one that was on none of them was on all."""
    found = []
    for row in faults:
        about = {"begin": row["begin_s"], "end": _end(row, end_s), "fault": row["word"]}
        on = [name for name in re.findall(r"[\w.-]+", row["target"] or "") if name in layout.places]
        for top, bottom in [layout.places[name] for name in on] or [(0.0, layout.height)]:
            found.append({**about, "top": top, "bottom": bottom, "on": name_of(row["target"] or "all")})
    return found if len(found) <= MOST_NAMES else _merged(found)


def areas(bands: Sequence[Row], layout: Places, x: Mapping[str, Any]) -> list[Any]:
    """Behind what is drawn."""
    if not bands:
        return []
    mark = alt.Chart(theme.data(bands)).mark_rect(color=theme.VERMILLION, opacity=0.2, clip=True)
    y = layout.y("top")
    return [mark.encode(x=alt.X("begin:Q", **x), x2="end:Q", y=y, y2="bottom:Q", tooltip=["fault:N", "on:N"])]


def edges(bands: Sequence[Row], layout: Places, x: Mapping[str, Any], end_s: float, dark: bool | None) -> list[Any]:
    """Where bands begin, over what is drawn, and their names above it: there nothing lies on them."""
    if not 0 < len(bands) <= MOST_NAMES:
        return []
    begin, y = alt.X("begin:Q", **x), layout.y("top")
    rule = alt.Chart(theme.data(bands)).mark_rule(color=theme.VERMILLION, strokeDash=[3, 2], strokeWidth=1.4, clip=True)
    named: dict[float, dict[str, None]] = {}
    for band in bands:
        named.setdefault(band["begin"], {})[band["fault"]] = None
    texts = [{"begin": at, "text": ", ".join(words), "top": 0.0} for at, words in named.items()]
    layers = [rule.encode(x=begin, y=y, y2="bottom:Q")]
    # Late ones are named to the left, or they would be cut off.
    late = f"datum.begin > {end_s * 0.85!r}"
    sides: list[tuple[str, Any, int]] = [(f"!({late})", "left", 2), (late, "right", -2)]
    for side, align, dx in sides:
        base = alt.Chart(theme.data(texts)).transform_filter(side)
        mark = base.mark_text(align=align, baseline="bottom", dx=dx, dy=-3, fontSize=10, color=theme.inks(dark).text)
        layers.append(mark.encode(x=begin, y=y, text="text:N"))
    return layers


def spans(faults: DataFrame | None, end_s: float) -> list[Any]:
    """Behind a chart over time; those that overlap are one."""
    found = [{"begin": row["begin_s"], "end": _end(row, end_s), "top": 0, "bottom": 0} for row in rows(faults)]
    if not found:
        return []
    mark = alt.Chart(theme.data(_merged(found))).mark_rect(color=theme.VERMILLION, opacity=0.13, clip=True)
    return [mark.encode(x=alt.X("begin:Q", **theme.time_axis(0.0, end_s)), x2="end:Q")]


def _end(fault: Row, end_s: float) -> float:
    end = end_s if fault["end_s"] is None else float(fault["end_s"])
    return max(end, float(fault["begin_s"]) + end_s * SHORTEST)


def _merged(bands: Sequence[Row]) -> list[Row]:
    """Bands of one row that overlap as one: many of them over each other would hide what is behind."""
    merged: list[Row] = []
    for band in sorted(bands, key=lambda row: (row["top"], row["bottom"], row["begin"])):
        last = merged[-1] if merged else None
        if last and (last["top"], last["bottom"]) == (band["top"], band["bottom"]) and band["begin"] <= last["end"]:
            merged[-1] = {**last, "end": max(last["end"], band["end"])}
        else:
            merged.append(band)
    return merged
