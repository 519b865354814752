"""Random, ordinary runs for the checkers to stay silent on: five nodes, twenty jobs of all types, a few faults.

Everything is drawn from one stream of the cluster's seed, so that a seed names a run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import attrs

from devstack.adapters.noop import check_noop
from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.checkers import Checkers
from devstack.cluster import Cluster, node_labels, simulated_nodes
from devstack.errors import ConflictError, DevstackError
from devstack.kernel import Drop, Keep, Packet, Stream, Trace, Verdict
from devstack.messages import BidResult, CancelResult, ComputeError, RunResult
from devstack.models.gotext import SECOND_NS
from devstack.models.job import Job, JobType
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.builders import batch, daemon, noop, ops, service

MS_NS: Final = SECOND_NS // 1000
NODES: Final = 5
JOBS: Final = 20
RUN_NS: Final = 600 * SECOND_NS
# What nodes report once and never again.
REPORTS: Final = (BidResult, RunResult, ComputeError, CancelResult)


@attrs.frozen
class Mix:
    """What a run is made of; `spared` are the messages that no fault may drop."""

    jobs: int = JOBS
    faults: int = 3
    requester_faults: bool = False
    timeouts: bool = False
    crowded: bool = False
    spared: tuple[type, ...] = REPORTS


@attrs.define
class Loss:
    """Drops what goes from or to one machine, for a while; every so many'th packet, or all."""

    machine: str
    one_in: int
    chance: Stream
    spared: tuple[type, ...]

    def __call__(self, packet: Packet) -> Verdict | None:
        if self.machine not in (packet.source, packet.target) or isinstance(packet.message, self.spared):
            return None
        return Drop("loss") if not self.chance.below(self.one_in) else None


ORDINARY: Final = Mix()


def build(seed: int, behaviour: Behaviour = DOCUMENTED, keep: Keep = Keep.NONE, **settings: Any) -> Cluster:
    """Five small nodes, switched on and ready."""
    nodes = simulated_nodes(NODES, behaviour=behaviour, check_simulated=check_noop, **settings)
    requester = RequesterConfig(labels=node_labels("node-0"), behaviour=behaviour)
    cluster = Cluster(
        nodes, lambda made: SimulatedShell(made.kernel), seed=seed, requester=requester, trace=Trace(keep)
    )
    cluster.start()
    cluster.run_for(5 * MS_NS)
    assert cluster.is_ready
    return cluster


def mixed(
    seed: int,
    mix: Mix = ORDINARY,
    *,
    behaviour: Behaviour = DOCUMENTED,
    keep: Keep = Keep.NONE,
    checked: bool = True,
    settles: bool = True,
    change: Callable[[Cluster], None] | None = None,
) -> tuple[Cluster, Checkers | None]:
    """Make the run of that seed; `change` may spoil the cluster before it begins."""
    cluster = build(seed, behaviour, keep)
    if change is not None:
        change(cluster)
    checkers = Checkers(cluster, None) if checked else None
    start_ns = cluster.now_ns
    for after_ns, act in plan(cluster, mix):
        cluster.run_until(start_ns + after_ns)
        act()
    cluster.run_until(start_ns + RUN_NS)
    if checkers is not None and settles:
        checkers.settle()
    return cluster, checkers


Step = tuple[int, Callable[[], None]]


def plan(cluster: Cluster, mix: Mix) -> list[Step]:
    """What happens when, in order; of things at one instant the one that was drawn first."""
    chance = cluster.seed.stream("mixed")
    steps: list[Step] = []
    for number in range(mix.jobs):
        steps += _job_steps(cluster, mix, number, chance)
    for _ in range(mix.faults):
        steps += _fault_steps(cluster, mix, chance)
    return sorted(steps, key=lambda step: step[0])


def _job_steps(cluster: Cluster, mix: Mix, number: int, chance: Stream) -> Sequence[Step]:
    job = draw_job(f"job-{number}", mix, chance)
    at_ns = chance.below(300_000) * MS_NS
    submitted: list[str] = []
    steps: list[Step] = [(at_ns, lambda: _submit(cluster, job, submitted))]
    if not chance.below(4) or job.is_long_running:
        stop_ns = at_ns + (1 + chance.below(200_000)) * MS_NS
        if chance.below(5):
            steps.append((stop_ns, lambda: _stop(cluster, submitted)))
    return steps


def draw_job(name: str, mix: Mix, chance: Stream) -> Job:
    kind = JobType.ALL[chance.below(10) % 4] if chance.below(2) else JobType.BATCH
    runs_ms = 1000 + chance.below(59_000)
    engine = noop(
        f"{runs_ms}ms",
        fails="it breaks" if not chance.below(10) else "",
        fails_on=(f"node-{1 + chance.below(NODES)}",) if not chance.below(8) else (),
    )
    more: dict[str, Any] = {"name": name, "cpu": ("", "500m", "1", "2")[chance.below(4)], "priority": chance.below(3)}
    if mix.crowded:
        more["cpu"] = ("2", "3", "4")[chance.below(3)]
    if mix.timeouts and not chance.below(3):
        more["execution_timeout"] = 1 + chance.below(90)
    if mix.timeouts and not chance.below(3):
        more["total_timeout"] = more.get("execution_timeout", 0) + 1 + chance.below(300)
    count = 1 + chance.below(2)
    if kind in (JobType.BATCH, JobType.SERVICE):
        more["queue_timeout"] = (0, 60, 300)[chance.below(3)] if "total_timeout" not in more else 0
    match kind:
        case JobType.BATCH:
            return batch(engine, count=count, **more)
        case JobType.SERVICE:
            more.pop("execution_timeout", None), more.pop("total_timeout", None)
            return service(engine, count=count, **more)
        case JobType.OPS:
            return ops(engine, **more)
        case _:
            more.pop("execution_timeout", None), more.pop("total_timeout", None)
            return daemon(engine, **more)


def _submit(cluster: Cluster, job: Job, submitted: list[str]) -> None:
    with suppress(ConflictError):  # The requester may be down.
        submitted.append(cluster.submit(job).record.job.id)


def _stop(cluster: Cluster, submitted: list[str]) -> None:
    for job_id in submitted:
        with suppress(DevstackError):  # It may be over, or the requester down.
            cluster.stop(job_id, "drawn")


def _fault_steps(cluster: Cluster, mix: Mix, chance: Stream) -> Sequence[Step]:
    at_ns = chance.below(400_000) * MS_NS
    end_ns = at_ns + (1 + chance.below(150_000)) * MS_NS
    victim = f"node-{chance.below(NODES + 1)}"
    if victim == "node-0" and not mix.requester_faults:
        victim = "node-1"
    if chance.below(2):
        return [(at_ns, lambda: cluster.crash(victim)), (end_ns, lambda: cluster.restart(victim))]
    rule = Loss(victim, 1 + chance.below(4), chance, mix.spared)
    rules = cluster.kernel.network.rules
    return [(at_ns, lambda: rules.append(rule)), (end_ns, lambda: rules.remove(rule))]
