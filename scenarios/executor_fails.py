"""The engine of one node is broken: whatever is started there fails."""

from devstack.faults import fail_executor
from devstack.scenario import batch, daemon, noop, ops, scenario, service

BROKEN = [fail_executor("node-1", error="the engine is broken")]


@scenario(nodes=3, faults=BROKEN, covers="batch: executor failure and retry")
async def a_batch_job_is_tried_on_another_node(cluster):
    """Three wanted, three nodes, one of them broken: the job fails only after the broken one was tried twice."""
    job = await cluster.submit(batch(noop(runs_for="10s"), count=2))
    await job.wait("Completed", within="10m")
    assert {done.node for done in job.completed} == {"node-2", "node-3"}


@scenario(nodes=3, faults=[fail_executor("node-1", error="hiccup", times=1)], covers="ops: executor failure and retry")
async def an_ops_execution_that_fails_is_tried_once_more(cluster):
    """A hiccup on one node: its second try completes, and so does the job."""
    job = await cluster.submit(ops(noop(runs_for="10s")))
    await job.wait("Completed", within="10m")
    assert [failed.node for failed in job.failed] == ["node-1"]
    assert len(job.completed) == 3


@scenario(nodes=3, faults=BROKEN, covers="service: executor failure and retry")
async def a_service_finds_the_nodes_that_work(cluster):
    """Two replicas on the two good nodes."""
    job = await cluster.submit(service(noop(runs_for="24h"), count=2))
    await cluster.wait(lambda: {e.node for e in job.running} == {"node-2", "node-3"}, within="5m", jobs=[job])


@scenario(
    nodes=3,
    faults=[fail_executor("node-1", error="the engine is broken", for_="2m")],
    covers="daemon: executor failure and retry",
)
async def a_daemon_keeps_trying_until_the_engine_is_mended(cluster):
    """It fails for two minutes, is started again every ten seconds at most, and then runs."""
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await cluster.advance("5m")
    assert {execution.node for execution in job.running} == {"node-1", "node-2", "node-3"}
    assert 2 <= len(job.failed) <= 13
