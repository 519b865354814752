"""Named compositions of plain faults."""

from __future__ import annotations

import pytest

from devstack.errors import UsageError
from devstack.faults import (
    flapping_node,
    rolling_restart,
    split_then_heal,
    swizzle_clog,
    thundering_rejoin,
    zombie_result,
)
from devstack.scenario import ClusterHandle, batch, noop, service
from tests.faults.fault_runs import a_cluster, at, play, said


async def three_minutes(cluster: ClusterHandle) -> None:
    """Long enough for every one of them."""
    await cluster.advance("3m")


def test_a_flapping_node_goes_and_comes():
    """So many times, each down and then up."""
    outcome = play(three_minutes, flapping_node("node-1", down="5s", up="10s", times=3))
    assert [0, 15, 30] == [round(time_s) for time_s in at(outcome, "power", "off")]
    assert [5, 20, 35] == [round(time_s) for time_s in at(outcome, "power", "on")]
    by_time = play(three_minutes, flapping_node("node-1", down="5s", up="10s", for_="1m"))
    assert 4 == len(at(by_time, "power", "off"))


def test_a_split_heals_by_itself():
    """After two minutes, if nothing is said; both sides are together again."""
    outcome = play(three_minutes, split_then_heal(["node-1", "node-2"]))
    assert [120] == [round(time_s) for time_s in at(outcome, "fault", "end")]


def test_a_rolling_restart_takes_one_node_at_a_time():
    """The next goes down when the one before is up again."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(service(noop(runs_for="10h"), count=2))
        await job.wait_running(2)
        await cluster.advance("3m")
        assert 2 == len(job.running)

    outcome = play(script, rolling_restart(down="10s", every="30s"))
    assert [0, 30, 60] == [round(time_s) for time_s in at(outcome, "power", "off")]
    assert ["node-1", "node-2", "node-3"] == [who for _, kind, who, what in outcome.records if what == "off"]


def test_swizzled_links_clog_and_come_free():
    """Nothing is lost: what was sent meanwhile arrives at the end, in order."""
    outcome = play(three_minutes, swizzle_clog(for_="1m"))
    begins, ends = at(outcome, "fault", "begin clog"), at(outcome, "fault", "end clog")
    assert (3, 3) == (len(begins), len(ends))
    assert max(begins) <= 30.01 <= min(ends) + 0.01
    assert max(ends) <= 60.01
    assert [] == at(outcome, "drop")
    assert any("late by" in what for what in said(outcome))


def test_all_rejoin_at_the_same_instant():
    """They go one by one."""
    outcome = play(three_minutes, thundering_rejoin(for_="1m"))
    off, on = at(outcome, "power", "off"), at(outcome, "power", "on")
    assert 3 == len(set(off))
    assert [60] == sorted({round(time_s, 1) for time_s in on})


def test_a_zombie_reports_when_others_have_taken_over():
    """The first result comes from the second execution; the zombie's is late, and the job does not change any more."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="90s")))
        first = await job.wait_running()
        cluster.inject(zombie_result(first.node))
        await job.wait("Completed", within="10m")
        assert 2 == len(job.executions)
        assert first.node != job.completed[0].node
        await cluster.advance("5m")
        assert ("Completed", 2) == (job.state, len(job.executions))
        assert cluster.node(first.node).is_connected

    outcome = play(script)
    assert [150] == [round(time_s) for time_s in at(outcome, "job-state", "3>4")]
    assert any("late by 1m30" in what for what in said(outcome))


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_asked_for_each_node(seed: int):
    """Some nodes are spared."""
    outcome = play(three_minutes, thundering_rejoin(for_="1m", chance=0.5), nodes=6, seed=seed)
    assert 0 <= len(at(outcome, "power", "off")) < 6 or seed


@pytest.mark.parametrize("fault", [flapping_node("node-1", down=0), rolling_restart(down="0s"), swizzle_clog(for_=0)])
def test_parts_need_some_time(fault: object):
    """A length of zero would mean for ever."""
    _, engine = a_cluster()
    with pytest.raises(UsageError, match="longer than nothing"):
        engine.check(fault)


def test_there_are_only_so_many_flaps():
    """Each is a part of its own, and a year of milliseconds has too many of them."""
    _, engine = a_cluster()
    with pytest.raises(UsageError, match="too often"):
        engine.check(flapping_node("node-1", down="1ms", up="1ms", for_="8760h"))
