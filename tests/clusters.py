"""A whole network in virtual time, as the tests of it make and read one."""

from __future__ import annotations

from typing import Any

from devstack.cluster import Cluster, simulated_nodes
from devstack.kernel import Drop
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Constraint, Job, ResourcesConfig, SpecConfig, Task, Timeouts
from devstack.orchestrator.store import JobRecord
from devstack.runtime.simulated import SimulatedShell

S = ComputeState
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOP = 500_000  # one way between two machines
GB = 10**9


def noop(**params: Any) -> SpecConfig:
    return SpecConfig("noop", params)


def job(
    kind: str = "batch", count: int = 1, *, engine: SpecConfig | None = None, publisher: str = "",
    resources: ResourcesConfig | None = None, timeouts: Timeouts | None = None, where: str = "", **fields: Any,
) -> Job:  # fmt: skip
    """A noop job; `where` names the only nodes that it may run on."""
    task = Task(
        "main", engine or noop(), SpecConfig(publisher), resources=resources or ResourcesConfig(),
        timeouts=timeouts or Timeouts(),
    )  # fmt: skip
    constraints = (Constraint("name", "in", tuple(where.split())),) if where else ()
    return Job(type=kind, count=count, tasks=(task,), constraints=constraints, **fields)


def make_cluster(nodes: Any = 3, *, make_shell: Any = None, **settings: Any) -> Cluster:
    """Started, and every node heard of; half a second has passed."""
    configs = simulated_nodes(nodes) if isinstance(nodes, int) else nodes
    cluster = Cluster(configs, make_shell or (lambda world: SimulatedShell(world.kernel)), **settings)
    cluster.start()
    cluster.run_for(SECOND // 2)
    assert cluster.is_ready
    return cluster


def run_until_over(cluster: Cluster, *records: JobRecord, within_ns: int = 60 * MINUTE) -> None:
    deadline_ns = cluster.now_ns + within_ns
    while any(not record.is_terminal for record in records) and cluster.now_ns < deadline_ns:
        cluster.run_for(SECOND // 2)
    assert all(record.is_terminal for record in records), "not over in time"


def states(record: JobRecord) -> list[ComputeState]:
    return sorted(execution.compute for execution in record.executions.values())


def by_node(record: JobRecord) -> dict[str, list[ComputeState]]:
    found: dict[str, list[ComputeState]] = {}
    for execution in record.executions.values():
        found.setdefault(execution.node_id, []).append(execution.compute)
    return found


def changes_of(record: JobRecord) -> list[tuple[str, int, int, int, str]]:
    return [(type(e).__name__[0], e.new_revision, int(e.previous), int(e.new), e.event.message) for e in record.history]


def only(record: JobRecord) -> Execution:
    (execution,) = record.executions.values()
    return execution


def silence(cluster: Cluster, *names: str) -> list[bool]:
    """Drop every packet from and to these nodes until the answer is cleared."""
    is_on = [True]
    cluster.kernel.network.rules.append(
        lambda packet: Drop("silenced") if is_on and (packet.source in names or packet.target in names) else None
    )
    return is_on
