"""How charts show themselves in notebooks."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import pytest

from devstack import charts


@pytest.fixture(autouse=True)
def usual_way() -> Iterator[None]:
    """Each test begins with Altair's own way, and leaves it so."""
    with alt.renderers.enable("default"):
        yield


def test_a_chart_of_ours_is_a_picture_with_its_answer_as_text(run):
    """No script, no other host."""
    charts.show_as_pictures()
    shown = charts.waits(run(5).executions)._repr_mimebundle_()
    assert {"image/svg+xml", "text/plain"} == set(shown)
    assert "Half of 15 jobs started within 2s, the last after 2s" in shown["text/plain"]
    assert "<script" not in shown["image/svg+xml"]


def test_other_charts_and_other_wishes_are_left_alone(run):
    """Who has chosen a way keeps it."""
    charts.show_as_pictures()
    other = alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_point().encode(x="x:Q")
    assert "text/html" in other._repr_mimebundle_()
    alt.renderers.enable("mimetype")
    charts.show_as_pictures()
    assert "mimetype" == alt.renderers.active
