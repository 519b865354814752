"""More work than room: executions wait on their nodes, jobs wait for nodes."""

from devstack.models.resources import Resources
from devstack.scenario import batch, daemon, noop, ops, scenario, service

SMALL = Resources(cpu_millis=1000, memory_bytes=4 * 10**9, disk_bytes=10**10)
ONE_SLOT = {f"node-{number}": {"total": SMALL} for number in (1, 2)}


@scenario(nodes=2, shapes=ONE_SLOT, covers="batch: full cluster")
async def batch_jobs_take_turns(cluster):
    """Two nodes have room for one execution each, and both are busy: the next job waits until a place is free."""
    busy = await cluster.submit(batch(noop(runs_for="1m"), count=2, cpu="1"))
    await busy.wait_running(2)
    job = await cluster.submit(batch(noop(runs_for="1m"), cpu="1", queue_timeout="1h"))
    await job.wait("Completed", within="10m")
    assert busy.state == "Completed"
    assert cluster.now_s > 120


@scenario(nodes=2, shapes=ONE_SLOT, covers="ops: full cluster")
async def an_ops_job_waits_on_its_nodes_for_room(cluster):
    """Both nodes are busy; the ops job is placed on them all the same, waits in their queues, and completes."""
    busy = await cluster.submit(batch(noop(runs_for="3m"), count=2, cpu="1"))
    await busy.wait_running(2)
    job = await cluster.submit(ops(noop(runs_for="10s"), cpu="0.5"))
    await job.wait("Completed", within="10m")
    assert cluster.now_s > 180


@scenario(nodes=2, shapes=ONE_SLOT, covers="service: full cluster")
async def a_service_waits_in_the_queue_until_there_is_room(cluster):
    """Both nodes are busy and have work waiting too: the service is Queued, and runs when the first jobs are done."""
    busy = await cluster.submit(batch(noop(runs_for="5m"), count=2, cpu="1"))
    await busy.wait_running(2)
    await cluster.submit(batch(noop(runs_for="5m"), count=2, cpu="0.5"))  # Half of the room that a node's queue has.
    await cluster.advance("1m")  # Nodes report what they have left every 30 seconds.
    job = await cluster.submit(service(noop(runs_for="24h"), cpu="1", queue_timeout="1h"))
    await cluster.advance("1s")
    assert job.state == "Queued"
    await job.wait_running(within="30m")
    assert busy.state == "Completed"
    assert cluster.now_s > 300


@scenario(nodes=2, shapes=ONE_SLOT, covers="daemon: full cluster")
async def a_daemon_waits_on_each_node_for_room(cluster):
    """A daemon is placed on full nodes and starts as soon as they have room."""
    busy = await cluster.submit(batch(noop(runs_for="4m"), count=2, cpu="1"))
    await busy.wait_running(2)
    job = await cluster.submit(daemon(noop(runs_for="24h"), cpu="0.5"))
    await busy.wait("Completed", within="10m")
    await cluster.advance("1m")
    assert len(job.running) == 2
