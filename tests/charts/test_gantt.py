"""Bars of executions: titles, rows, and what is left out of many."""

from __future__ import annotations

import pytest

from devstack.charts.gantt import MOST_BARS, gantt

from .conftest import executions, faults, rows_with, spec


def said(chart) -> list[str]:
    title = spec(chart)["title"]
    return [title["text"], *title["subtitle"]]


@pytest.mark.parametrize(
    ("nodes", "title"),
    [
        (["node-2"] * 3 + ["node-1"] * 2, "Three of five executions ran on node-2"),
        (["node-1", "node-2", "node-3"], "Three executions ran on three of three nodes, one on each"),
        (["node-1"], "One execution ran, on node-1"),
        (["node-1"] * 13, "13 executions ran, all on node-1"),
        (["a"] * 2 + ["b"] * 2 + ["c"], "Five executions ran on three of three nodes, at most two on each"),
    ],
)
def test_the_title_says_where_the_work_went(nodes, title):
    """Who had most, or how even it was."""
    rows = [(f"j-{at}", node, 0.0, 1.0, 5.0, "completed") for at, node in enumerate(nodes)]
    assert title == said(gantt(executions(*rows)))[0]


def test_an_execution_is_pale_while_it_waits_and_solid_while_it_runs():
    """Two bars that meet where its program starts."""
    found = rows_with(gantt(executions(("j", "n", 1.0, 3.0, 9.0, "failed"))), "part")
    assert [("waits", 1.0, 3.0), ("runs", 3.0, 9.0)] == [(row["part"], row["begin"], row["end"]) for row in found]


def test_what_is_under_way_reaches_to_the_end():
    """That of the frames, or the one that is given."""
    found = rows_with(gantt(executions(("j", "n", 0.0, 1.0, None, "")), until_s=50.0), "part")
    assert [50.0] == [row["end"] for row in found if row["part"] == "runs"]


def test_a_fault_is_told_and_lies_behind_the_row_of_its_node():
    """With from when to when."""
    rows = [("j", node, 0.0, 1.0, 99.0, "completed") for node in ("node-1", "node-2")]
    chart = gantt(executions(*rows), faults(("crash", "node-2", 30.0, 60.0)))
    assert "Red band: crash on node-2 from 30s to 1m0s" == said(chart)[2]
    assert {(1.35, 2.35)} == {(row["top"], row["bottom"]) for row in rows_with(chart, "on")}


def test_of_too_many_executions_those_that_went_wrong_are_drawn():
    """And the subtitle says how many are not."""
    rows = [
        (f"j-{at}", f"node-{at % 300}", 0.0, 1.0, 5.0, "failed" if at % 100 == 0 else "completed")
        for at in range(MOST_BARS + 500)
    ]
    chart = gantt(executions(*rows))
    assert 35 == sum(row["outcome"] == "failed" and row["part"] == "runs" for row in rows_with(chart, "part"))
    assert "500 of 3,500 executions, all completed, are not drawn" == said(chart)[-1]
    assert "Each line is two nodes; what went wrong lies on top" in said(chart)
