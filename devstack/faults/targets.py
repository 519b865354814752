"""Whom a fault is for: from what people write to the machines of one cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from devstack.cluster import Cluster
from devstack.compute.config import node_labels
from devstack.errors import DevstackError, UsageError
from devstack.kernel import Stream
from devstack.models.job import Job
from devstack.models.selectors import parse_selector

__all__ = ["REQUESTER", "check_job", "is_job", "job_of", "machines"]

REQUESTER: Final = "requester"
_SHARE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)%(?: of (.+))?\Z")
_SELECTOR: Final = re.compile(r"[=!()<>]|\s")
_JOB_ID: Final = re.compile(r"j-[0-9a-f]{8}-")


def machines(
    cluster: Cluster,
    targets: Sequence[str],
    *,
    with_requester: bool,
    stream: Stream | None = None,
    is_later: bool = False,
) -> tuple[str, ...]:
    """The machines that are meant, the requester first and then the nodes in their order.

    Args:
        stream: Draws the nodes of a share; None: all that could be drawn.
        is_later: The question is about an instant to come: any node may have a job by then.

    Raises:
        UsageError: a target that matches nothing, or is not for this fault; the known ones are named.
    """
    found: set[str] = set()
    for target in targets:
        is_to_come = is_later and target.startswith("job:")
        matched = list(cluster.nodes) if is_to_come else _matches(cluster, target, stream)
        if cluster.requester_id in matched and not with_requester:
            raise UsageError("this fault is for compute nodes, not for the requester", _known(cluster))
        if not matched:
            raise UsageError(f"no machine matches {target!r}", _known(cluster))
        found.update(matched)
    return tuple(name for name in (cluster.requester_id, *cluster.nodes) if name in found)


def _matches(cluster: Cluster, target: str, stream: Stream | None) -> list[str]:
    if target in (REQUESTER, cluster.requester_id):
        return [cluster.requester_id]
    if target in cluster.nodes:
        return [target]
    if target == "all":
        return list(cluster.nodes)
    kind, _, name = target.partition(":")
    if kind == "job":
        return _nodes_of_job(cluster, name)
    if kind == "execution":
        return _nodes_of_execution(cluster, name)
    if share := _SHARE.match(target):
        return _share(_labelled(cluster, share[2] or ""), share[1], stream)
    return _labelled(cluster, target) if _SELECTOR.search(target) else []


def _labelled(cluster: Cluster, text: str) -> list[str]:
    try:
        selector = parse_selector(text)
    except DevstackError as exc:
        raise UsageError(f"{text!r} is no label selector: {exc.message}", _known(cluster)) from None
    return [name for name, node in cluster.nodes.items() if selector.matches(node_labels(node.config))]


def _share(names: list[str], percent: str, stream: Stream | None) -> list[str]:
    """So much of these nodes, at least one of them."""
    whole, _, part = percent.partition(".")
    parts, scale = int(whole + part) * len(names), 100 * 10 ** len(part)
    count = min(len(names), max(1, (2 * parts + scale) // (2 * scale)))
    if stream is None or not names:
        return names
    left = list(names)
    return [left.pop(stream.below(len(left))) for _ in range(count)]


def _nodes_of_job(cluster: Cluster, name: str) -> list[str]:
    """Where the job is now."""
    records = [record for record in cluster.requester.store.jobs() if is_job(record.job, name)]
    executions = [execution for record in records for execution in record.executions.values()]
    return _of_ours(cluster, [execution.node_id for execution in executions if not execution.is_terminal])


def _nodes_of_execution(cluster: Cluster, execution_id: str) -> list[str]:
    execution = cluster.requester.store.execution(execution_id)
    return [] if execution is None else _of_ours(cluster, [execution.node_id])


def _of_ours(cluster: Cluster, names: Iterable[str]) -> list[str]:
    return [name for name in names if name in cluster.nodes]


def _known(cluster: Cluster) -> str:
    names = list(cluster.nodes)
    listed = ", ".join(names) if len(names) <= 8 else f"{names[0]} to {names[-1]}"
    keys = sorted({key for node in cluster.nodes.values() for key in node_labels(node.config)})
    return (
        f"known are {listed}, requester, all, a share such as 50%, job:NAME, execution:ID, "
        f"and selectors of the labels {', '.join(keys)}"
    )


# ---- jobs --------------------------------------------------------------------------------------------------


def is_job(job: Job, name: str) -> bool:
    """Whether the job has that name or id."""
    return name in (job.name, job.id) or (len(name) > 2 and name.startswith("j-") and job.id.startswith(name))


def check_job(cluster: Cluster, name: str) -> None:
    """Refuse an id that no job has. A name may belong to a job that is still to come.

    Raises:
        UsageError: there is no such job.
    """
    jobs = [record.job for record in cluster.requester.store.jobs()]
    if _JOB_ID.match(name) and not any(is_job(job, name) for job in jobs):
        known = ", ".join(job.name or job.id for job in jobs[-8:]) or "none so far"
        raise UsageError(f"no job has the id {name}", f"the jobs are {known}")


def job_of(cluster: Cluster, execution_id: str) -> Job | None:
    """The job of an execution, as far as the requester knows it."""
    execution = cluster.requester.store.execution(execution_id)
    record = None if execution is None else cluster.requester.store.get(execution.job_id)
    return None if record is None else record.job
