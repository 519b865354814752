"""What holds for all faults: repeatable, gone when they are cleared, part of what is copied."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.cluster import Cluster
from devstack.errors import NotFoundError
from devstack.faults import Fault, crash, delay, drop, hang_executor, pause, restart, slow
from devstack.scenario import ClusterHandle, batch, noop, ops, service
from devstack.scenario.run import Verdict
from tests.faults.fault_runs import SECOND_NS, a_cluster, play, said
from tests.faults.fault_samples import ONE_OF_EACH, faults


def forgets(fault: Fault) -> bool:
    """Whether a store is lost for good, so that what was in it is known to nobody any more."""
    return fault.word in ("forget_state", "duplicate_node") or bool(fault.params.get("forget"))


async def some_work(cluster: ClusterHandle) -> None:
    """Jobs of three types, under way during the faults."""
    for job in (batch(noop(runs_for="20s"), count=2), service(noop(runs_for="10h")), ops(noop(runs_for="5s"))):
        await cluster.submit(job)
    await cluster.advance("3m")


@pytest.mark.parametrize("word", sorted(ONE_OF_EACH))
def test_the_same_seed_gives_the_same_run_with_every_word(word: str):
    """Also a seed that is not the default; checkers hold, unless a store was lost with what was in it."""
    fault = ONE_OF_EACH[word]
    first, second = (play(some_work, fault, seed=11, passes=not forgets(fault)) for _ in range(2))
    assert (first.digest, first.events) == (second.digest, second.events)
    assert any(what.startswith("begin") for what in said(first))


@settings(max_examples=60)
@given(st.lists(faults(ends=True), max_size=4), st.integers(0, 2**31))
def test_any_faults_are_repeatable(some: list[Fault], seed: int):
    """Two runs write the same trace, and nothing of ours breaks whatever goes wrong."""

    async def script(cluster: ClusterHandle) -> None:
        for job in (batch(noop(runs_for="20s"), count=2), ops(noop(runs_for="5s"))):
            await cluster.advance("1s")
            if not any("requester" in fault.params.get("node", ()) for fault in some):
                await cluster.submit(job)
        await cluster.advance("3m")

    first, second = (play(script, *some, seed=seed, passes=False) for _ in range(2))
    assert (first.digest, first.message) == (second.digest, second.message)
    assert first.verdict is not Verdict.BROKEN, first.message


@given(st.lists(faults(), min_size=1, max_size=4), st.integers(0, 120))
def test_a_cleared_fault_leaves_nothing_behind(some: list[Fault], seconds: int):
    """No rule, no hook, every machine has power, runs and shows the right time."""
    cluster, engine = a_cluster()
    cluster.submit(batch(noop(runs_for="30s"), count=2))
    for fault in some:
        engine.inject(fault)
    cluster.run_for(seconds * SECOND_NS)
    engine.clear()
    assert [] == engine.active()
    assert ([], None) == (cluster.kernel.network.rules, cluster.faults)
    assert [True] * 4 == [cluster.has_power(name) for name in ("node-0", *cluster.nodes)]
    assert ({}, {}) == (cluster._held, cluster._skew_ns)
    cluster.run_for(120 * SECOND_NS)
    if not any(forgets(fault) and "requester" in fault["node"] for fault in some):
        assert cluster.is_ready  # A requester on a new disk knows no node, and nodes that are members do not ask again.


def copied(cluster: Cluster) -> Cluster:
    cluster.watchers.clear()
    copy = pickle.loads(pickle.dumps(cluster))
    assert isinstance(copy, Cluster)
    return copy


@given(st.lists(faults(), min_size=1, max_size=3))
def test_a_copy_of_the_world_goes_on_in_the_same_way(some: list[Fault]):
    """Faults that wait, are active or keep something back are part of the copy."""
    cluster, engine = a_cluster()
    cluster.submit(batch(noop(runs_for="30s"), count=2))
    for fault in some:
        engine.inject(fault)
    cluster.run_for(20 * SECOND_NS)
    copy = copied(cluster)
    for world in (cluster, copy):
        world.run_for(300 * SECOND_NS)
    assert cluster.kernel.trace.digest() == copy.kernel.trace.digest()


def test_faults_are_numbered_listed_and_cleared_by_number():
    """Those that wait, those that are active; an unknown number is refused with the known ones."""
    cluster, engine = a_cluster()
    assert [1, 2, 3] == [engine.inject(one) for one in (drop(), crash("50%", after="10s"), restart("node-1"))]
    assert [(1, "active"), (2, "waiting")] == [(state.id, state.state) for state in engine.active()]
    cluster.run_for(11 * SECOND_NS)
    second = engine.active()[1]
    assert ("active", 2) == (second.state, len(second.machines))
    with pytest.raises(NotFoundError, match="no fault 7"):
        engine.clear(7)
    assert [2] == engine.clear(2)
    assert [1] == engine.clear()
    assert [] == engine.clear()


def test_a_fault_that_may_strike_so_often_is_over_when_it_has():
    """Its rule goes with it."""
    cluster, engine = a_cluster()
    engine.inject(drop("heartbeat", times=2))
    cluster.run_for(14 * SECOND_NS)
    assert 0 == engine.active()[0].strikes
    cluster.run_for(2 * SECOND_NS)
    assert ([], []) == (engine.active(), cluster.kernel.network.rules)


@pytest.mark.parametrize(
    ("fault", "end_s"),
    [
        (restart("node-1"), 0),
        (crash("node-1", after="10s"), 10),
        (crash("node-1", after="10s", restart_after="20s"), 30),
        (crash("requester"), None),
        (slow("node-1", for_="40s"), 40),
        (delay(by="1s"), None),
        (ONE_OF_EACH["flapping_node"], 45),
        (ONE_OF_EACH["zombie_result"], 180),
    ],
)
def test_when_faults_are_over(fault: Fault, end_s: int | None):
    """A node that is gone for good is an end, too; what has none never is over."""
    cluster, engine = a_cluster()
    start_ns = cluster.now_ns
    engine.inject(fault)
    assert (None if end_s is None else start_ns + end_s * SECOND_NS) == engine.end_ns()
    cluster.run_for(200 * SECOND_NS)
    assert (end_s is not None) == engine.is_quiet


def test_every_fault_has_a_stream_of_its_own():
    """One more fault does not shift the draws of another."""

    def drops(*more: Any) -> list[str]:
        cluster, engine = a_cluster()
        engine.inject(drop("heartbeat", chance=0.5))
        for fault in more:
            engine.inject(fault)
        cluster.run_for(300 * SECOND_NS)
        return [
            detail for _, kind, _, detail in cluster.kernel.trace.records() if kind == "drop" and "fault 1" in detail
        ]

    assert len(drops()) == len(drops(pause("node-1", chance=0), hang_executor("50%", chance=0.5)))
