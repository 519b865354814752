"""Charts get the tables of their lab, and draw up to now."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from devstack import batch, noop
from devstack.notebook import simulate
from tests.notebook.test_frames import COLUMNS

CHARTS = ("gantt", "capacity", "queue", "states", "sequence", "network", "waits", "comparison")
TABLES = {
    "gantt": ("gantt", ["executions", "faults"], True),
    "capacity": ("capacity", ["capacity"], True),
    "queue": ("queue", ["queue"], True),
    "states": ("states", ["changes"], True),
    "messages": ("sequence", ["messages"], False),
    "graph": ("network", ["nodes", "executions"], False),
    "waits": ("waits", ["executions"], False),
}


@pytest.fixture(autouse=True)
def charts(monkeypatch) -> None:
    """Charts that only say what they are given."""

    def chart(name: str) -> Any:
        return lambda *tables, **options: (name, tables, options)

    fake = SimpleNamespace(show_as_pictures=lambda: None, **{name: chart(name) for name in CHARTS})
    monkeypatch.setitem(sys.modules, "devstack.charts", fake)


@pytest.mark.parametrize("method", TABLES)
def test_a_chart_is_drawn_from_the_labs_tables(method):
    """With the columns that it is promised."""
    lab = simulate(2)
    lab.submit(batch(noop(runs_for="1m")))
    lab.run("2m")
    name, tables, until_now = TABLES[method]
    drawn, given, options = getattr(lab, method)(dark=True)
    assert name == drawn
    assert [COLUMNS[table].split() for table in tables] == [list(one.columns) for one in given if one is not None]
    assert options["dark"]
    assert until_now == (options.get("until_s") == 120.0)


def test_an_option_of_the_person_wins():
    """Of the instant, too."""
    _, _, options = simulate(2).gantt(until_s=5.0, nodes=["node-2"])
    assert (5.0, ["node-2"]) == (options["until_s"], options["nodes"])


def test_two_labs_are_drawn_by_their_names():
    """Told apart."""
    lab = simulate(1)
    name, given, _ = lab.compare(simulate(1)).chart()
    assert ("comparison", ("this run", "other run")) == (name, given[2])


def test_jobs_are_drawn_by_their_names():
    """But for those that share one."""
    lab = simulate(1)
    jobs = [lab.submit(batch(noop(), name=name)) for name in ("one", "two", "two", "")]
    lab.run("1m")
    _, (executions, _), _ = lab.gantt()
    assert {"one", *(job.id for job in jobs[1:])} == set(executions["job"])
