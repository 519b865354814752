"""Checkers beside a cluster that somebody uses."""

from __future__ import annotations

from devstack.checkers import LiveCheckers
from devstack.checkers.checkers import MOST_OF_A_CHECKER
from devstack.checkers.transitions import TransitionChecker
from devstack.compute.capacity import RunningTracker
from devstack.models.gotext import rfc3339
from devstack.models.job import JobState
from devstack.scenario.builders import batch, noop, service
from tests.checkers.planting import SECOND_NS, cluster_of, submit


def test_a_violation_is_one_line_with_time_rule_and_what_happened(monkeypatch):
    """As soon as it shows."""
    monkeypatch.setattr(RunningTracker, "give_back", lambda tracker, granted: None)
    lines: list[str] = []
    cluster = cluster_of(1)
    checkers = LiveCheckers(cluster, warn=lines.append)
    for _ in range(2):
        submit(cluster, batch(noop(runs_for="1s")))
        cluster.run_for(5 * SECOND_NS)
    at_ns = checkers.violations[0].time_ns
    rule = "capacity books: what a node counts as running is what it has granted and not taken back"
    assert f"{rfc3339(at_ns)} {rule}" == lines[0].partition(": it counts")[0]
    assert len(checkers.violations) == len(lines)


def test_one_broken_rule_does_not_flood(monkeypatch):
    """After some lines it is only counted, and other rules still get theirs."""
    monkeypatch.setattr(RunningTracker, "give_back", lambda tracker, granted: None)
    lines: list[str] = []
    cluster = cluster_of(1)
    checkers = LiveCheckers(cluster, warn=lines.append)
    for _ in range(3 * MOST_OF_A_CHECKER):
        submit(cluster, service(noop(runs_for="1s"), cpu="0.1", memory="1Mb"))
        cluster.run_for(30 * SECOND_NS)
    assert MOST_OF_A_CHECKER == sum("capacity books:" in line for line in lines)
    assert ["what else is found of 'capacity books' is only counted"] == [
        line for line in lines if "only counted" in line
    ]
    assert checkers.unlisted["capacity books"] > MOST_OF_A_CHECKER
    record = submit(cluster, batch(noop(runs_for="1h"), cpu="0.1", memory="1Mb"))
    record.revision = 7
    cluster.requester.store.update_job(record, JobState.QUEUED, record.history[0].event, cluster.now_ns)
    cluster.run_for(SECOND_NS)
    assert any("legal transitions:" in line for line in lines)


def test_what_programs_say_does_not_reach_the_terminal_as_it_is(monkeypatch):
    """A line is one line, without signs that a terminal would obey."""

    def fail(checker, now_ns, entry):
        raise ValueError("\x1b[2Jit\nnever")

    monkeypatch.setattr(TransitionChecker, "saw_job", fail)
    lines: list[str] = []
    cluster = cluster_of(1)
    LiveCheckers(cluster, warn=lines.append)
    submit(cluster, batch(noop()))
    cluster.run_for(SECOND_NS)
    assert ["ValueError:  [2Jit never"] == [line.partition("any more: ")[2] for line in lines]


def test_a_checker_that_fails_does_not_cost_the_cluster(monkeypatch):
    """It is told, once, and nobody looks on any more."""

    def fail(checker, now_ns, entry):
        raise KeyError("oops")

    monkeypatch.setattr(TransitionChecker, "saw_job", fail)
    lines: list[str] = []
    cluster = cluster_of(1)
    checkers = LiveCheckers(cluster, warn=lines.append)
    for _ in range(2):
        record = submit(cluster, batch(noop(runs_for="1s")))
    cluster.run_for(10 * SECOND_NS)
    assert JobState.COMPLETED is record.state
    assert ["checkers: no rule is checked any more: KeyError: 'oops'"] == [str(one) for one in checkers.violations]
    assert 1 == len(lines)
