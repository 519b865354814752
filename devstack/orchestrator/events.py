"""The requester's own events, with Bacalhau's words. Source: orchestrator reference 12.2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from devstack.models.event import Event, Topic
from devstack.models.gotext import duration_text

__all__ = [
    "execution_timeout",
    "job_queued",
    "job_stopped",
    "job_submitted",
    "job_timeout",
    "job_translated",
    "node_gone",
    "node_rejected",
    "not_enough_nodes",
    "not_enough_nodes_text",
    "ops_failed",
    "oversubscribed",
    "reason_lines",
    "retries_exhausted",
    "scheduling_failed",
    "short_node_id",
    "stop_requested",
]

_TIMEOUT_HINT: Final = "Increase the task timeout or allocate more resources"
_STOP: Final = "Execution stop requested because "
_HEX: Final = frozenset("0123456789abcdef")


def job_submitted(now_ns: int) -> Event:
    return Event("Job submitted", Topic.SUBMISSION, now_ns)


def job_translated(previous_type: str, new_type: str, now_ns: int) -> Event:
    details = {"PreviousTaskType": previous_type, "NewTaskType": new_type}
    return Event("Job tasks translated to new type", Topic.SUBMISSION, now_ns, details)


def job_queued(reason: str, now_ns: int) -> Event:
    return Event(f"Job queued. {reason}" if reason else "Job queued", Topic.QUEUEING, now_ns)


def stop_requested(reason: str, now_ns: int) -> Event:
    """A person asked for the stop; the reason is told even when it is empty."""
    return Event("Job requested to stop before completion", Topic.SCHEDULING, now_ns, {"Reason": reason})


def retries_exhausted(now_ns: int) -> Event:
    return Event("Job failed because it has been retried too many times", Topic.SCHEDULING, now_ns)


def job_timeout(duration_ns: int, now_ns: int) -> Event:
    return _timeout("Job timed out. Job", duration_ns, Topic.JOB_TIMEOUT, now_ns)


def execution_timeout(duration_ns: int, now_ns: int) -> Event:
    return _timeout("Execution timed out. Execution", duration_ns, Topic.EXECUTION_TIMEOUT, now_ns)


def _timeout(what: str, duration_ns: int, topic: str, now_ns: int) -> Event:
    message = f"{what} took longer than {duration_text(duration_ns)}"
    return Event.of_error(message, topic, now_ns, hint=_TIMEOUT_HINT, fails_execution=True)


def job_stopped(now_ns: int) -> Event:
    return Event(_STOP + "job has been stopped", Topic.SCHEDULING, now_ns)


def node_gone(now_ns: int) -> Event:
    return Event(_STOP + "node has disappeared", Topic.SCHEDULING, now_ns)


def node_rejected(now_ns: int) -> Event:
    """The bid is not needed (Bacalhau says it of the node)."""
    return Event(_STOP + "node has been rejected", Topic.SCHEDULING, now_ns)


def oversubscribed(now_ns: int) -> Event:
    return Event(_STOP + "there are more executions than needed", Topic.SCHEDULING, now_ns)


def scheduling_failed(message: str, now_ns: int) -> Event:
    """An error while nodes were looked for, as the reason of a failed job."""
    return Event.of_error(message, Topic.SCHEDULING, now_ns)


def not_enough_nodes_text(requested: int, available: int, suitable: int, reasons: Sequence[tuple[str, str]]) -> str:
    """Why nodes were missing; `reasons` are pairs of node id and reason, empty for a node that suits.

    Source: orchestrator reference 7.5. Bacalhau's order of the lines is arbitrary; here it is that of the nodes.
    """
    head = f"not enough nodes to run job. requested: {requested}, available: {available}, suitable: {suitable}."
    return "\n".join((head, *reason_lines(reasons, available)))


def not_enough_nodes(text: str, requested: int, available: int, suitable: int, now_ns: int) -> Event:
    details = {
        "NodesRequested": str(requested),
        "NodesAvailable": str(available),
        "NodesSuitable": str(suitable),
    }
    return Event.of_error(text, Topic.SCHEDULING, now_ns, details=details)


def ops_failed(reasons: Sequence[tuple[str, str]], nodes: int, now_ns: int) -> Event:
    """Executions of an ops job failed on some of its nodes; `reasons` are pairs of node id and reason."""
    head = f"Job failed because executions failed on {len(reasons)} of {nodes} nodes."
    return Event("\n".join((head, *reason_lines(reasons, nodes))), Topic.SCHEDULING, now_ns)


def reason_lines(reasons: Iterable[tuple[str, str]], nodes: int) -> list[str]:
    """One line for each reason, in the order the reasons first appear."""
    by_reason: dict[str, list[str]] = {}
    for node_id, reason in reasons:
        by_reason.setdefault(reason, []).append(node_id)
    return [
        f"• Node {short_node_id(ids[0])}: {reason}" if len(ids) == 1 else f"• {len(ids)} of {nodes} nodes: {reason}"
        for reason, ids in by_reason.items()
    ]


def short_node_id(node_id: str) -> str:
    """The form for people: `n-` and 8 digits of a UUID; other names stay whole. Source: orchestrator reference 1.17."""
    prefix = node_id[:2] if node_id[1:2] == "-" else ""
    groups = node_id[len(prefix) :].split("-")
    if [len(group) for group in groups] == [8, 4, 4, 4, 12] and all(_HEX.issuperset(group) for group in groups):
        return prefix + groups[0]
    return node_id[:8] if node_id.startswith("Qm") and len(node_id) == 46 else node_id
