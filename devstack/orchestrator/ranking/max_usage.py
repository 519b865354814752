"""Rule 5: a job must not be larger than the largest that the node takes."""

from __future__ import annotations

from devstack.models.gotext import cpu_text, human_bytes
from devstack.models.node import ComputeNodeInfo
from devstack.models.resources import NO_RESOURCES, Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.column import POSSIBLE, PREFERRED, UNSUITABLE, Column, refusing
from devstack.orchestrator.ranking.nodes import Nodes, amounts
from devstack.orchestrator.ranking.wanted import Wanted

__all__ = ["rank_by_max_usage"]


def rank_by_max_usage(wanted: Wanted, nodes: Nodes, config: RequesterConfig) -> Column:
    job = wanted.resources
    if job.is_zero:
        return Column([POSSIBLE] * len(nodes))
    cpu, memory, disk, gpu = amounts(job)
    ranks = [
        POSSIBLE
        if compute is None
        else PREFERRED
        if cpu <= (top := compute.max_job).cpu_millis
        and memory <= top.memory_bytes
        and disk <= top.disk_bytes
        and gpu <= top.gpu
        else UNSUITABLE
        for compute in nodes.computes
    ]
    return Column(ranks, {position: _reason(job, nodes.computes[position]) for position in refusing(ranks)})


def _reason(job: Resources, compute: ComputeNodeInfo | None) -> str:
    limit = NO_RESOURCES if compute is None else compute.max_job
    rows = (
        ("CPU", job.cpu_millis, limit.cpu_millis, cpu_text),
        ("memory", job.memory_bytes, limit.memory_bytes, human_bytes),
        ("disk", job.disk_bytes, limit.disk_bytes, human_bytes),
        ("GPUs", job.gpu, limit.gpu, str),
    )
    return "job requires " + " and ".join(
        f"more {what} ({text(want)}) than the maximum available ({text(top)})"
        for what, want, top, text in rows
        if want > top
    )
