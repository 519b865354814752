"""Engines, disks and images that fail, hang or are slow, for every type of job."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.faults import (
    crash,
    fail_executor,
    full_disk,
    hang_executor,
    lose_results,
    out_of_memory,
    restart,
    slow,
    slow_pull,
)
from devstack.scenario import ClusterHandle, batch, daemon, noop, ops, service
from tests.faults.fault_runs import SECOND_NS, a_cluster, play

TYPES: dict[str, Any] = {"batch": batch, "ops": ops, "service": service, "daemon": daemon}


@pytest.mark.parametrize("type", ["batch", "service"])
def test_a_failed_execution_is_tried_on_another_node(type: str):
    """The engine of the node that has it fails once; jobs that are retried find another."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(TYPES[type](noop(runs_for="1m")))
        execution = await job.wait_running()
        cluster.inject(fail_executor(execution.node, after="5s", error="the engine caught fire", for_="5m"))
        await job.wait_executions(1, "Failed", within="1m")
        assert "the engine caught fire" == job.failed[0].message
        await job.wait_running(within="5m")
        assert 2 == len(job.nodes_used)

    play(script)


def test_an_ops_job_fails_with_its_execution():
    """It is not retried: it was to run on exactly these nodes."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(ops(noop(runs_for="1m")))
        assert "Failed" == await job.wait_over(within="10m")

    play(script, fail_executor("node-2", for_="5m"))


def test_what_starts_while_the_engine_fails_fails_too():
    """Everywhere: the job gives up, with the reason of its executions."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="1m")))
        assert "Failed" == await job.wait_over(within="30m")
        assert {"the engine failed"} == {execution.message for execution in job.failed}

    play(script, fail_executor(for_="20m"))


@pytest.mark.parametrize("type", sorted(TYPES))
def test_out_of_memory_kills_what_runs(type: str):
    """With the docker engine's text, and only executions of the job that is meant."""

    async def script(cluster: ClusterHandle) -> None:
        victim = await cluster.submit(TYPES[type](noop(runs_for="10m"), name="victim"))
        other = await cluster.submit(batch(noop(runs_for="1m"), count=3, name="other"))
        await victim.wait_running()
        await other.wait_running(3)
        cluster.inject(out_of_memory(job="victim", times=1))
        await victim.wait_executions(1, "Failed", within="10s")
        assert victim.failed[0].message.startswith("execution error: memory limit exceeded. Please refer to ")
        await other.wait("Completed", within="5m")
        assert 3 == len(other.executions)

    play(script)


def test_a_full_disk_lets_nothing_start_and_nothing_be_published():
    """What runs already runs on, and fails when it wants to publish."""

    async def script(cluster: ClusterHandle) -> None:
        runs = await cluster.submit(batch(noop(runs_for="10s"), publisher="noop"))
        await runs.wait_running()
        cluster.inject(full_disk(for_="1m"))
        late = await cluster.submit(batch(noop(runs_for="10s")))
        await late.wait_executions(1, "Failed", within="10s")
        assert "starting the program: no space left on device" == late.failed[0].message
        await runs.wait_executions(1, "Failed", within="1m")
        assert "failed to publish result: no space left on device" == runs.failed[0].message

    play(script)


def test_a_hanging_executor_is_found_by_the_timeout_only():
    """The node stays connected; the execution fails with its time, and runs elsewhere."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="10s"), execution_timeout="1m"))
        execution = await job.wait_running()
        cluster.inject(hang_executor(execution.node, for_="10m"))
        await job.wait("Completed", within="10m")
        assert cluster.node(execution.node).is_connected
        assert ["Execution timed out after 1m0s"] == [one.message for one in job.failed]

    play(script)


def test_what_hung_goes_on_when_the_fault_ends():
    """The end that was kept back is reported then."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="10s", stdout="done")))
        await job.wait("Completed", within="5m")
        assert (40, "done", 1) == (round(cluster.now_s), job.completed[0].stdout, len(job.executions))

    play(script, hang_executor("all", for_="40s"))


