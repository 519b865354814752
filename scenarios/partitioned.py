"""Some nodes cannot be reached for a while, then the network heals."""

from devstack.faults import isolate, partition
from devstack.scenario import batch, daemon, noop, ops, scenario, service


@scenario(nodes=4, covers="batch: partition and heal")
async def a_batch_job_is_run_again_when_its_node_is_cut_off(cluster):
    """Three minutes of silence are too long: the work is done elsewhere, and the late result is not counted twice."""
    job = await cluster.submit(batch(noop(runs_for="2m"), count=2))
    first = (await job.wait_running(2)).node
    cluster.inject(isolate(first, after="10s", for_="3m"))
    await job.wait("Completed", within="30m")
    assert len(job.completed) == 2
    await cluster.advance("10m")
    assert len(job.completed) == 2


@scenario(nodes=4, covers="ops: partition and heal")
async def a_short_partition_does_not_hurt_an_ops_job(cluster):
    """Half a minute of silence is forgiven: the results are told again when the network is back."""
    job = await cluster.submit(ops(noop(runs_for="20s")))
    await job.wait_running(4)
    cluster.inject(partition(["node-1", "node-2"], after="10s", for_="25s"))
    await job.wait("Completed", within="10m")
    assert len(job.completed) == 4


@scenario(nodes=4, covers="service: partition and heal")
async def a_service_has_its_count_again_after_a_partition(cluster):
    """The cut-off replica is replaced; when the network heals, the one too many is stopped."""
    job = await cluster.submit(service(noop(runs_for="24h"), count=2))
    first = (await job.wait_running(2)).node
    cluster.inject(isolate(first, for_="5m"))
    await cluster.advance("30m")
    assert len(job.running) == 2
    assert job.state == "Running"


@scenario(nodes=3, covers="daemon: partition and heal")
async def a_daemon_is_back_on_every_node_after_a_partition(cluster):
    """Cut off for five minutes, one live execution a node in the end."""
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await job.wait_running(3)
    cluster.inject(isolate("node-2", for_="5m"))
    await cluster.advance("30m")
    assert sorted(execution.node for execution in job.running) == ["node-1", "node-2", "node-3"]
