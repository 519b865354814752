"""Carries out a plan: first the store, then the calls to the nodes. Source: orchestrator reference 8."""

from __future__ import annotations

from typing import Final, Literal

import attrs

from devstack.models.execution import TERMINAL, ComputeState, DesiredState, Execution
from devstack.models.job import JobState
from devstack.models.plan import Plan
from devstack.orchestrator.store import JobRecord, JobStore, StateConflictError

__all__ = ["Call", "CallKind", "apply", "calls", "owed_call"]

CallKind = Literal["ask", "ask-direct", "accept", "reject", "cancel"]


@attrs.frozen
class Call:
    """A request to the execution's node. A positive answer moves it from `expected` (None: any) to `on_success`."""

    execution: Execution
    kind: CallKind
    justification: str
    on_success: ComputeState
    expected: ComputeState | None


_Row = tuple[CallKind, ComputeState, ComputeState | None]
_ASK: Final[_Row] = ("ask", ComputeState.ASK_FOR_BID, ComputeState.NEW)
_ASK_DIRECT: Final[_Row] = ("ask-direct", ComputeState.BID_ACCEPTED, ComputeState.NEW)
_CANCEL: Final[_Row] = ("cancel", ComputeState.CANCELLED, None)
_CALLS: Final[dict[tuple[DesiredState, ComputeState], _Row]] = {
    (DesiredState.PENDING, ComputeState.NEW): _ASK,
    (DesiredState.RUNNING, ComputeState.NEW): _ASK_DIRECT,
    (DesiredState.RUNNING, ComputeState.ASK_FOR_BID_ACCEPTED): (
        "accept", ComputeState.BID_ACCEPTED, ComputeState.ASK_FOR_BID_ACCEPTED,
    ),
    (DesiredState.STOPPED, ComputeState.ASK_FOR_BID_ACCEPTED): (
        "reject", ComputeState.BID_REJECTED, ComputeState.ASK_FOR_BID_ACCEPTED,
    ),
    **{
        (DesiredState.STOPPED, state): _CANCEL
        for state in ComputeState
        if state not in TERMINAL and state is not ComputeState.ASK_FOR_BID_ACCEPTED
    },
}  # fmt: skip


def calls(plan: Plan) -> list[Call]:
    """What the nodes are to be asked, new executions first; decided by the states that the scheduler read."""
    found = [
        Call(execution, kind, "", on_success, expected)
        for execution in plan.new_executions
        for kind, on_success, expected in (_ASK if execution.desired is DesiredState.PENDING else _ASK_DIRECT,)
    ]
    for update in plan.updates.values():
        row = _CALLS.get((update.desired, update.compute))
        if row is not None:
            kind, on_success, expected = row
            found.append(Call(update.execution, kind, update.event.message, on_success, expected))
    return found


def owed_call(execution: Execution) -> Call | None:
    """What the execution's node still has to be asked for its stored states to agree; None: nothing."""
    row = _CALLS.get((execution.desired, execution.compute))
    return row and Call(execution, row[0], execution.desired_message, *row[1:])


def apply(plan: Plan, store: JobStore, now_ns: int) -> None:
    """Write the plan into the store, all of it or nothing; its evaluations are the caller's to enqueue.

    Raises:
        NotFoundError: its job is unknown.
        StateConflictError: something changed since the scheduler read it; the store is as it was.
    """
    if not (plan.new_executions or plan.updates or plan.new_evaluations or plan.desired_job_state):
        return
    record = store.job(plan.job.id)
    _check(plan, record, store)
    for execution in plan.new_executions:
        store.create_execution(execution, plan.event, now_ns)
    for update in plan.updates.values():
        store.update_execution(
            update.execution, now_ns, desired=update.desired, desired_message=update.event.message, event=update.event
        )
    if plan.desired_job_state is not JobState.UNDEFINED:
        store.update_job(record, plan.desired_job_state, plan.event, now_ns)


def _check(plan: Plan, record: JobRecord, store: JobStore) -> None:
    taken: set[str] = set()
    for execution in plan.new_executions:
        if execution.id in taken or store.execution(execution.id) is not None:
            raise StateConflictError(f"execution already exists: {execution.id}")
        taken.add(execution.id)
    for update in plan.updates.values():
        store.check_execution(update.execution, expected_revision=update.revision)
    if plan.desired_job_state is not JobState.UNDEFINED:
        store.check_job(record, plan.job_revision, plan.desired_job_state)
    for evaluation in plan.new_evaluations:
        if evaluation.id in taken:
            raise StateConflictError(f"{evaluation.id} (Evaluation) already exists.")
        taken.add(evaluation.id)
