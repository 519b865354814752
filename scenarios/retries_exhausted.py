"""Every try fails. What is meant to end is tried twice on each node; what is meant to run on is never given up."""

from devstack.scenario import batch, daemon, noop, ops, scenario, service

HOPELESS = noop(runs_for="1s", fails="out of luck")


@scenario(nodes=3, covers="batch: retries exhausted")
async def a_batch_job_is_tried_twice_on_every_node(cluster):
    """Six tries on three nodes, then the job says why there is no seventh."""
    job = await cluster.submit(batch(HOPELESS))
    await job.wait("Failed", within="10m")
    assert sorted(failed.node for failed in job.failed) == ["node-1", "node-1", "node-2", "node-2", "node-3", "node-3"]
    assert "already executed on this node more than once" in job.message


@scenario(nodes=3, covers="ops: retries exhausted")
async def an_ops_job_is_tried_twice_on_every_node(cluster):
    """Two tries on each of three nodes, then the job fails, and its message counts the nodes."""
    job = await cluster.submit(ops(HOPELESS))
    await job.wait("Failed", within="10m")
    assert len(job.failed) == 6
    assert "3 of 3 nodes" in job.message


@scenario(nodes=3, covers="service: retries exhausted")
async def a_service_is_never_given_up(cluster):
    """A service that always fails moves from node to node, but rests ten seconds before it comes back to one."""
    job = await cluster.submit(service(HOPELESS))
    await cluster.advance("2m")
    assert job.state == "Running"
    assert 30 <= len(job.failed) <= 39


@scenario(nodes=2, covers="daemon: retries exhausted")
async def a_daemon_is_never_given_up(cluster):
    """A daemon that always fails is started again and again, but not more often than every ten seconds and node."""
    job = await cluster.submit(daemon(HOPELESS))
    await cluster.advance("2m")
    assert job.state == "Running"
    assert 8 <= len(job.failed) <= 26
