"""Whom a fault is for."""

from __future__ import annotations

import pytest

from devstack.errors import UsageError
from devstack.faults import clock_skew, crash, drop, fail_executor, full_disk, partition, slow
from devstack.faults.targets import machines
from devstack.kernel import Seed
from devstack.scenario import ClusterHandle, batch, noop
from tests.faults.fault_runs import SECOND_NS, a_cluster, play

SHAPES = {"node-1": {"labels": {"region": "eu"}}, "node-3": {"labels": {"region": "eu", "disk": "ssd"}}}


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (("node-2",), ["node-2"]),
        (("requester",), ["node-0"]),
        (("node-0", "node-1"), ["node-0", "node-1"]),
        (("all",), ["node-1", "node-2", "node-3", "node-4"]),
        (("region=eu",), ["node-1", "node-3"]),
        (("region=eu,disk=ssd",), ["node-3"]),
        (("region!=eu",), ["node-2", "node-4"]),
        (("id in (node-2,node-4)",), ["node-2", "node-4"]),
        (("disk=ssd", "node-2"), ["node-2", "node-3"]),
        (("Operating-System=linux",), ["node-1", "node-2", "node-3", "node-4"]),
    ],
)
def test_nodes_by_id_label_and_list(targets: tuple[str, ...], names: list[str]):
    """In the cluster's order, the requester first."""
    cluster, _ = a_cluster(4, shapes=SHAPES)
    assert names == list(machines(cluster, targets, with_requester=True))


@pytest.mark.parametrize(
    ("target", "count"), [("50%", 2), ("1%", 1), ("100%", 4), ("37.5%", 2), ("50% of region=eu", 1), ("0%", 1)]
)
def test_a_share_is_drawn_from_the_fault_s_own_stream(target: str, count: int):
    """Rounded, at least one; the same seed draws the same nodes."""
    cluster, _ = a_cluster(4, shapes=SHAPES)
    draws = [machines(cluster, [target], with_requester=False, stream=Seed(3).stream("fault")) for _ in range(2)]
    assert count == len(draws[0])
    assert draws[0] == draws[1]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (crash("node-9"), "'node-9'"),
        (crash("region=mars"), "'region=mars'"),
        (crash("="), "no label selector"),
        (crash("20% of region=mars"), "region=mars"),
        (crash("job:nobody"), "'job:nobody'"),
        (crash("execution:e-1"), "'execution:e-1'"),
        (partition("node-1", "node-7"), "'node-7'"),
        (drop(from_="node-8"), "'node-8'"),
        (slow("requester"), "not for the requester"),
        (fail_executor(job="j-0123abcd-0000"), "no job has the id j-0123abcd-0000"),
    ],
)
def test_a_target_that_matches_nothing_is_refused_at_once(fault: object, said: str):
    """The error names the known ones, and nothing is injected."""
    _, engine = a_cluster()
    with pytest.raises(UsageError) as caught:
        engine.inject(fault)
    assert said in caught.value.message
    assert "node-3" in caught.value.hint or "the jobs are" in caught.value.hint
    assert [] == engine.active()


@pytest.mark.parametrize("fault", ["crash", None, {"crash": "node-1"}])
def test_what_is_no_fault_is_refused(fault: object):
    """With an example of one."""
    _, engine = a_cluster()
    with pytest.raises(UsageError, match="no fault"):
        engine.check(fault)


def test_a_job_and_an_execution_stand_for_their_nodes():
    """By handle, name or id, as they are when the fault begins."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="10m"), count=2, name="mine"))
        execution = await job.wait_running(2)
        cluster.inject(crash(execution, after="5s"), crash("job:mine", after="10s"))
        await cluster.advance("9s")
        nodes = {one.node for one in job.running}
        await cluster.advance("2s")
        assert nodes <= {state.id for state in cluster.nodes}

    outcome = play(script)
    assert {"1", "2"} == {who for _, kind, who, detail in outcome.records if kind == "fault" and "begin" in detail}


def test_a_job_that_is_to_come_may_be_named():
    """A fault that begins later does nothing if the job has not come by then."""
    cluster, engine = a_cluster()
    engine.inject(crash("job:late", after="10s"))
    engine.inject(full_disk(job="late"))
    cluster.run_for(20 * SECOND_NS)
    assert ["full_disk"] == [state.fault.word for state in engine.active()]
    assert any("does nothing: no machine matches 'job:late'" in detail for *_, detail in cluster.kernel.trace.records())


def test_the_requester_may_have_a_wrong_clock():
    """Of all machines, it is the one with the most timers."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="1m")))
        await job.wait("Completed", within="10m")

    play(script, clock_skew("requester", by="45s", for_="3m"))
