"""Who goes first where there is room for one."""

from devstack.models.resources import Resources
from devstack.scenario import batch, daemon, noop, ops, scenario, service

ONE = Resources(cpu_millis=1000, memory_bytes=4 * 10**9, disk_bytes=10**10)
ONE_SLOT = {"node-1": {"total": ONE}}


async def important_first(cluster, ordinary, important):
    """Hand in both jobs while the one place is taken, the ordinary one first, and wait until it is free."""
    busy = await cluster.submit(batch(noop(runs_for="2m"), cpu="0.6"))
    await busy.wait_running()
    waiting = await cluster.submit(ordinary), await cluster.submit(important)
    await busy.wait("Completed", within="5m")
    return waiting


@scenario(nodes=1, shapes=ONE_SLOT, covers="batch: priorities")
async def the_more_important_batch_job_starts_first(cluster):
    """Both wait for the one place of the one node; the important job gets it, though it came later."""
    job = batch(noop(runs_for="1m"), cpu="0.6")
    ordinary, important = await important_first(cluster, job, batch(noop(runs_for="1m"), cpu="0.6", priority=10))
    await important.wait("Completed", within="10m")
    assert ordinary.state != "Completed"
    await ordinary.wait("Completed", within="10m")


@scenario(nodes=1, shapes=ONE_SLOT, covers="ops: priorities")
async def the_more_important_ops_job_starts_first(cluster):
    """The same for an ops job, which waits on its node."""
    job = ops(noop(runs_for="1m"), cpu="0.6")
    ordinary, important = await important_first(cluster, job, ops(noop(runs_for="1m"), cpu="0.6", priority=10))
    await important.wait("Completed", within="10m")
    assert ordinary.state != "Completed"
    await ordinary.wait("Completed", within="10m")


@scenario(nodes=1, shapes=ONE_SLOT, covers="service: priorities")
async def the_more_important_service_gets_the_place(cluster):
    """A service holds its place for ever, so the order decides who runs at all: a batch job behind it waits."""
    ordinary, important = await important_first(
        cluster, batch(noop(runs_for="1m"), cpu="0.6"), service(noop(runs_for="24h"), cpu="0.6", priority=10)
    )
    await important.wait_running(within="1m")
    await cluster.advance("5m")
    assert ordinary.state != "Completed"


@scenario(nodes=1, shapes=ONE_SLOT, covers="daemon: priorities")
async def the_more_important_daemon_gets_the_place(cluster):
    """The same for a daemon: a batch job behind it waits."""
    ordinary, important = await important_first(
        cluster, batch(noop(runs_for="1m"), cpu="0.6"), daemon(noop(runs_for="24h"), cpu="0.6", priority=10)
    )
    await cluster.advance("5m")
    assert important.state == "Running"
    assert ordinary.state != "Completed"
