"""A whole network as one thing: the same seed gives the same run, it can be copied, and it leaves nothing."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.behaviour import parse
from devstack.cluster import Cluster, simulated_nodes
from devstack.errors import ConflictError, InvariantError, LateInvalidJobError
from devstack.kernel import Drop
from devstack.models.job import ResourcesConfig, Timeouts
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.simulated import SimulatedShell
from tests.clusters import (
    GB,
    HOP,
    MINUTE,
    SECOND,
    job,
    make_cluster,
    noop,
    run_until_over,
    silence,
)

# ---- the cluster as a thing --------------------------------------------------------------------------------


def test_a_node_that_is_none_of_ours_is_a_mistake_of_ours():
    """Nobody else can name it."""
    with pytest.raises(InvariantError, match="no such node"):
        make_cluster(1).node("node-9")


def test_a_job_with_an_id_of_its_own_is_taken_once():
    """The second of that id is refused."""
    cluster = make_cluster(1)
    cluster.submit(job("service", id="mine"))
    with pytest.raises(LateInvalidJobError, match="already exists"):
        cluster.submit(job("service", id="mine"))


def test_events_can_be_taken_one_at_a_time():
    """And time stands at the last of them."""
    cluster = Cluster(simulated_nodes(1), lambda world: SimulatedShell(world.kernel))
    cluster.start()
    start_ns = cluster.now_ns
    assert 1 == cluster.run_until(start_ns + SECOND, at_most=1)
    assert start_ns + HOP == cluster.now_ns


# ---- repeatable --------------------------------------------------------------------------------------------

WORLD = """
from tests.test_cluster_world import a_busy_world
print(a_busy_world(7).kernel.trace.digest())
"""


def a_busy_world(seed: int) -> Cluster:
    """All job types, failures, a silent node, a stop; three minutes."""
    cluster = make_cluster(5, seed=seed)
    engine = noop(RunsFor="7s", FailsOn=["node-2"])
    cluster.submit(job(count=3, engine=engine, labels={"b": "1", "a": "2"}))
    cluster.submit(job("ops", engine=engine))
    cluster.submit(job("daemon", engine=engine))
    service = cluster.submit(job("service", 2, engine=noop(RunsFor="40s"))).record
    cluster.run_for(20 * SECOND)
    silence(cluster, "node-4")
    cluster.submit(job(count=5, engine=engine, timeouts=Timeouts(queue_s=60)))
    cluster.run_for(100 * SECOND)
    cluster.stop(service.job.id)
    cluster.run_for(60 * SECOND)
    return cluster


def test_the_same_seed_gives_the_same_trace():
    """To the byte, also in another process with another hash seed; another seed gives another one."""
    here = a_busy_world(7).kernel.trace.digest()
    assert here == a_busy_world(7).kernel.trace.digest()
    assert here != a_busy_world(8).kernel.trace.digest()
    for hash_seed in ("1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", WORLD], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
        )  # fmt: skip
        assert here == done.stdout.strip()


jobs = st.builds(
    job,
    st.sampled_from(["batch", "ops", "service", "daemon"]),
    st.integers(1, 4),
    engine=st.builds(
        noop,
        RunsFor=st.sampled_from(["0s", "300ms", "4s", "2m"]),
        FailsOn=st.lists(st.sampled_from(["node-1", "node-2", "node-3"]), max_size=2),
    ),
    timeouts=st.builds(Timeouts, execution_s=st.sampled_from([0, 1, 60]), queue_s=st.sampled_from([0, 30])),
    resources=st.builds(ResourcesConfig, cpu=st.sampled_from(["", "1", "3", "4"])),
)
plans = st.lists(st.tuples(st.integers(0, 40 * SECOND), jobs), min_size=1, max_size=5)


@given(plans, st.integers(0, 2**32), st.integers(0, 60), st.sampled_from(["documented", "v1.4.0"]))
def test_a_world_that_is_pickled_on_its_way_goes_on_as_if_nothing_had_happened(plan, seed, cut_s, mode):
    """At any instant: the copy writes the same trace as the original, and does not touch it."""
    behaviour = parse([mode])
    cluster = make_cluster(
        simulated_nodes(3, behaviour=behaviour), seed=seed, requester=RequesterConfig(behaviour=behaviour)
    )
    for pause_ns, one in plan:
        cluster.submit(one)
        cluster.run_for(pause_ns)
    cluster.run_for(cut_s * SECOND)
    frozen = pickle.dumps(cluster)
    cluster.run_for(5 * MINUTE)
    copy = pickle.loads(frozen)
    copy.run_for(5 * MINUTE)
    assert cluster.kernel.trace.digest() == copy.kernel.trace.digest()


@given(plans, st.integers(0, 2**32), st.integers(1, 5))
def test_every_job_that_can_end_does_and_nothing_is_left_of_it(plan, seed, loss):
    """Also on a network that loses every so many messages for a while: no capacity, call or question stays behind."""
    cluster = make_cluster(3, seed=seed)
    rule = lambda packet: Drop("lost") if packet.sequence % (loss * 7) == 3 else None  # noqa: E731
    cluster.kernel.network.rules.append(rule)
    records = []
    for pause_ns, one in plan:
        records.append(cluster.submit(one).record)
        cluster.run_for(pause_ns)
    cluster.run_for(5 * MINUTE)
    cluster.kernel.network.rules.clear()
    for record in records:
        if record.job.is_long_running and not record.is_terminal:
            cluster.stop(record.job.id)
    run_until_over(cluster, *records, within_ns=90 * MINUTE)
    cluster.run_for(5 * MINUTE)
    assert 0 == len(cluster.requester._calls)
    assert {Resources()} == {node.running for node in cluster.nodes.values()}
    assert {Resources()} == {node.enqueued for node in cluster.nodes.values()}


def test_a_long_life_leaves_no_traces_but_records():
    """A thousand jobs later everything but the records of jobs is as big as after a hundred."""

    def sizes(cluster: Cluster) -> dict[str, int]:
        requester = cluster.requester
        return {
            "timers": len(cluster.kernel._timers),
            "queue": len(cluster.kernel._queue),
            "calls": len(requester._calls),
            "evaluations": len(requester.broker._attempts),
            "rankings": len(requester.selector._rankings),
            "runs": len(cluster.shell._runs),
            "kept": sum(len(node.store) for node in cluster.nodes.values()),
        }

    cluster = make_cluster(simulated_nodes(2, kept_executions=10))
    found = []
    for count in (100, 1000):
        for number in range(count):
            engine = noop(RunsFor="10ms", FailsOn=["node-1"] if number % 3 else [])
            cluster.submit(job(engine=engine, resources=ResourcesConfig(cpu=f"{number}m")))
            cluster.run_for(20_000_000)
        cluster.run_for(MINUTE)
        found.append(sizes(cluster))
    assert found[0] == found[1]
    assert 20 == found[1]["kept"]


def test_heartbeats_alone_are_what_an_idle_cluster_does():
    """A day without jobs: heartbeats, resources and infos at their rhythm, and the requester's rounds."""
    cluster = make_cluster(1)
    kinds: dict[str, int] = {}

    def count(packet: Any) -> None:
        name = type(packet.message).__name__
        kinds[name] = kinds.get(name, 0) + 1

    cluster.kernel.network.rules.append(count)
    cluster.run_for(10 * MINUTE)
    assert {"Heartbeat": 40, "UpdateResources": 20, "UpdateInfo": 10, "ManagementReply": 10} == kinds


def test_a_node_that_is_added_takes_part_under_a_name_of_its_own():
    """A name that is taken is refused."""
    cluster = Cluster(simulated_nodes(1), lambda made: SimulatedShell(made.kernel))
    cluster.start()
    cluster.add_node(simulated_nodes(1, first=2)[0])
    cluster.run_for(SECOND)
    assert ["node-1", "node-2"] == [state.info.node_id for state in cluster.requester.nodes.eligible()]
    with pytest.raises(ConflictError, match="there is a node node-2 already"):
        cluster.add_node(simulated_nodes(1, first=2)[0])


def test_a_node_that_is_reshaped_tells_of_its_new_capacity():
    """With its next report."""
    cluster = Cluster(simulated_nodes(1), lambda made: SimulatedShell(made.kernel))
    cluster.start()
    cluster.run_for(SECOND)
    total = Resources(8000, 16 * GB, 100 * GB)
    cluster.reshape(attrs.evolve(cluster.node("node-1").config, total=total, max_job=total))
    cluster.run_for(2 * MINUTE)
    (state,) = cluster.requester.nodes.eligible()
    assert state.info.compute is not None
    assert 8000 == state.info.compute.max_capacity.cpu_millis == state.info.compute.available.cpu_millis
