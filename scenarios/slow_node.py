"""A gray failure: one node is ten times slower than the others, and otherwise fine."""

from devstack.faults import slow
from devstack.scenario import batch, daemon, noop, ops, scenario, service

SLOW = [slow("node-1", factor=10)]


@scenario(nodes=2, faults=SLOW, covers="batch: slow node")
async def a_batch_job_that_times_out_on_the_slow_node_completes_elsewhere(cluster):
    """A minute of work takes ten there; the timeout of two minutes moves it to the other node."""
    job = await cluster.submit(batch(noop(runs_for="1m"), count=2, execution_timeout="2m"))
    await job.wait_executions(1, "Failed", within="5m")
    await job.stop()
    assert [failed.node for failed in job.failed] == ["node-1"]
    again = await cluster.submit(batch(noop(runs_for="1m"), execution_timeout="2m"))
    await again.wait("Completed", within="10m")
    assert [done.node for done in again.completed] == ["node-2"]


@scenario(nodes=3, faults=SLOW, covers="ops: slow node")
async def an_ops_job_is_as_slow_as_its_slowest_node(cluster):
    """It completes when the last node is done."""
    job = await cluster.submit(ops(noop(runs_for="1m")))
    await job.wait("Completed", within="15m")
    assert 600 < cluster.now_s < 610


@scenario(nodes=3, faults=SLOW, covers="service: slow node")
async def a_service_does_not_mind_a_slow_node(cluster):
    """Nobody waits for the end of a service."""
    job = await cluster.submit(service(noop(runs_for="24h"), count=3))
    await job.wait_running(3, within="1m")


@scenario(nodes=3, faults=SLOW, covers="daemon: slow node")
async def a_daemon_runs_on_a_slow_node_too(cluster):
    """It is for every node."""
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await job.wait_running(3, within="1m")
