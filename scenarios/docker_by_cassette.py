"""Containers without a Docker engine: each was run once, and what it did lies in `cassettes/`.

To record what is missing, on a machine with Docker: devstack scenario run docker_by_cassette.py --docker record
"""

from devstack.scenario import batch, docker, ops, scenario

IMAGE = "busybox:latest"


@scenario(nodes=3)
async def a_container_says_hello_on_every_node(cluster):
    """Three nodes run the same container; one cassette serves them all."""
    job = await cluster.submit(ops(docker(IMAGE, "echo", "hello from a container")))
    await job.wait("Completed", within="1m")
    assert {execution.stdout for execution in job.completed} == {"hello from a container\n"}
    assert job.nodes_used == {"node-1", "node-2", "node-3"}


@scenario(nodes=2)
async def a_containers_exit_code_is_a_result(cluster):
    """A container that ends with code 3 has completed: what its code means is for whoever reads it."""
    job = await cluster.submit(batch(docker(IMAGE, "sh", "-c", "echo no luck >&2; exit 3")))
    await job.wait("Completed", within="1m")
    (execution,) = job.completed
    assert (execution.exit_code, execution.stderr) == (3, "no luck\n")


@scenario(nodes=1)
async def containers_wait_for_room(cluster):
    """A node of four CPUs has room for two containers of two CPUs; the third waits until one of them is done."""
    jobs = [await cluster.submit(batch(docker(IMAGE, "sleep", "2"), cpu="2")) for _ in range(3)]
    for job in jobs:
        await job.wait("Completed", within="20s")
    assert cluster.now_s >= 4
