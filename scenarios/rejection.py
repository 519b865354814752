"""Nodes that refuse: by their rules when they bid, or because somebody has rejected them."""

from devstack.scenario import batch, daemon, noop, ops, scenario, service

PICKY = {"node-1": {"max_timeout_ns": 60 * 10**9}, "node-2": {"max_timeout_ns": 60 * 10**9}}


@scenario(nodes=3, shapes=PICKY, covers="batch: rejection")
async def a_batch_job_goes_on_to_a_node_that_accepts_it(cluster):
    """Two nodes take no job that may last longer than a minute; the third does."""
    job = await cluster.submit(batch(noop(runs_for="10s"), execution_timeout="10m"))
    await job.wait("Completed", within="5m")
    assert [done.node for done in job.completed] == ["node-3"]
    refused = [execution for execution in job.executions if execution.state == "AskForBidRejected"]
    assert all("accept jobs with timeout 10m0s" in execution.message for execution in refused)


@scenario(nodes=3, shapes=PICKY, covers="ops: rejection")
async def an_ops_job_fails_where_a_node_refuses_it(cluster):
    """An ops job wants every node, so a refusal is a failure, and the job says where and why."""
    job = await cluster.submit(ops(noop(runs_for="10s"), execution_timeout="10m"))
    await job.wait("Failed", within="5m")
    assert {execution.node for execution in job.completed} == {"node-3"}
    assert "job rejected" in job.message


@scenario(nodes=3, covers="service: rejection")
async def a_service_moves_away_from_a_rejected_node(cluster):
    """Somebody rejects the node that a replica runs on: it is given up and started elsewhere."""
    job = await cluster.submit(service(noop(runs_for="24h")))
    first = (await job.wait_running()).node
    await cluster.node(first).reject()
    await cluster.wait(lambda: [e.node for e in job.running] not in ([], [first]), within="2m", jobs=[job])
    assert first not in {execution.node for execution in job.running}


@scenario(nodes=3, covers="daemon: rejection")
async def a_daemon_leaves_a_rejected_node_and_returns_when_it_is_approved(cluster):
    """Somebody rejects a node: the daemon ends there. The node is approved again: the daemon runs there again."""
    job = await cluster.submit(daemon(noop(runs_for="24h")))
    await job.wait_running(3)
    await cluster.node("node-2").reject()
    await cluster.wait(lambda: {e.node for e in job.running} == {"node-1", "node-3"}, within="2m", jobs=[job])
    await cluster.node("node-2").approve()
    await cluster.wait(lambda: len(job.running) == 3, within="2m", jobs=[job])
