"""Simulated inputs in virtual time: what they cost, where they fit, and what becomes of those under way."""

from __future__ import annotations

import pickle
from typing import Any

from devstack.compute.config import Locality
from devstack.faults import crash, duplicate_node
from devstack.models.gotext import SECOND_NS
from devstack.scenario import ClusterHandle, batch, inline, noop, ops, scenario, stored, wasm
from devstack.scenario.run import RunOptions, build
from tests.faults.fault_runs import at, play

WAY = {"storage_latency_ns": SECOND_NS, "storage_bytes_per_s": 100_000_000}
MODULE = '(module (memory (export "memory") 1) (func (export "_start")))'


def shapes(**more: Any) -> dict[str, dict[str, Any]]:
    return {f"node-{number}": WAY | more for number in (1, 2, 3)}


def test_inputs_come_one_after_the_other():
    """What a node holds, and what the job itself carries, takes no time."""

    async def script(cluster: ClusterHandle) -> None:
        inputs = [stored("1gb", "/a"), stored("500mb", "/b", on=["node-1"]), stored(1, "/c"), inline("x", "/d")]
        job = await cluster.submit(batch(noop(runs_for="10s"), inputs=inputs, where="id=node-1"))
        await job.wait("Completed", within="1m")
        assert 22 == int(cluster.now_s)

    play(script, shapes=shapes())


def test_each_node_has_a_way_of_its_own():
    """A node of which nothing is said has what it wants at once."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(ops(noop(), inputs=[stored("1gb", "/a")]))
        await job.wait("Completed", within="1h")

    way = shapes() | {"node-2": {"storage_bytes_per_s": 1_000_000}, "node-3": {}}
    ends = at(play(script, shapes=way), "event", "Prepared")
    assert [0, 11, 1000] == [int(end_s) for end_s in ends]


def test_an_input_needs_room_on_the_disk():
    """No node bids for what would not fit."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(), inputs=[stored("200gb", "/a")]))
        await job.wait("Failed", within="1m")
        assert all("insufficient resources" in one.message for one in job.executions)
        assert 3 == len(job.executions)

    play(script)


def test_a_module_cannot_have_what_has_no_bytes():
    """The reason is told with the bid."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(wasm(MODULE), inputs=[stored(1, "/a")]))
        await job.wait("Failed", within="1m")
        assert {"an input of type 'simulated' has no bytes that the engine 'wasm' could read"} == {
            one.message for one in job.executions
        }

    play(script)


def test_a_job_that_is_stopped_while_its_input_comes_never_starts():
    """Nor does one whose node loses its power; the job goes on elsewhere."""

    async def script(cluster: ClusterHandle) -> None:
        stopped = await cluster.submit(batch(noop(runs_for="10s"), inputs=[stored("1gb", "/a")]))
        job = await cluster.submit(batch(noop(runs_for="10s"), inputs=[stored("1gb", "/a")]))
        await cluster.advance("5s")
        await stopped.stop()
        await cluster.advance("1s")
        cluster.inject(crash(job.executions[0].node))
        await job.wait("Completed", within="10m")
        assert ["Cancelled"] == [one.state for one in stopped.executions]
        assert 2 == len(job.nodes_used)

    play(script, shapes=shapes())


def test_a_second_node_of_one_id_holds_the_same():
    """Whichever of the two is asked, it bids."""

    async def script(cluster: ClusterHandle) -> None:
        local = [stored("1gb", "/a", on=["node-1"])]
        jobs = [await cluster.submit(batch(noop(), inputs=local)) for _ in range(8)]
        await cluster.advance("10s")
        assert not any("require downloading" in one.message for job in jobs for one in job.executions)

    play(script, duplicate_node("node-1", for_="1m"), nodes=1, shapes={"node-1": WAY | {"locality": Locality.LOCAL}})


def test_a_copy_of_a_world_fetches_on():
    """At the same instant as the world that it was made of."""

    @scenario(nodes=1, shapes={"node-1": WAY})
    async def nothing(cluster: ClusterHandle) -> None:
        pass

    cluster = build(nothing, RunOptions(), 0)
    cluster.submit(batch(noop(), inputs=[stored("1gb", "/a")]))
    cluster.run_for(5 * SECOND_NS)
    copy = pickle.loads(pickle.dumps(cluster))
    for one in (cluster, copy):
        one.run_for(10 * SECOND_NS)
    assert cluster.kernel.trace.digest() == copy.kernel.trace.digest()
