"""Who goes first where there is room for one."""

from devstack.models.resources import Resources
from devstack.scenario import batch, daemon, noop, ops, scenario, service

ONE = Resources(cpu_millis=1000, memory_bytes=4 * 10**9, disk_bytes=10**10)
ONE_SLOT = {"node-1": {"total": ONE}}


async def important_first(cluster, ordinary, important):
    """On a node with one place, both wait; the important one starts first although it came later."""
    busy = await cluster.submit(batch(noop(runs_for="2m"), cpu="0.6"))
    await busy.wait_running()
    late = await cluster.submit(ordinary)
    early = await cluster.submit(important)
    await busy.wait("Completed", within="5m")
    return late, early


@scenario(nodes=1, shapes=ONE_SLOT, covers="batch: priorities")
async def the_more_important_batch_job_starts_first(cluster):
    """Both wait for the same place."""
    job = batch(noop(runs_for="1m"), cpu="0.6")
    late, early = await important_first(cluster, job, batch(noop(runs_for="1m"), cpu="0.6", priority=10))
    await early.wait("Completed", within="10m")
    assert late.state != "Completed"
    await late.wait("Completed", within="10m")


@scenario(nodes=1, shapes=ONE_SLOT, covers="ops: priorities")
async def the_more_important_ops_job_starts_first(cluster):
    """On its node, it overtakes."""
    job = ops(noop(runs_for="1m"), cpu="0.6")
    late, early = await important_first(cluster, job, ops(noop(runs_for="1m"), cpu="0.6", priority=10))
    await early.wait("Completed", within="10m")
    assert late.state != "Completed"
    await late.wait("Completed", within="10m")


@scenario(nodes=1, shapes=ONE_SLOT, covers="service: priorities")
async def the_more_important_service_gets_the_place(cluster):
    """A service holds its place for ever, so the order decides who runs at all: a batch job behind it waits."""
    late, early = await important_first(
        cluster, batch(noop(runs_for="1m"), cpu="0.6"), service(noop(runs_for="24h"), cpu="0.6", priority=10)
    )
    await early.wait_running(within="1m")
    await cluster.advance("5m")
    assert late.state != "Completed"


@scenario(nodes=1, shapes=ONE_SLOT, covers="daemon: priorities")
async def the_more_important_daemon_gets_the_place(cluster):
    """As with a service."""
    late, early = await important_first(
        cluster, batch(noop(runs_for="1m"), cpu="0.6"), daemon(noop(runs_for="24h"), cpu="0.6", priority=10)
    )
    await cluster.advance("5m")
    assert early.state == "Running"
    assert late.state != "Completed"
