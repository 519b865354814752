"""Messages that are lost, late, doubled, and what nodes say of themselves."""

from __future__ import annotations

from devstack.faults import (
    delay,
    drop,
    duplicate,
    isolate,
    lie_about_capacity,
    partition,
    reorder,
    stale_info,
)
from devstack.faults.engine import FaultEngine
from devstack.kernel import Deliver, Drop, Packet
from devstack.messages import BidAccepted, Heartbeat
from devstack.models.node import Connection
from devstack.scenario import ClusterHandle, batch, noop
from tests.faults.fault_runs import SECOND_NS, a_cluster, at, play, said


def verdict(engine: FaultEngine, source: str, target: str, message: object = None) -> Deliver | Drop:
    """What becomes of such a packet now."""
    cluster = engine.cluster
    return cluster.kernel.network.judge(Packet(1, source, target, message, cluster.now_ns))


def test_a_dropped_bid_is_asked_for_again():
    """The first message is lost; the job completes all the same."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="10s")))
        await job.wait("Completed", within="30m")

    outcome = play(script, drop("BidResult", times=1))
    assert 1 == len(at(outcome, "drop", ""))
    assert "fault 1: drop BidResult times=1" in at_detail(outcome.records)
    assert ["over"] == said(outcome)[-1:]


def at_detail(records: tuple[tuple[int, str, str, str], ...]) -> str:
    return next(detail for _, kind, _, detail in records if kind == "drop")


def test_only_what_is_meant_is_lost():
    """Type, source and target all have to fit."""
    _, engine = a_cluster()
    engine.inject(drop("heartbeat", from_="node-1", to="requester"))
    assert isinstance(verdict(engine, "node-1", "node-0", Heartbeat("node-1", 1)), Drop)
    assert isinstance(verdict(engine, "node-2", "node-0", Heartbeat("node-2", 1)), Deliver)
    assert isinstance(verdict(engine, "node-1", "node-2", Heartbeat("node-1", 1)), Deliver)
    assert isinstance(verdict(engine, "node-1", "node-0", BidAccepted("e")), Deliver)


def test_messages_of_one_job_can_be_meant():
    """The other job completes without a loss."""

    async def script(cluster: ClusterHandle) -> None:
        unlucky = await cluster.submit(batch(noop(), name="unlucky"))
        lucky = await cluster.submit(batch(noop(), name="lucky"))
        await lucky.wait("Completed", within="10s")
        await cluster.advance("1m")
        assert "Completed" != unlucky.state

    play(script, drop("AskForBid", job="unlucky", for_="90s"))


def test_a_chance_is_drawn_for_each_message():
    """Half of the heartbeats, about; from a stream of the fault's own."""

    async def script(cluster: ClusterHandle) -> None:
        await cluster.advance("10m")

    outcome = play(script, drop("heartbeat", chance=0.5, for_="9m"))
    assert 20 < len(at(outcome, "drop")) < 90
    assert ("fault", "1", "drop") in outcome.draws


def test_a_partition_cuts_both_ways_and_heals():
    """Nodes of one side still reach each other, and after the end everybody."""
    cluster, engine = a_cluster()
    engine.inject(partition(["node-1", "node-2"], for_="2m"))
    assert isinstance(verdict(engine, "node-1", "node-0"), Drop)
    assert isinstance(verdict(engine, "node-0", "node-2"), Drop)
    assert isinstance(verdict(engine, "node-1", "node-2"), Deliver)
    assert isinstance(verdict(engine, "node-0", "node-3"), Deliver)
    cluster.run_for(60 * SECOND_NS)
    states = {state.info.node_id: state.connection for state in cluster.requester.nodes.states()}
    assert [Connection.DISCONNECTED, Connection.CONNECTED] == [states["node-1"], states["node-3"]]
    cluster.run_for(90 * SECOND_NS)
    assert all(state.connection is Connection.CONNECTED for state in cluster.requester.nodes.states()[1:])


def test_a_partition_may_have_two_named_sides_and_one_direction():
    """`in` loses what comes into the first side, `out` what leaves it."""
    _, engine = a_cluster()
    engine.inject(partition("node-1", "requester", direction="in"))
    assert isinstance(verdict(engine, "node-0", "node-1"), Drop)
    assert isinstance(verdict(engine, "node-1", "node-0"), Deliver)
    assert isinstance(verdict(engine, "node-2", "node-1"), Deliver)
    engine.clear()
    engine.inject(partition("node-1", direction="out"))
    assert isinstance(verdict(engine, "node-1", "node-2"), Drop)
    assert isinstance(verdict(engine, "node-2", "node-1"), Deliver)


