"""The requester itself loses its power for a minute. What it had stored is still there when it comes back."""

from devstack.faults import crash
from devstack.scenario import batch, daemon, noop, ops, scenario, service

OUTAGE = crash("requester", after="20s", restart_after="1m")


@scenario(nodes=4, covers="batch: requester restart")
async def a_batch_job_outlives_its_requester(cluster):
    """Results that came while nobody listened are told again, and the job completes without a second run."""
    job = await cluster.submit(batch(noop(runs_for="30s"), count=3))
    await job.wait_running(3)
    cluster.inject(OUTAGE)
    await job.wait("Completed", within="15m")
    assert len(job.executions) == 3


@scenario(nodes=4, covers="ops: requester restart")
async def an_ops_job_outlives_its_requester(cluster):
    """One execution a node, before and after."""
    job = await cluster.submit(ops(noop(runs_for="30s")))
    await job.wait_running(4)
    cluster.inject(OUTAGE)
    await job.wait("Completed", within="15m")
    assert len(job.executions) == 4


@scenario(nodes=4, covers="service: requester restart")
async def a_service_runs_through_the_outage(cluster):
    """Nodes do not need the requester to go on; after its return nothing has to be started anew."""
    job = await cluster.submit(service(noop(runs_for="24h"), count=2))
    await job.wait_running(2)
    before = {execution.id for execution in job.running}
    cluster.inject(OUTAGE)
    await cluster.advance("10m")
    assert {execution.id for execution in job.running} == before


@scenario(nodes=3, covers="daemon: requester restart")
async def a_daemon_runs_through_the_outage(cluster):
    """Still exactly one execution on each node."""
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await job.wait_running(3)
    cluster.inject(OUTAGE)
    await cluster.advance("10m")
    assert sorted(execution.node for execution in job.running) == ["node-1", "node-2", "node-3"]
    assert len(job.executions) == 3
