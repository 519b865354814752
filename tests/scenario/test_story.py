"""The story of a run."""

from __future__ import annotations

import pytest

from devstack.scenario.load import load_one
from devstack.scenario.run import RunOptions, run
from devstack.scenario.story import Line, Storyteller, fold, render, tell, time_text


@pytest.fixture
def story(lost_node) -> list[str]:
    tellers: list[Storyteller] = []
    outcome = run(load_one(str(lost_node)), RunOptions(watch=lambda cluster: tellers.append(Storyteller(cluster))))
    assert outcome.is_passed, outcome.message
    return render(tell(outcome.records, tellers[0].notes)).splitlines()


def test_a_small_scenario_is_told_in_a_screen_or_two(story):
    """Routine is folded away."""
    assert 10 < len(story) < 60
    assert not any("Heartbeat" in line or "UpdateResources" in line for line in story)


def test_it_tells_when_where_what_and_why(story):
    """Job, placement with its reason, fault, loss, retry elsewhere, end."""
    text = "\n".join(story)
    for words in ("takes batch job 'first' of 3", "places ", "best of 5 that suit, of 5", "starts the program",
                  "loses its power", "hears no more of", "places again", "has completed", "is Completed"):  # fmt: skip
        assert words in text
    assert any(line.lstrip().startswith("+30.00") and "loses its power" in line for line in story)


def test_a_watcher_changes_nothing(lost_node):
    """The digest is the same with a story and without."""
    scenario = load_one(str(lost_node))
    assert run(scenario).digest == run(scenario, RunOptions(watch=lambda cluster: Storyteller(cluster))).digest


def test_records_alone_tell_a_story_too(lost_node):
    """Without a Storyteller: no reasons, but what happened."""
    text = render(tell(run(load_one(str(lost_node))).records))
    assert "takes job j-" in text
    assert "is Completed" in text


def test_the_same_at_one_instant_is_one_line():
    """Machines and subjects are joined."""
    lines = [Line(5, f"node-{n}", "bids", (f"e-{n}",)) for n in (1, 2, 4)]
    assert [Line(5, "node-1,2,4", "bids", ("e-1", "e-2", "e-4"))] == fold(lines)


def test_what_is_repeated_is_told_once_with_how_often():
    """An answer that does not come."""
    lines = [Line(n * 10**9, "node-0", "nobody answers X", ("e-1",)) for n in (1, 2, 3)]
    assert ["nobody answers X (3 times, until +3.000s)"] == [line.text for line in fold(lines)]


def test_colours_come_only_when_asked_for():
    """Escape codes would trouble a pipe."""
    lines = [Line(0, "node-1", "loses its power", mood="fault")]
    assert "\x1b" not in render(lines)
    assert "\x1b[35m" in render(lines, colour=True)


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "+0.000s"), (83_456_000_000, "+1m23.456s"), (3_600_000_000_000, "+1h00m00.000s"), (-1_500_000_000, "-1.500s")],
)
def test_time_is_counted_from_the_beginning(ns, text):
    """Virtual time to the millisecond."""
    assert text == time_text(ns)
