"""The engine of one node breaks: what runs there fails, and so does whatever is started there."""

from devstack.faults import fail_executor
from devstack.scenario import batch, daemon, noop, ops, scenario, service

BROKEN = "the engine is broken"


@scenario(nodes=3, covers="batch: executor failure and retry")
async def a_batch_job_is_tried_on_another_node(cluster):
    """It works on two of three nodes. The engine of one breaks under it, so that part is done on the third."""
    job = await cluster.submit(batch(noop(runs_for="1m"), count=2))
    broken = (await job.wait_running(2)).node
    cluster.inject(fail_executor(broken, after="10s", error=BROKEN))
    await job.wait("Completed", within="10m")
    assert {failed.node for failed in job.failed} == {broken}
    assert job.nodes_used == {"node-1", "node-2", "node-3"}


@scenario(nodes=3, faults=[fail_executor("node-1", error="hiccup", times=1)], covers="ops: executor failure and retry")
async def an_ops_execution_that_fails_is_tried_once_more(cluster):
    """A hiccup on one node: its second try completes, and so does the job."""
    job = await cluster.submit(ops(noop(runs_for="10s")))
    await job.wait("Completed", within="10m")
    assert [failed.node for failed in job.failed] == ["node-1"]
    assert len(job.completed) == 3


@scenario(nodes=3, covers="service: executor failure and retry")
async def a_service_moves_to_the_nodes_that_work(cluster):
    """The engine under one of two replicas breaks: in the end both run on the two nodes that work."""
    job = await cluster.submit(service(noop(runs_for="24h"), count=2))
    broken = (await job.wait_running(2)).node
    cluster.inject(fail_executor(broken, after="10s", error=BROKEN))
    good = {node.id for node in cluster.nodes} - {broken}
    await cluster.wait(lambda: {execution.node for execution in job.running} == good, within="5m", jobs=[job])
    assert {failed.node for failed in job.failed} == {broken}


@scenario(
    nodes=3,
    faults=[fail_executor("node-1", error=BROKEN, for_="2m")],
    covers="daemon: executor failure and retry",
)
async def a_daemon_keeps_trying_until_the_engine_is_mended(cluster):
    """The engine of one node fails for two minutes: the daemon is started there every ten seconds, and then it runs."""
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await cluster.advance("5m")
    assert {execution.node for execution in job.running} == {"node-1", "node-2", "node-3"}
    assert 2 <= len(job.failed) <= 13
