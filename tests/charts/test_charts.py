"""What holds for every chart: its title answers, it is drawn at any size, and looks the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from devstack import charts
from devstack.charts import saving, theme

from .conftest import spec, values_of

EVERY: dict[str, Callable[..., Any]] = {
    "gantt by node": lambda run, **o: charts.gantt(run.executions, run.faults, **o),
    "gantt by job": lambda run, **o: charts.gantt(run.executions, run.faults, by="job", **o),
    "capacity": lambda run, **o: charts.capacity(run.capacity, faults=run.faults, **o),
    "queue": lambda run, **o: charts.queue(run.queue, faults=run.faults, **o),
    "states": lambda run, **o: charts.states(run.changes, **o),
    "sequence": lambda run, **o: charts.sequence(run.messages, **o),
    "network": lambda run, **o: charts.network(run.nodes, run.executions, **o),
    "waits": lambda run, **o: charts.waits(run.executions, **o),
    "comparison": lambda run, **o: charts.comparison(run.executions, run.executions, ("this", "that"), **o),
}
TITLES_AT_FIVE = {
    "gantt by node": "15 executions ran on five of five nodes, three on each",
    "gantt by job": "Of 15 jobs, j-12 took longest: 42s, with one execution",
    "capacity": "No node was out of CPU: the fullest, node-1, had 75 % in use",
    "queue": "14 executions waited at most, 2s after the beginning",
    "states": "Eleven of 15 executions completed",
    "sequence": "One of 15 messages was lost: AskForBid",
    "network": "Four of five nodes are connected",
    "waits": "Half of 15 jobs started within 2s, the last after 2s",
    "comparison": "“that” went as “this” did",
}


@pytest.mark.parametrize("name", EVERY)
def test_the_title_answers_what_the_chart_is_looked_at_for(run, name):
    """With numbers of this run."""
    assert TITLES_AT_FIVE[name] == spec(EVERY[name](run(5)))["title"]["text"]


@pytest.mark.parametrize("name", EVERY)
def test_no_chart_of_five_hundred_nodes_has_more_names_than_can_be_read(run, name):
    """And it has a size that fits a page."""
    found = spec(EVERY[name](run(500)))
    for axis in values_of(found, "axis"):
        assert len((axis or {}).get("values", [])) <= 50
    assert all(height <= 900 for height in values_of(found, "height") if isinstance(height, int | float))
    assert len(json.dumps(found)) < 3_000_000


@pytest.mark.parametrize("name", EVERY)
def test_a_run_in_which_nothing_happened_is_a_chart_too(run, name):
    """Its title says so."""
    chart = EVERY[name](run(5).emptied())
    assert spec(chart)["title"]["text"]
    assert saving.svg(chart).startswith("<svg")


@pytest.mark.parametrize("dark", [None, False, True])
def test_every_ink_can_be_read_on_its_page(dark):
    """4.5 to 1 for crisp inks, 4 to 1 for those of both pages."""
    ink = theme.inks(dark)
    pages = {None: ("#FFFFFF", "#14171A"), False: ("#FFFFFF",), True: ("#14171A",)}[dark]
    for page in pages:
        for text in (ink.title, ink.text):
            assert contrast(text, page) >= (4 if dark is None else 4.5)


@pytest.mark.parametrize("colour", [*theme.OUTCOMES.values(), theme.GREEN])
def test_every_colour_of_an_outcome_can_be_seen_on_light_and_dark(colour):
    """As areas, which need less than texts; orange is the palest on white."""
    assert contrast(colour, "#FFFFFF") >= 2.2
    assert contrast(colour, "#14171A") >= 3


def test_outcomes_differ_for_those_who_do_not_tell_red_from_green():
    """What is left to them is how yellow or blue, and how bright, a colour is."""
    seen = [(red * 0.57 + green * 0.43, float(blue)) for red, green, blue in map(rgb, theme.OUTCOMES.values())]
    pairs = [(one, other) for at, one in enumerate(seen) for other in seen[:at]]
    assert min(abs(one[0] - other[0]) + abs(one[1] - other[1]) for one, other in pairs) >= 30


@pytest.mark.parametrize("name", EVERY)
def test_charts_have_no_background_and_the_inks_that_were_asked_for(run, name):
    """So that they can stand on any page."""
    found = spec(EVERY[name](run(5), dark=True))
    assert "transparent" == found["background"]
    assert theme.inks(True).title == found["config"]["title"]["color"]


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def contrast(one: str, other: str) -> float:
    """Source: WCAG 2.1, contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [part / 255 for part in rgb(colour)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