def test_what_hung_on_a_node_that_lost_its_power_is_forgotten():
    """After the restart nothing of the earlier life is reported."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(service(noop(runs_for="10s")))
        execution = await job.wait_running()
        cluster.inject(hang_executor(execution.node, for_="1m"), restart(execution.node, after="30s"))
        await cluster.advance("59s")
        assert execution.is_running
        await job.wait_executions(1, "Failed", within="1m")
        assert 60 == round(cluster.now_s)  # The second life's own end, kept back as well.

    play(script, nodes=1)


def test_a_slow_node_takes_a_factor_longer():
    """Also for what ran before, from then on; other nodes are as fast as ever."""

    async def script(cluster: ClusterHandle) -> None:
        before = await cluster.submit(batch(noop(runs_for="20s")))
        await cluster.advance("10s")
        cluster.inject(slow("node-1", "x10", for_="10m"))
        after = await cluster.submit(batch(noop(runs_for="20s")))
        await before.wait("Completed", within="10m")
        assert 110 == round(cluster.now_s)  # 10 s at full speed, and 10 s of work in 100.
        await after.wait("Completed", within="10m")
        assert 210 == round(cluster.now_s)

    play(script, nodes=1)


def test_a_slow_node_still_obeys_a_stop():
    """What is stopped does not end later."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="10s")))
        await cluster.advance("15s")
        await job.stop()
        await job.wait("Stopped", within="1s")
        await cluster.advance("5m")
        assert ["Cancelled"] == [execution.state for execution in job.executions]

    play(script, slow("all", factor=10, for_="2m"))


def test_a_slow_pull_starts_programs_late():
    """By so much; a job that is stopped meanwhile never starts."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="5s")))
        stopped = await cluster.submit(batch(noop(runs_for="5s")))
        await cluster.advance("10s")
        await stopped.stop()
        await job.wait("Completed", within="5m")
        assert 35 == round(cluster.now_s)
        await cluster.advance("1m")
        assert ["Cancelled"] == [execution.state for execution in stopped.executions]

    play(script, slow_pull(by="30s", for_="1m"))


def test_a_slow_pull_may_be_of_one_image():
    """An engine without images is not concerned."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="5s")))
        await job.wait("Completed", within="10s")

    play(script, slow_pull(image="busybox*", for_="1m"))


def test_lost_results_are_empty_and_cannot_be_published():
    """Without a publisher the job completes without its output; with one it fails and runs again."""

    async def script(cluster: ClusterHandle) -> None:
        silent = await cluster.submit(batch(noop(runs_for="5s", stdout="precious")))
        await silent.wait("Completed", within="1m")
        assert "" == silent.completed[0].stdout
        public = await cluster.submit(batch(noop(runs_for="5s", stdout="precious"), publisher="noop"))
        await public.wait("Completed", within="10m")
        assert ["failed to publish result: the results are gone"] == [one.message for one in public.failed]
        assert "precious" == public.completed[0].stdout

    play(script, lose_results(times=2))


def test_faults_of_one_node_pass_through_each_other():
    """Slow, and then the engine hangs: the late end is kept back, too."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="10s")))
        await job.wait("Completed", within="10m")
        assert 90 == round(cluster.now_s)

    play(script, slow("all", factor=2, for_="5m"), hang_executor("all", after="15s", until="90s"))


def test_nothing_is_asked_when_no_fault_is_active():
    """The hook is there while an executor fault is, and not a moment longer."""
    cluster, engine = a_cluster()
    engine.inject(slow("node-1", after="10s", for_="10s"))
    engine.inject(crash("node-2"))
    assert cluster.faults is None
    cluster.run_for(15 * SECOND_NS)
    assert cluster.faults is not None
    cluster.run_for(15 * SECOND_NS)
    assert cluster.faults is None