def test_isolated_machines_are_cut_off_from_each_other_too():
    """That is the difference to a partition."""
    _, engine = a_cluster()
    engine.inject(isolate(["node-1", "node-2"]))
    assert isinstance(verdict(engine, "node-1", "node-2"), Drop)
    assert isinstance(verdict(engine, "node-3", "node-0"), Deliver)


def test_several_faults_act_on_one_packet():
    """Delays add up, copies multiply, and a loss wins whenever it was injected."""
    _, engine = a_cluster()
    engine.inject(delay(by="2s"))
    engine.inject(delay(by="3s", to="node-1"))
    engine.inject(duplicate(copies=3))
    assert Deliver(5 * SECOND_NS, 3) == verdict(engine, "node-0", "node-1")
    assert Deliver(2 * SECOND_NS, 3) == verdict(engine, "node-0", "node-2")
    engine.inject(isolate("node-1"))
    assert isinstance(verdict(engine, "node-0", "node-1"), Drop)


def test_copies_of_copies_have_a_limit():
    """Else a few words would fill the memory."""
    _, engine = a_cluster()
    for _ in range(3):
        engine.inject(duplicate(copies=100))
    assert Deliver(copies=100) == verdict(engine, "node-0", "node-1")


def test_delays_and_their_jitter():
    """Fixed, plus what is drawn."""
    _, engine = a_cluster()
    engine.inject(delay(by="1s", jitter="2s"))
    found = [verdict(engine, "node-0", "node-1").delay_ns for _ in range(20)]
    assert all(SECOND_NS <= delay_ns <= 3 * SECOND_NS for delay_ns in found)
    assert len(set(found)) > 10


def test_reordered_messages_overtake_each_other():
    """Each is late by its own draw."""

    async def script(cluster: ClusterHandle) -> None:
        for _ in range(5):
            job = await cluster.submit(batch(noop(runs_for="3s")))
            await job.wait("Completed", within="10m")

    outcome = play(script, reorder(within="2s", for_="10m"))
    arrived = [int(detail) for _, kind, _, detail in outcome.records if kind == "recv"]
    assert arrived != sorted(arrived)


def test_doubled_messages_do_no_harm():
    """Everything comes twice; jobs complete once."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="10s"), count=3))
        await job.wait("Completed", within="5m")
        assert 3 == len(job.executions)

    play(script, duplicate(for_="10m"))


def test_a_liar_is_believed_until_it_is_asked():
    """The requester sees ten times the capacity, and the truth when the fault is over."""

    async def script(cluster: ClusterHandle) -> None:
        await cluster.advance("70s")

    def seen(factor: float) -> tuple[int, int]:
        cluster, engine = a_cluster(1)
        engine.inject(lie_about_capacity("node-1", factor=factor, for_="70s"))
        cluster.run_for(65 * SECOND_NS)
        lie = cluster.requester.nodes.find("node-1").info.compute
        cluster.run_for(65 * SECOND_NS)
        truth = cluster.requester.nodes.find("node-1").info.compute
        assert lie is not None and truth is not None and lie.max_capacity == lie.available
        return lie.available.cpu_millis, truth.available.cpu_millis

    assert (40_000, 4_000) == seen(10)
    assert (0, 4_000) == seen(0)
    assert any("UpdateInfo" in what for what in said(play(script, lie_about_capacity("node-1", for_="65s"))))


def test_jobs_for_a_liar_run_elsewhere_in_the_end():
    """Node 1 claims room that it does not have; what it refuses is placed on others, or waits."""

    async def script(cluster: ClusterHandle) -> None:
        await cluster.advance("35s")
        jobs = [await cluster.submit(batch(noop(runs_for="30s"), cpu="3")) for _ in range(6)]
        for job in jobs:
            await job.wait("Completed", within="30m")

    play(script, lie_about_capacity("node-1", for_="5m"))


def test_stale_info_leaves_a_node_alive_with_old_numbers():
    """Heartbeats arrive, reports do not: the requester takes a busy node for idle."""
    cluster, engine = a_cluster(1)
    engine.inject(stale_info("node-1", for_="5m"))
    cluster.submit(batch(noop(runs_for="10m"), cpu="3"))
    cluster.run_for(120 * SECOND_NS)
    state = cluster.requester.nodes.find("node-1")
    assert (Connection.CONNECTED, 4000) == (state.connection, state.info.compute.available.cpu_millis)
    cluster.run_for(250 * SECOND_NS)
    assert 1000 == cluster.requester.nodes.find("node-1").info.compute.available.cpu_millis
