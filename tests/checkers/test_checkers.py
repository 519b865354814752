"""All checkers together."""

from __future__ import annotations

from collections import Counter

import pytest

from devstack.behaviour import parse
from devstack.checkers import Checkers, Violation
from devstack.checkers.checkers import MOST_OF_A_CHECKER
from devstack.checkers.settling import quiet_ns
from devstack.compute.capacity import RunningTracker
from devstack.faults import duplicate_node
from devstack.faults.engine import FaultEngine
from devstack.scenario.builders import batch, noop, service
from tests.checkers.mixed import Mix, build, mixed, plan
from tests.checkers.planting import SECOND_NS, cluster_of, submit

MIXES = {
    "plain": Mix(),
    "timeouts": Mix(timeouts=True),
    "crowded": Mix(crowded=True, timeouts=True),
}


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
@pytest.mark.parametrize("seed", range(20))
def test_ordinary_runs_violate_nothing(seed, mix):
    """With documented behaviour all checkers hold, whatever fails."""
    _, checkers = mixed(seed, mix)
    assert checkers is not None
    assert [] == [str(violation) for violation in checkers.violations]


@pytest.mark.parametrize(
    "switch",
    [
        "daemon-never-returns-to-node",
        "failed-cancel-never-resent",
        "long-running-never-restarted",
        "lost-ask-counts-as-pending",
        "ops-failure-without-message",
        "queued-cancel-keeps-slot",
        "restart-forgets-queued",
    ],
)
def test_ordinary_runs_find_a_known_bug(switch):
    """A bug of v1.4.0 that is switched on violates something within a few dozen seeds."""
    behaviour = parse(["documented", switch])
    mixes = list(MIXES.values())
    runs = (mixed(seed, mixes[seed % 3], behaviour=behaviour)[1] for seed in range(60))
    assert any(checkers is not None and checkers.violations for checkers in runs)


@pytest.mark.parametrize("seed", range(3))
def test_checkers_change_nothing(seed):
    """A run with checkers is the run without them, up to its quiet time."""
    traces = []
    for checked in (True, False):
        cluster, _ = mixed(seed, Mix(), checked=checked, settles=False)
        traces.append(cluster.kernel.trace.digest())
    assert traces[0] == traces[1]


def test_settling_takes_no_time_when_all_is_quiet():
    """A run that ends in peace ends there: nothing more happens, and the digest stays as it is."""
    cluster = cluster_of(2)
    checkers = Checkers(cluster)
    submit(cluster, batch(noop(runs_for="1s")))
    submit(cluster, service(noop(runs_for="1h")))
    cluster.run_for(10 * SECOND_NS)
    before = cluster.now_ns, cluster.kernel.trace.digest()
    checkers.settle()
    assert before == (cluster.now_ns, cluster.kernel.trace.digest())
    assert [] == checkers.violations


class Faults:
    def __init__(self, end_ns):
        self._end_ns = end_ns

    def end_ns(self):
        return self._end_ns


def test_settling_waits_for_the_end_of_faults():
    """What must hold in the end must hold once all faults are over."""
    cluster = cluster_of(2)
    end_ns = cluster.now_ns + 600 * SECOND_NS
    Checkers(cluster, Faults(end_ns)).settle()
    assert end_ns == cluster.now_ns


@pytest.mark.parametrize("end_ns", [None, 2**62])
def test_faults_without_end_ask_for_nothing(end_ns):
    """As long as faults go on, nothing can be asked of what is still open."""
    cluster = cluster_of(1)
    checkers = Checkers(cluster, Faults(end_ns))
    submit(cluster, service(noop(runs_for="1h")))
    before_ns = cluster.now_ns
    checkers.settle()
    assert [] == checkers.violations
    assert before_ns == cluster.now_ns


def test_a_requester_that_loses_its_store_violates_nothing():
    """What it knew is void; what its nodes still do nobody can ask it for."""
    cluster = build(0)
    checkers = Checkers(cluster)
    start_ns = cluster.now_ns
    for number, (after_ns, act) in enumerate(plan(cluster, Mix(faults=0))):
        cluster.run_until(start_ns + after_ns)
        act()
        if number == 12:
            cluster.restart("node-0", forget=True)
    checkers.settle()
    assert [] == [str(violation) for violation in checkers.violations]


def test_of_two_nodes_with_one_id_nothing_is_asked():
    """Nobody can tell them apart, so that they cannot agree with the requester."""
    cluster = build(0)
    faults = FaultEngine(cluster)
    checkers = Checkers(cluster, faults)
    start_ns = cluster.now_ns
    faults.inject(duplicate_node("node-1", after="30s", for_="200s"))
    for after_ns, act in plan(cluster, Mix(faults=0)):
        cluster.run_until(start_ns + after_ns)
        act()
    checkers.settle()
    assert [] == [str(violation) for violation in checkers.violations]


def test_settling_is_bounded(monkeypatch):
    """The quiet time is some rounds of housekeeping, whatever the jobs' timeouts are."""
    monkeypatch.setattr("devstack.orchestrator.requester.Requester._evaluate", lambda *args: None)
    cluster = cluster_of(1)
    checkers = Checkers(cluster)
    submit(cluster, batch(noop(runs_for="1s"), total_timeout="100h"))
    cluster.run_for(10 * SECOND_NS)
    before_ns = cluster.now_ns
    checkers.settle()
    assert checkers.violations
    limit_ns = quiet_ns(cluster.requester.config)
    assert limit_ns <= cluster.now_ns - before_ns <= limit_ns + 30 * SECOND_NS


def test_each_violation_is_told_once_and_only_so_many(monkeypatch):
    """A broken cluster does not flood whoever reads."""
    monkeypatch.setattr(RunningTracker, "give_back", lambda tracker, granted: None)
    told: list[Violation] = []
    cluster = cluster_of(1)
    checkers = Checkers(cluster, report=told.append)
    for _ in range(40):
        submit(cluster, service(noop(runs_for="1s"), cpu="0.1", memory="1Mb"))
        cluster.run_for(30 * SECOND_NS)
    assert told == checkers.violations
    listed = Counter(violation.checker for violation in told)
    assert MOST_OF_A_CHECKER == max(listed.values())
    assert checkers.unlisted
    assert set(checkers.unlisted) <= {name for name, count in listed.items() if count == MOST_OF_A_CHECKER}


def test_a_violation_says_who_and_when():
    """The text names the checker, the rule, those concerned and the event."""
    violation = Violation("completion", 5, "a rule", ("node-1",), ("j-1",), ("e-1",), "an event")
    assert "completion: a rule (node-1, j-1, e-1); seen at: an event" == str(violation)
    assert "completion: a rule" == str(Violation("completion", 5, "a rule"))
