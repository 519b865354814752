"""What nodes are asked again in each round, because a message, or a node's memory, may be lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from devstack.messages import Reconcile, Send
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.orchestrator.planner import Call
from devstack.orchestrator.store import JobRecord

__all__ = ["bid_reminders", "reconciliations"]


def bid_reminders(records: Iterable[JobRecord], before_ns: int) -> list[Call]:
    """The questions for bids that were put before that instant and have got no bid yet."""
    return [
        Call(execution, "ask", "", ComputeState.UNDEFINED, execution.compute)
        for execution in _since(records, ComputeState.ASK_FOR_BID, before_ns)
        if not execution.is_terminal
    ]


def reconciliations(records: Iterable[JobRecord], before_ns: int) -> list[Send]:
    """To each node, what should be running there since before that instant."""
    running: dict[str, list[str]] = {}
    for execution in _since(records, ComputeState.BID_ACCEPTED, before_ns):
        if execution.desired is DesiredState.RUNNING:
            running.setdefault(execution.node_id, []).append(execution.id)
    return [Send(node_id, Reconcile(tuple(execution_ids))) for node_id, execution_ids in running.items()]


def _since(records: Iterable[JobRecord], state: ComputeState, before_ns: int) -> Iterator[Execution]:
    for record in records:
        for execution in record.executions.values():
            if execution.compute is state and execution.modify_time_ns <= before_ns:
                yield execution
