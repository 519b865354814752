"""A node comes (back) while jobs are under way: here it was away from the start and returns after five minutes."""

from devstack.faults import crash
from devstack.scenario import batch, daemon, noop, ops, scenario, service

AWAY = [crash("node-3", restart_after="5m")]


@scenario(nodes=3, faults=AWAY, covers="batch: node joins")
async def a_waiting_batch_job_takes_the_node_that_joins(cluster):
    """Three executions want three nodes; the third waits in the queue until its node is there."""
    await cluster.node("node-3").wait_connected(False, within="2m")
    job = await cluster.submit(batch(noop(runs_for="20m"), count=3, queue_timeout="30m", total_timeout="2h"))
    await job.wait_running(2)
    await job.wait_running(3, within="10m")
    await job.wait("Completed", within="40m")
    assert job.nodes_used == {"node-1", "node-2", "node-3"}


@scenario(nodes=3, faults=AWAY, covers="ops: node joins")
async def an_ops_job_leaves_out_a_node_that_joins_later(cluster):
    """An ops job runs on the nodes that are there when it is placed; one that joins later does not take part."""
    await cluster.node("node-3").wait_connected(False, within="2m")
    job = await cluster.submit(ops(noop(runs_for="10m")))
    await cluster.node("node-3").wait_connected(within="10m")
    await job.wait("Completed", within="30m")
    assert job.nodes_used == {"node-1", "node-2"}


@scenario(nodes=3, faults=AWAY, covers="service: node joins")
async def a_service_that_misses_a_replica_takes_the_node_that_joins(cluster):
    """A service of three on two nodes waits for the third node, and is complete when that joins."""
    await cluster.node("node-3").wait_connected(False, within="2m")
    job = await cluster.submit(service(noop(runs_for="24h"), count=3, queue_timeout="1h"))
    await job.wait_running(3, within="10m")
    assert job.nodes_used == {"node-1", "node-2", "node-3"}


@scenario(nodes=3, faults=AWAY, covers="daemon: node joins")
async def a_daemon_runs_on_a_node_that_joins(cluster):
    """A daemon is for every node, also for one that comes later."""
    await cluster.node("node-3").wait_connected(False, within="2m")
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await job.wait_running(2)
    await cluster.node("node-3").wait_connected(within="10m")
    await job.wait_running(3, within="2m")
    assert job.nodes_used == {"node-1", "node-2", "node-3"}
