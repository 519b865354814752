"""Power, pauses, clocks."""

from __future__ import annotations

import pytest

from devstack.errors import ConflictError
from devstack.faults import clock_skew, crash, duplicate_node, forget_state, pause, restart
from devstack.scenario import ClusterHandle, Outcome, batch, noop, service
from tests.faults.fault_runs import SECOND_NS, a_cluster, at, play, said


def test_a_crashed_node_loses_what_it_runs_and_stays_away():
    """Its execution fails, another node takes over, and the node counts as disconnected."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="2m")))
        first = await job.wait_running()
        cluster.inject(crash(first.node, after="30s"))
        await job.wait("Completed", within="10m")
        assert 2 == len(job.nodes_used)
        assert not cluster.node(first.node).is_connected

    outcome = play(script)
    assert ["off"] == [detail for _, kind, _, detail in outcome.records if kind == "power"]


def test_a_node_comes_back_with_the_store_it_had():
    """Without power from 10 to 40 s; it need not register again."""

    async def script(cluster: ClusterHandle) -> None:
        await cluster.advance("2m")
        assert cluster.node("node-1").is_connected

    outcome = play(script, crash("node-1", after="10s", restart_after="30s"))
    off, on = at(outcome, "power", "off"), at(outcome, "power", "on")
    assert (1, 1, 30) == (len(off), len(on), round(on[0] - off[0], 3))
    assert ["node-1", "node-2", "node-3"] == _registrations(outcome)


def _registrations(outcome: Outcome) -> list[str]:
    """Who has asked to take part, in order."""
    return [who for _, kind, who, detail in outcome.records if kind == "send" and " Register NodeInfo" in detail]


def test_forget_state_is_a_new_disk():
    """The node registers again, for it does not know that it had."""

    async def script(cluster: ClusterHandle) -> None:
        await cluster.advance("1m")

    outcome = play(script, forget_state("node-2", after="10s"))
    assert ["node-2"] == _registrations(outcome)[3:]
    assert ["node-2"] == _registrations(play(script, restart("node-2", after="10s", forget=True)))[3:]


def test_a_restart_takes_no_time_unless_it_says_so():
    """Off and on at the same instant; with `down_for` after a while."""

    async def script(cluster: ClusterHandle) -> None:
        await cluster.advance("1m")

    at_once = play(script, restart("node-1", after="10s"))
    assert at(at_once, "power", "off") == at(at_once, "power", "on")
    later = play(script, restart("node-1", after="10s", down_for="7s"))
    assert 7 == round(at(later, "power", "on")[0] - at(later, "power", "off")[0], 3)


def test_a_long_running_job_survives_a_restart_of_its_node():
    """The node finds the service in its store and starts it again, as the same execution."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(service(noop(runs_for="10h")))
        execution = await job.wait_running()
        cluster.inject(restart(execution.node, after="10s", down_for="5s"))
        await cluster.advance("1m")
        assert [execution.id] == [one.id for one in job.running]

    play(script)


def test_the_requester_restarts_with_the_jobs_it_had():
    """While it is down it takes no job; afterwards the job goes on and completes."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="1m")))
        await job.wait_running()
        cluster.inject(crash("requester", restart_after="20s"))
        await cluster.advance("1s")
        with pytest.raises(ConflictError, match="down"):
            await cluster.submit(batch(noop()))
        await job.wait("Completed", within="5m")
        assert 1 == len(job.executions)

    play(script)


def test_a_machine_stays_down_until_the_last_fault_lets_go():
    """Two overlapping power cuts are one long one."""
    cluster, engine = a_cluster()
    engine.inject(crash("node-1", restart_after="10s"))
    engine.inject(crash("all", restart_after="30s"))
    cluster.run_for(20 * SECOND_NS)
    assert [False, False] == [cluster.has_power("node-1"), cluster.has_power("node-2")]
    cluster.run_for(11 * SECOND_NS)
    assert [True, True] == [cluster.has_power("node-1"), cluster.has_power("node-2")]


def test_a_paused_node_goes_on_where_it_was():
    """What comes meanwhile waits; the program's end is heard after the pause."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="10s")))
        execution = await job.wait_running()
        cluster.inject(pause(execution.node, after="5s", for_="20s"))
        await job.wait("Completed", within="5m")
        assert 25 <= cluster.now_s < 26
        assert 1 == len(job.executions)

    play(script)


def test_a_skewed_clock_is_wrong_by_the_sum_of_its_faults_and_then_right_again():
    """Events carry the time that the node's clock shows."""
    cluster, engine = a_cluster()
    engine.inject(clock_skew("node-1", "1h", for_="1m"))
    second = engine.inject(clock_skew("node-1", "-10m", for_="2m"))
    assert 50 * 60 * SECOND_NS == cluster._time_of("node-1") - cluster.now_ns
    cluster.run_for(61 * SECOND_NS)
    assert -600 * SECOND_NS == cluster._time_of("node-1") - cluster.now_ns
    engine.clear(second)
    assert cluster.now_ns == cluster._time_of("node-1")


def test_a_twin_shares_its_original_s_messages():
    """Both send heartbeats under one id; what is for the id reaches the one or the other, and jobs still end."""

    async def script(cluster: ClusterHandle) -> None:
        jobs = [await cluster.submit(batch(noop(runs_for="5s"))) for _ in range(6)]
        for job in jobs:
            await job.wait_over(within="30m")
        assert {"Completed"} == {job.state for job in jobs}

    outcome = play(script, duplicate_node("node-1", for_="1m"), nodes=2)
    beats = {who for _, kind, who, detail in outcome.records if kind == "send" and "Heartbeat node-1 " in detail}
    assert {"node-1", "node-1-twin-1"} == beats
    assert any("as node-1-twin-1" in what for what in said(outcome))
    assert 1 == len(at(outcome, "power", "off", "node-1-twin-1"))
