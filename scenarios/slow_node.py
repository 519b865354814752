"""A gray failure: one node is ten times slower than the others, and otherwise fine."""

from devstack.faults import slow
from devstack.scenario import batch, daemon, noop, ops, scenario, service

SLOW = [slow("node-1", factor=10)]


@scenario(nodes=3, covers="batch: slow node")
async def a_batch_job_that_times_out_on_the_slow_node_completes_elsewhere(cluster):
    """One of its nodes becomes slow: a minute of work would take ten there, so the timeout moves it to the third."""
    job = await cluster.submit(batch(noop(runs_for="1m"), count=2, execution_timeout="2m"))
    slowed = (await job.wait_running(2)).node
    cluster.inject(slow(slowed, factor=10))
    await job.wait("Completed", within="15m")
    assert {failed.node for failed in job.failed} == {slowed}
    assert job.nodes_used == {"node-1", "node-2", "node-3"}


@scenario(nodes=3, faults=SLOW, covers="ops: slow node")
async def an_ops_job_is_as_slow_as_its_slowest_node(cluster):
    """It completes when the last node is done: after ten minutes instead of one."""
    job = await cluster.submit(ops(noop(runs_for="1m")))
    await job.wait("Completed", within="15m")
    assert 600 < cluster.now_s < 610


@scenario(nodes=3, faults=SLOW, covers="service: slow node")
async def a_service_does_not_mind_a_slow_node(cluster):
    """Nobody waits for the end of a service, so its replica on the slow node stays where it is."""
    job = await cluster.submit(service(noop(runs_for="24h"), count=3))
    await job.wait_running(3, within="1m")
    await cluster.advance("1h")
    assert len(job.running) == len(job.executions) == 3


@scenario(nodes=3, faults=SLOW, covers="daemon: slow node")
async def a_daemon_runs_on_a_slow_node_too(cluster):
    """A daemon is for every node, however slow."""
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await job.wait_running(3, within="1m")
    await cluster.advance("1h")
    assert len(job.running) == len(job.executions) == 3
