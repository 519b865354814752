"""Nodes, jobs and executions as the page shows them: flat JSON objects, times in milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from devstack.cluster import Cluster
from devstack.compute.node import ComputeNode
from devstack.dashboard.board import Board, Changes, Happening, Thing
from devstack.errors import DevstackError
from devstack.models.execution import Execution
from devstack.models.job import Job
from devstack.models.node import NodeState
from devstack.models.resources import NO_RESOURCES

__all__ = ["rows_of"]

Row = dict[str, Any]
MILLISECOND_NS: Final = 1_000_000
# A program may have said a lot; the page has one line for it.
MOST_TEXT: Final = 300


def rows_of(cluster: Cluster, board: Board, changes: Changes) -> dict[str, list[Row]]:
    """What a reader gets of these changes."""
    rows: dict[str, list[Row]] = {"nodes": [], "jobs": [], "executions": []}
    for kind, name in changes.things:
        row = _row(cluster, board, (kind, name))
        if row is not None:
            rows[f"{kind}s"].append(row)
    rows["happenings"] = [_happening(one) for one in changes.happenings]
    return rows


def _row(cluster: Cluster, board: Board, thing: Thing) -> Row | None:
    """The thing as it is now; None if it is gone, or was never known."""
    kind, name = thing
    if kind == "node":
        return _node(cluster, name)
    store = cluster.requester.store
    if kind == "job":
        record = store.get(name)
        return None if record is None else _job(record.job, record)
    execution = store.execution(name)
    return None if execution is None else _execution(execution, board.began_ns(name))


def _node(cluster: Cluster, name: str) -> Row | None:
    node = cluster.nodes.get(name)
    if node is None and name != cluster.requester_id:
        return None
    state = _state(cluster, name)
    row: Row = {
        "id": name,
        "type": "requester" if node is None else "compute",
        "power": cluster.has_power(name),
        "membership": "deleted" if state is None else state.membership.value.lower(),
        # The list of nodes goes by heartbeats, and the requester sends itself none.
        "connected": node is None or (state is not None and state.connection.value == "CONNECTED"),
    }
    return row if node is None else row | _load(node, has_power=row["power"])


def _state(cluster: Cluster, name: str) -> NodeState | None:
    try:
        state = cluster.requester.nodes.find(name)
    except DevstackError:
        return None
    return state if state.info.node_id == name else None


def _load(node: ComputeNode, *, has_power: bool) -> Row:
    info = node.info().compute
    assert info is not None  # it is a compute node
    total, used = node.config.total, node.running if has_power else NO_RESOURCES
    return {
        "cpu": [used.cpu_millis, total.cpu_millis],
        "memory": [used.memory_bytes, total.memory_bytes],
        "disk": [used.disk_bytes, total.disk_bytes],
        "gpu": [used.gpu, total.gpu],
        "running": info.running if has_power else 0,
        "waiting": info.enqueued if has_power else 0,
    }


def _job(job: Job, record: Any) -> Row:
    return {
        "id": job.id,
        "name": _cut(job.name),
        "type": job.type,
        "state": record.state.text,
        "message": _cut(record.message),
        "count": job.wanted,
        "executions": len(record.executions),
        "completed": record.completed,
        "created": record.create_time_ns // MILLISECOND_NS,
        "changed": record.modify_time_ns // MILLISECOND_NS,
    }


def _execution(execution: Execution, began_ns: int) -> Row:
    return {
        "id": execution.id,
        "job": execution.job_id,
        "node": execution.node_id,
        "state": execution.compute.text,
        "over": execution.compute.is_terminal,
        "message": _cut(execution.compute_message or execution.desired_message),
        "created": execution.create_time_ns // MILLISECOND_NS,
        "began": began_ns // MILLISECOND_NS,
        "changed": execution.modify_time_ns // MILLISECOND_NS,
    }


def _happening(one: Happening) -> Row:
    ids = {"job": one.job_id, "execution": one.execution_id, "node": one.node_id}
    known: Iterable[tuple[str, str]] = ((key, value) for key, value in ids.items() if value)
    return {
        "n": one.revision,
        "time": one.time_ns // MILLISECOND_NS,
        "what": one.what,
        "text": _cut(one.text),
        **dict(known),
    }


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
