"""Charts as files: whole in themselves, and nothing that a job wrote is more than text in them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from devstack import charts
from devstack.charts import saving
from devstack.errors import UsageError

from .conftest import executions

HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture
def hostile():
    """A chart whose every name would like to be more than a name."""
    rows = [(HOSTILE, HOSTILE, 0.0, 1.0, 5.0, "failed"), ("'];alert(2)//", '"+alert(3)+"', 0.0, 1.0, 5.0, HOSTILE)]
    return charts.gantt(executions(*rows))


def test_a_chart_is_saved_as_its_name_ends(run, tmp_path):
    """SVG and PNG; the ending may be in capitals."""
    chart = charts.waits(run(5).executions)
    assert charts.save(chart, tmp_path / "a.svg").read_text().startswith("<svg")
    assert charts.save(chart, str(tmp_path / "a.PNG")).read_bytes().startswith(b"\x89PNG")


def test_another_ending_is_refused_with_those_that_are_known(run, tmp_path):
    """And nothing is written."""
    with pytest.raises(UsageError, match=r"a\.gif: charts are saved as \.svg, \.png, \.html"):
        charts.save(charts.waits(run(5).executions), tmp_path / "a.gif")
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(run, tmp_path):
    """Without a traceback."""
    with pytest.raises(UsageError, match="cannot write .*nowhere"):
        charts.save(charts.waits(run(5).executions), tmp_path / "nowhere" / "a.svg")


def test_names_are_text_in_an_svg(hostile):
    """It parses, has no script, and no handler."""
    root = ElementTree.fromstring(saving.svg(hostile))
    assert not [one for one in root.iter() if one.tag.endswith("script")]
    assert not [name for one in root.iter() for name in one.attrib if name.lower().startswith("on")]
    assert any("</script>" in (one.text or "") for one in root.iter())


def test_names_are_text_in_a_page(hostile, monkeypatch):
    """The only scripts are ours, and no text ends one."""
    monkeypatch.setattr(saving, "_library", lambda: "")
    page = saving.html(hostile)
    assert 2 == page.count("<script>") == page.count("</script>")


def test_a_page_loads_nothing():
    """The library is in it, and its policy forbids the rest."""
    library = saving._library()
    assert "vegaEmbed" in library
    assert "</script" not in library
    assert "default-src 'none'" in saving._PAGE
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", saving._PAGE)


def test_an_svg_that_adapts_has_inks_for_dark_pages(run):
    """Only one that is asked to."""
    chart = charts.waits(run(5).executions, dark=False)
    assert "prefers-color-scheme: dark" in saving.svg(chart, adapts=True)
    assert "<style" not in saving.svg(chart)


def test_what_a_chart_says_is_its_title_and_the_lines_below(run):
    """For those who cannot see it."""
    assert saving.title_of(charts.network(run(5).nodes)).startswith("Four of five nodes are connected. Disconnected: ")
