"""Three clocks: for one execution, for the time in the queue, for the whole job."""

from devstack.models.resources import Resources
from devstack.scenario import batch, daemon, noop, ops, scenario, service

SMALL = Resources(cpu_millis=1000, memory_bytes=4 * 10**9, disk_bytes=10**10)


@scenario(nodes=2, covers="batch: execution timeout")
async def an_execution_that_takes_too_long_is_ended_and_tried_again(cluster):
    """An hour of work with a limit of one minute: it is tried twice on each of two nodes, then the job fails."""
    job = await cluster.submit(batch(noop(runs_for="1h"), execution_timeout="1m", total_timeout="2h"))
    await job.wait("Failed", within="20m")
    assert all(failed.message == "Execution timed out after 1m0s" for failed in job.failed)
    assert len(job.failed) == 4


@scenario(nodes=2, covers="ops: execution timeout")
async def an_ops_execution_that_takes_too_long_is_ended(cluster):
    """The same on every node that an ops job is for: two tries, then the job fails and counts the nodes."""
    job = await cluster.submit(ops(noop(runs_for="1h"), execution_timeout="1m", total_timeout="2h"))
    await job.wait("Failed", within="20m")
    assert "timed out" in job.failed[0].message


@scenario(nodes=2, covers=["service: execution timeout", "service: total timeout"])
async def a_service_has_no_end_that_a_clock_could_miss(cluster):
    """Execution and total timeouts are not for jobs that run until they are stopped: after a day it still runs."""
    job = await cluster.submit(service(noop(runs_for="1000h"), execution_timeout="1h", total_timeout="2h"))
    first = await job.wait_running()
    await cluster.advance("24h")
    assert [execution.id for execution in job.running] == [first.id]


@scenario(nodes=2, covers=["daemon: execution timeout", "daemon: total timeout"])
async def a_daemon_has_no_end_that_a_clock_could_miss(cluster):
    """The same for a daemon: after a day its executions are still the first ones."""
    job = await cluster.submit(daemon(noop(runs_for="1000h"), execution_timeout="1h", total_timeout="2h"))
    await job.wait_running(2)
    await cluster.advance("24h")
    assert len(job.running) == len(job.executions) == 2


@scenario(nodes=2, covers="batch: total timeout")
async def a_batch_job_may_take_so_long_in_all(cluster):
    """It needs twenty minutes and may take ten in all: it is ended, and fails."""
    job = await cluster.submit(batch(noop(runs_for="20m"), count=2, total_timeout="10m"))
    await job.wait("Failed", within="20m")
    assert not job.completed
    assert cluster.now_s < 15 * 60


@scenario(nodes=2, covers="ops: total timeout")
async def an_ops_job_may_take_so_long_in_all(cluster):
    """The same on every node that an ops job is for."""
    job = await cluster.submit(ops(noop(runs_for="20m"), total_timeout="10m"))
    await job.wait("Failed", within="30m")
    assert not job.completed


@scenario(nodes=1, shapes={"node-1": {"total": SMALL}}, covers="batch: queue timeout")
async def a_batch_job_does_not_wait_for_ever(cluster):
    """The one node is busy and has work waiting, so there is no room for ten minutes: the job fails and says why."""
    busy = await cluster.submit(batch(noop(runs_for="25m"), cpu="1"))
    await busy.wait_running()
    await cluster.submit(batch(noop(runs_for="25m"), cpu="0.5"))  # Half of the room that the node's queue has.
    await cluster.advance("1m")  # Nodes report what they have left every 30 seconds.
    job = await cluster.submit(batch(noop(runs_for="1s"), cpu="1", queue_timeout="10m"))
    await cluster.advance("1s")
    assert job.state == "Queued"
    await job.wait("Failed", within="15m")
    assert "not enough nodes" in job.message
    assert busy.state == "Running"


@scenario(nodes=2, covers="service: queue timeout")
async def a_service_does_not_wait_for_ever(cluster):
    """Three replicas on two nodes: after the queue timeout the service fails, and those that ran are stopped."""
    job = await cluster.submit(service(noop(runs_for="24h"), count=3, queue_timeout="10m"))
    await job.wait_running(2)
    await job.wait("Failed", within="15m")
    await cluster.wait(lambda: not job.running, within="1m", jobs=[job])


@scenario(nodes=2, covers="ops: queue timeout")
async def an_ops_job_never_queues(cluster):
    """Where no node fits, an ops job fails at once, whatever its queue timeout says."""
    job = await cluster.submit(ops(noop(), where="zone=nowhere", queue_timeout="1h"))
    await job.wait("Failed", within="10s")


@scenario(nodes=2, covers="daemon: queue timeout")
async def a_daemon_waits_for_a_fitting_node_without_a_limit(cluster):
    """Where no node fits, a daemon stays Pending: a fitting one may join any day."""
    job = await cluster.submit(daemon(noop(), where="zone=nowhere"))
    await cluster.advance("24h")
    assert job.state == "Pending"
