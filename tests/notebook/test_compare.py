"""Two lives side by side."""

from __future__ import annotations

from devstack import batch, crash, noop
from devstack.notebook import simulate


def test_the_same_life_has_no_difference():
    """And says so."""
    lab = simulate(2)
    lab.submit(batch(noop(runs_for="1m")))
    lab.run("2m")
    found = lab.compare(lab.fork(at="30s").run("90s"))
    assert (True, "") == (found.is_same, found.difference)
    assert {0.0} == set(found.figures["difference"])
    assert "the same, event by event" in repr(found)


def test_two_futures_part_at_their_first_different_event():
    """Then come the figures of both, and what they differ by."""
    lab = simulate(3)
    job = lab.submit(batch(noop(runs_for="2m")))
    lab.run("10m")
    other = lab.fork(at="30s", name="without its node")
    other.inject(crash(job.nodes_used[0]))
    other.run("570s")
    found = lab.compare(other)
    assert "inject crash" in found.difference
    assert "at +30.000s" in found.difference
    table = found.figures.set_index("figure")
    assert ["unit", "run", "without its node", "difference"] == list(table.columns)
    assert table.loc["makespan", "difference"] > 0
    assert table.loc["wasted", "without its node"] > 0


def test_labs_of_one_name_are_told_apart():
    """This one, and the other."""
    lab = simulate(1)
    assert ["this run", "other run"] == list(lab.compare(simulate(1, seed=2)).figures.columns[2:4])
