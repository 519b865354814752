"""Inputs from a simulated object store: they take their time, fail, come damaged, or are there already."""

from devstack.compute.config import Locality
from devstack.faults import corrupt_storage, fail_storage, slow_storage
from devstack.scenario import batch, noop, scenario, stored

SECOND_NS = 1_000_000_000
NEAR = {"storage_latency_ns": SECOND_NS, "storage_bytes_per_s": 100_000_000}
STORE = {f"node-{number}": NEAR for number in (1, 2, 3)}
LOCAL = {node: {**near, "locality": Locality.LOCAL} for node, near in STORE.items()}


def counting(**more):
    """A job of ten seconds that has to fetch two gigabytes, for 21 seconds."""
    return batch(noop(runs_for="10s"), inputs=[stored("2gb", "/input")], **more)


@scenario(nodes=3, shapes=STORE)
async def a_job_whose_input_comes_too_slowly_runs_on_another_node(cluster):
    """Fetching is part of an execution's time: ten times 21 seconds are too long, and the next node needs only 21."""
    cluster.inject(slow_storage(factor=10, times=1))
    job = await cluster.submit(counting(execution_timeout="2m"))
    await job.wait("Completed", within="5m")
    assert 151 <= cluster.now_s < 152
    assert [one.message for one in job.failed] == ["preparing arguments: context deadline exceeded"]
    assert job.completed[0].node != job.failed[0].node


@scenario(nodes=3, shapes=STORE)
async def an_input_that_cannot_be_had_is_fetched_by_another_node(cluster):
    """The store does not answer two times; the third node gets the input."""
    cluster.inject(fail_storage(times=2, error="503 from the store"))
    job = await cluster.submit(counting())
    await job.wait("Completed", within="10m")
    assert [one.message for one in job.failed] == ["preparing arguments: 503 from the store"] * 2


@scenario(nodes=3, shapes=STORE)
async def a_damaged_input_never_runs(cluster):
    """Its checksum is wrong once it is there, after 21 seconds; another node fetches it again."""
    cluster.inject(corrupt_storage(times=1))
    job = await cluster.submit(counting())
    await job.wait_executions(1, "Failed", within="1m")
    assert 21 <= cluster.now_s < 22
    assert (
        job.failed[0].message
    ) == "preparing arguments: the input for /input is damaged: its checksum is not that of its source"
    await job.wait("Completed", within="10m")
    assert job.completed[0].node != job.failed[0].node


@scenario(nodes=3, shapes=LOCAL)
async def a_job_goes_to_the_node_that_holds_its_input(cluster):
    """Nodes with `locality: local` take no job that would have to fetch; the one that holds it starts at once."""
    held = await cluster.submit(batch(noop(runs_for="10s"), inputs=[stored("2gb", "/input", on=["node-2"])]))
    await held.wait("Completed", within="5m")
    assert held.completed[0].node == "node-2"
    nobody = await cluster.submit(counting())
    await nobody.wait("Failed", within="30m")
    assert [one.state for one in nobody.executions] == ["AskForBidRejected"] * 3
