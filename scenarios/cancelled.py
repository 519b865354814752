"""Somebody stops a job while it runs."""

from devstack.scenario import batch, daemon, noop, ops, scenario, service


async def is_stopped_everywhere(cluster, job, count):
    """Stop the job after a minute, and see all its `count` executions end."""
    await job.wait_running(count)
    await cluster.advance("1m")
    await job.stop("changed my mind")
    await job.wait("Stopped", within="10s")
    await job.wait_executions(count, "Cancelled", within="10s")
    assert not job.running


@scenario(nodes=3, covers="batch: cancel while running")
async def a_batch_job_is_stopped(cluster):
    """All its executions end, and their room is free: another job that needs all of it completes."""
    job = await cluster.submit(batch(noop(runs_for="1h"), count=3, cpu="4"))
    await is_stopped_everywhere(cluster, job, 3)
    following = await cluster.submit(batch(noop(runs_for="1s"), count=3, cpu="4", queue_timeout="5m"))
    await following.wait("Completed", within="2m")


@scenario(nodes=3, covers="ops: cancel while running")
async def an_ops_job_is_stopped_on_all_nodes(cluster):
    """An ops job runs on three nodes, and its execution ends on each of them."""
    await is_stopped_everywhere(cluster, await cluster.submit(ops(noop(runs_for="1h"))), 3)


@scenario(nodes=3, covers="service: cancel while running")
async def a_service_is_stopped(cluster):
    """A service runs until somebody stops it; then both its replicas end."""
    await is_stopped_everywhere(cluster, await cluster.submit(service(noop(runs_for="1h"), count=2)), 2)


@scenario(nodes=3, covers="daemon: cancel while running")
async def a_daemon_is_stopped(cluster):
    """A daemon that was stopped ends on every node and does not come back on any."""
    job = await cluster.submit(daemon(noop(runs_for="1h")))
    await is_stopped_everywhere(cluster, job, 3)
    await cluster.advance("1h")
    assert not job.running
