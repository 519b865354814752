"""The watcher that knows when programs ran and how full nodes were."""

from __future__ import annotations

from devstack import batch, crash, noop, service
from devstack.notebook import simulate

SECOND_NS = 1_000_000_000


def test_a_program_ends_when_its_node_loses_its_power():
    """The requester learns of it later."""
    lab = simulate(2)
    job = lab.submit(batch(noop(runs_for="10m")))
    lab.run("1s")
    lab.inject(crash(job.nodes_used[0], after="29s"))
    lab.run("3m")
    attempt, _ = lab.world.recorder.attempts()
    assert 30 * SECOND_NS == attempt.stopped_ns
    assert attempt.ended_ns is not None and attempt.ended_ns > 60 * SECOND_NS
    assert lab.figures.wasted_core_ns == attempt.ran_ns(lab.world.now_ns) * attempt.cpu_millis // 1000 > 0


def test_a_service_goes_on_after_its_node_has_come_back():
    """It is the same attempt, and has not stopped."""
    lab = simulate(1)
    lab.submit(service(noop(runs_for="10h")))
    lab.inject(crash("node-1", after="30s", restart_after="1s"))
    lab.run("2m")
    (attempt,) = lab.world.recorder.attempts()
    assert (None, None) == (attempt.stopped_ns, attempt.ended_ns)


def test_what_is_used_is_what_runs():
    """In milli-CPU; the rest waits."""
    lab = simulate(1)
    lab.submit(batch(noop(runs_for="1m"), cpu="3"))
    lab.submit(batch(noop(runs_for="1m"), cpu="2"))
    lab.run("10s")
    load = lab.world.recorder.loads()[-1]
    assert (3000, 2000, 4000) == (load.used[0], load.queued[0], load.total[0])


def test_looking_on_changes_nothing():
    """A cluster without the recorder writes the same trace."""
    lab, blind = simulate(2), simulate(2)
    blind.world.cluster.watchers.clear()
    for one in (lab, blind):
        one.submit(batch(noop(runs_for="1m"), count=2))
        one.run("5m")
    assert lab.digest == blind.digest


def test_a_second_node_of_the_same_name_is_not_counted():
    """A fault made it up; the capacity is the real node's."""
    lab = simulate(2)
    lab.submit(service(noop(runs_for="10h"), count=2))
    lab.inject("duplicate_node node-1 for=1m")
    lab.run("3m")
    assert {"node-1", "node-2"} == {load.node_id for load in lab.world.recorder.loads()}
