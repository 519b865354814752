"""A node loses its power while it works, and does not come back."""

from devstack.faults import crash
from devstack.scenario import batch, daemon, noop, ops, scenario, service


@scenario(nodes=5, covers="batch: node lost")
async def a_lost_node_does_not_lose_the_job(cluster):
    """A batch job on three nodes loses one of them: that part is run again elsewhere, and the job completes."""
    job = await cluster.submit(batch(noop(runs_for="2m"), count=3))
    execution = await job.wait_running(3)
    cluster.inject(crash(execution.node, after="30s"))
    await job.wait("Completed", within="15m")
    assert len(job.completed) == 3
    assert execution.node in job.nodes_used
    assert execution.node not in {done.node for done in job.completed}


@scenario(nodes=4, covers="ops: node lost")
async def an_ops_job_tells_that_a_node_was_lost(cluster):
    """An ops job has to run on every node; one that dies on the way makes it fail, and the message says so."""
    job = await cluster.submit(ops(noop(runs_for="5m")))
    await job.wait_running(4)
    cluster.inject(crash("node-2", after="1m"))
    await job.wait("Failed", within="30m")
    assert len(job.completed) == 3
    assert "node" in job.message


@scenario(nodes=4, covers="service: node lost")
async def a_service_gets_its_replica_back(cluster):
    """A service of two keeps two replicas: the one that was lost is replaced on another node."""
    job = await cluster.submit(service(noop(runs_for="24h"), count=2))
    lost = (await job.wait_running(2)).node
    cluster.inject(crash(lost))
    await cluster.node(lost).wait_connected(False, within="2m")
    await cluster.wait(lambda: len([e for e in job.running if e.node != lost]) == 2, within="5m", jobs=[job])
    assert job.state == "Running"


@scenario(nodes=3, covers="daemon: node lost")
async def a_daemon_goes_on_where_there_are_nodes(cluster):
    """A daemon loses one of its nodes and keeps running on the others."""
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await job.wait_running(3)
    cluster.inject(crash("node-3"))
    await cluster.node("node-3").wait_connected(False, within="2m")
    await cluster.advance("5m")
    assert {execution.node for execution in job.running} == {"node-1", "node-2"}
    assert job.state == "Running"
