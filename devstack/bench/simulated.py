"""Figures of a cluster in this process, at virtual pace."""

from __future__ import annotations

import time

from devstack.cluster import Cluster, simulated_nodes
from devstack.kernel import Keep, Trace
from devstack.models.job import Job, JobState, SpecConfig, Task
from devstack.runtime.simulated import SimulatedShell

__all__ = ["executions_per_second", "jobs_per_second", "ready_cluster"]

SECOND_NS = 1_000_000_000
NODES = 100


def ready_cluster(nodes: int) -> Cluster:
    """So many like nodes, each registered and heard; digest on, no records kept."""
    cluster = Cluster(simulated_nodes(nodes), lambda world: SimulatedShell(world.kernel), trace=Trace(Keep.NONE))
    cluster.start()
    cluster.run_for(SECOND_NS)
    assert cluster.is_ready
    return cluster


def _noop_job(count: int) -> Job:
    return Job(type="batch", count=count, tasks=(Task(name="main", engine=SpecConfig("noop"), publisher=SpecConfig()),))


def _completed_per_second(jobs: int, count: int) -> float:
    """How many executions complete in a second of the wall clock."""
    cluster, job = ready_cluster(NODES), _noop_job(count)
    started = time.perf_counter()
    for _ in range(jobs):
        cluster.submit(job)
    deadline_ns = cluster.now_ns + 3600 * SECOND_NS
    while cluster.requester.store.in_progress() and cluster.now_ns < deadline_ns:
        cluster.run_for(SECOND_NS)
    elapsed_s = time.perf_counter() - started
    records = list(cluster.requester.store.jobs())
    assert all(record.state is JobState.COMPLETED for record in records), {record.state.text for record in records}
    return jobs * count / elapsed_s


def executions_per_second() -> float:
    """50 jobs of Count 100 on 100 nodes."""
    return _completed_per_second(50, 100)


def jobs_per_second() -> float:
    """5,000 jobs of Count 1 on 100 nodes."""
    return _completed_per_second(5_000, 1)
