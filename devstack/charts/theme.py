"""One look for all charts: Okabe and Ito's colours, which colour-blind people tell apart, on no background.

Outcomes keep their colours in all charts. What is drawn is legible on white and on near black; only the inks of texts
and lines differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import altair as alt
import attrs

__all__ = [
    "BLUE", "GREEN", "GREY", "ORANGE", "OUTCOMES", "PURPLE", "SKY", "STATES", "VERMILLION", "WIDTH", "Inks",
    "coloured", "count_axis", "data", "dressed", "inks", "labels", "time_axis",
]  # fmt: skip

# Source: M. Okabe, K. Ito, Color Universal Design, 2008; the yellow is left out, for it is lost on white.
BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8C9196"

OUTCOMES: Final[Mapping[str, str]] = {
    "completed": BLUE,
    "under way": SKY,
    "failed": VERMILLION,
    "lost": ORANGE,
    "refused": PURPLE,
    "cancelled": GREY,
}
# As the requester names them, in the order of an execution's life.
STATES: Final[Mapping[str, str]] = {
    "New": "#B9BEC4",
    "AskForBid": PURPLE,
    "AskForBidAccepted": ORANGE,
    "AskForBidRejected": "#8A4F70",
    "BidAccepted": SKY,
    "BidRejected": "#6E7479",
    "Completed": BLUE,
    "Failed": VERMILLION,
    "Cancelled": GREY,
}
WIDTH: Final = 640
_FONT: Final = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


@attrs.frozen
class Inks:
    """Colours of titles, of all other texts, of lines that only guide the eye, and of the page below."""

    title: str
    text: str
    line: str
    paper: str


_BOTH: Final = Inks("#7A7D82", "#7A7D82", "#8888884D", "#FFFFFF")
_LIGHT: Final = Inks("#1B1F24", "#4B5259", "#1B1F2424", "#FFFFFF")
_DARK: Final = Inks("#F0F3F6", "#B4BBC3", "#F0F3F62E", "#14171A")


def inks(dark: bool | None) -> Inks:
    """Those for dark pages, for light ones, or (None) for both."""
    return _BOTH if dark is None else _DARK if dark else _LIGHT


def dressed(chart: Any, title: str, subtitle: str | Sequence[str], dark: bool | None) -> Any:
    """The chart under its title, in our look."""
    ink = inks(dark)
    lines = [subtitle] if isinstance(subtitle, str) else list(subtitle)
    heading = alt.TitleParams(title, subtitle=[line for line in lines if line])
    text: dict[str, Any] = {"labelColor": ink.text, "titleColor": ink.text, "labelFontSize": 11, "titleFontSize": 11}
    return (
        chart.properties(title=heading, background="transparent", padding=12, usermeta={"paper": ink.paper})
        .configure(font=_FONT)
        .configure_view(stroke=None)
        .configure_title(
            color=ink.title, subtitleColor=ink.text, fontSize=15, fontWeight=600, subtitleFontSize=12,
            anchor="start", frame="bounds", offset=14, subtitlePadding=5, subtitleLineHeight=16,
        )
        .configure_axis(
            **text, titleFontWeight="normal", gridColor=ink.line, domainColor=ink.line, tickColor=ink.line,
            labelLimit=150,
        )
        .configure_legend(
            **text, orient="bottom", direction="horizontal", titleFontWeight="normal", offset=14,
            columnPadding=14, labelLimit=220, columns=6,
        )
        .configure_header(**text, titleFontWeight="normal", labelFontWeight=600)
    )  # fmt: skip


def data(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Rows that are part of the chart."""
    return alt.InlineData(values=list(rows))


def coloured(
    field: str,
    colours: Mapping[str, str],
    present: Iterable[str],
    *,
    legend: bool = True,
    is_line: bool = False,
) -> Any:
    """The field's colour; the legend has what is present, in the order of the colours, and grey for the unknown."""
    there = set(present)
    domain = [name for name in colours if name in there] + sorted(there - set(colours))
    shown = alt.Legend(title=None, symbolType="stroke" if is_line else "square") if legend else None
    scale = alt.Scale(domain=domain, range=[colours.get(name, GREY) for name in domain])
    return alt.Color(f"{field}:N", scale=scale, legend=shown)


# ---- axes --------------------------------------------------------------------------------------------------

_STEPS_S: Final = (
    *(factor * 10.0**power for power in range(-6, 0) for factor in (1, 2, 5)),
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
)  # fmt: skip
_MOST_TICKS: Final = 9
_UNITS: Final = ((3600, 3600, "h"), (60, 60, "min"), (0.1, 1, "s"), (0, 0.001, "ms"))  # From which step on.


def time_axis(begin_s: float, end_s: float, *, labels: bool = True) -> dict[str, Any]:
    """Scale and axis of an x that shows seconds, in a unit that suits the span."""
    end_s = max(end_s, begin_s + 1e-6)
    span = end_s - begin_s
    step = next((step for step in _STEPS_S if span / step <= _MOST_TICKS), span / _MOST_TICKS)
    scale, unit = next((scale, unit) for least, scale, unit in _UNITS if step >= least)
    first = -int(-begin_s // step)
    values = [at * step for at in range(first, int(end_s // step) + 1)]
    axis = alt.Axis(
        values=values, labelExpr=f"format(datum.value / {scale}, '.6~g') + ' {unit}'", title=None, grid=True,
        labels=labels, labelFlush=False,
    )  # fmt: skip
    return {"scale": alt.Scale(domain=[begin_s, end_s], nice=False, zero=False), "axis": axis}


def count_axis(title: str, most: float) -> alt.Axis:
    """A y axis of whole things, up to `most` of them."""
    return alt.Axis(title=title, format=",d", tickCount=max(1, min(6, int(most))))


def labels(names: Mapping[float, str]) -> alt.Axis:
    """A y axis that shows a name at each of these positions."""
    # JSON is a literal of the expression language, too, so that no name can be anything but text.
    places, texts = json.dumps(list(names)), json.dumps(list(names.values()))
    return alt.Axis(
        values=list(names), labelExpr=f"{texts}[indexof({places}, datum.value)]", title=None, grid=False, ticks=False,
        domain=False, labelPadding=8,
    )  # fmt: skip
