"""Which nodes could take a job, judged by what they are and not by what they told."""

from __future__ import annotations

from devstack.checkers.facts import Facts
from devstack.compute.node import ComputeNode
from devstack.errors import DevstackError
from devstack.models.job import Job
from devstack.models.resources import Resources, normalise, parse
from devstack.models.selectors import requirement
from devstack.models.sources import source_keys
from devstack.orchestrator.store import JobRecord

__all__ = ["free_nodes", "is_free"]


def _suits(node: ComputeNode, job: Job) -> bool:
    """Whether the node would ever take the job: it has what it takes, and is large enough."""
    config, task = node.config, job.task
    if task.engine is not None and not config.has_engine(task.engine.key):
        return False
    if task.publisher is not None and task.publisher.key and not config.has_publisher(task.publisher.key):
        return False
    if not all(config.has_source(key) for key in source_keys(task)):
        return False
    labels = node.info().labels
    try:
        if not all(requirement(constraint).matches(labels) for constraint in job.constraints):
            return False
        return _usage(node, job).fits(config.max_job)
    except DevstackError:
        return False


def _usage(node: ComputeNode, job: Job) -> Resources:
    """What the job would use there."""
    return parse(normalise(job.task.resources)).or_default(node.config.default_job)


def free_nodes(facts: Facts, record: JobRecord, steady_since_ns: int | None = None) -> list[str]:
    """Nodes that nothing keeps from the job: connected, fitting, with room, and never tried before.

    Args:
        steady_since_ns: Count only those on which nothing has changed since then, so that all know of their room.
    """
    tried = {execution.node_id for execution in record.executions.values()}
    eligible = [state.info.node_id for state in facts.cluster.requester.nodes.eligible()]
    return [
        node_id
        for node_id in eligible
        if node_id not in tried and is_free(facts, node_id, record.job, steady_since_ns=steady_since_ns)
    ]


def is_free(facts: Facts, node_id: str, job: Job, *, steady_since_ns: int | None = None) -> bool:
    """Whether the job could begin there at once, whatever it has done there before; see `free_nodes`."""
    node = facts.cluster.nodes.get(node_id)
    if node is None or not facts.cluster.has_power(node_id) or not _suits(node, job):
        return False
    if not (node.running + node.enqueued + _usage(node, job)).fits(node.config.total):
        return False
    if steady_since_ns is None:
        return True
    if facts.cluster.was_disturbed(node_id, steady_since_ns):
        return False
    return all(record.update_time_ns < steady_since_ns for record in node.store)
