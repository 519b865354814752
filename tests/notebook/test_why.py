"""Why a job went where it did, as a table."""

from __future__ import annotations

import pytest

from devstack import batch, crash, noop
from devstack.errors import ConflictError
from devstack.notebook import simulate


def test_a_row_a_node_and_a_column_a_ranker():
    """The ranks add up to the total; the change that flips it comes last."""
    lab = simulate(3, shapes={"node-2": {"labels": {"region": "eu"}}})
    job = lab.submit(batch(noop(), where="region=eu"))
    lab.run("1s")
    table = lab.why(job).table.set_index("node")
    assert [True, False, False] == list(table.loc[["node-2", "node-1", "node-3"], "chosen"])
    rules = table.loc["node-2"].drop(["chosen", "rank", "reason", "would be chosen with"])
    assert table.loc["node-2", "rank"] == sum(rules)
    assert "refused" == table.loc["node-1", "labels"]
    assert "the label region=eu" in table.loc["node-1", "would be chosen with"]


def test_a_retry_says_what_came_before():
    """And an earlier instant has the earlier choice."""
    lab = simulate(3)
    job = lab.submit(batch(noop(runs_for="2m")))
    lab.run("1s")
    first = lab.why(job)
    lab.inject(crash(first.chosen[0]))
    lab.run("5m")
    assert 1 == len(lab.why(job).because)
    assert first.chosen == job.why(at="10s").chosen != lab.why(job).chosen
    assert "after" in str(lab.why(job))


def test_a_job_that_found_no_node_is_explained_too():
    """Every node with what it lacks."""
    lab = simulate(2)
    job = lab.submit(batch(noop(), cpu="6"))
    lab.run("1s")
    why = lab.why(job)
    assert ([], 2) == (why.chosen, len(why.table))
    assert "found no node" in repr(why)
    assert all("2 CPU higher" in text for text in why.table["would be chosen with"])


def test_before_any_choice_there_is_nothing_to_explain():
    """It says what to do."""
    lab = simulate(2)
    job = lab.submit(batch(noop()))
    with pytest.raises(ConflictError, match="no nodes were looked at"):
        lab.why(job)


def test_the_change_that_is_named_flips_the_choice():
    """Applied to a fork, it does."""
    lab = simulate(2, shapes={"node-1": {"cpu": 2}, "node-2": {"cpu": 1}}, rank_randomness=0)
    job = lab.submit(batch(noop(), cpu="2"))
    lab.run("1s")
    assert ["node-1"] == job.nodes_used
    other = lab.fork(at=0, later=False)
    other.change_node("node-2", cpu=4)
    other.run("61s")  # Until the node has told the requester.
    again = other.submit(batch(noop(), cpu="2"))
    other.run("1s")
    assert ["node-2"] == again.nodes_used


def test_a_choice_that_is_kept_no_longer_can_be_had_in_the_past(monkeypatch):
    """The error says where to look."""
    monkeypatch.setattr("devstack.explain.choices._MOST_CHOICES", 2)
    lab = simulate(2)
    jobs = []
    for _ in range(4):
        jobs.append(lab.submit(batch(noop())))
        lab.run("10s")
    with pytest.raises(ConflictError, match="kept no longer") as caught:
        lab.why(jobs[1])
    assert "lab.fork(at=11)" in caught.value.hint
    assert jobs[1].nodes_used == lab.fork(at=11).why(jobs[1]).chosen
