"""Ops jobs: once on every suitable node, without asking for bids. Source: orchestrator reference 5.2."""

from __future__ import annotations

from devstack.models.evaluation import Evaluation
from devstack.models.event import NO_EVENT, Event
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.plan import Plan
from devstack.orchestrator import events
from devstack.orchestrator.scheduler.common import Draft, Tools
from devstack.orchestrator.selection import SchedulingError
from devstack.orchestrator.store import JobRecord

__all__ = ["schedule"]


def schedule(tools: Tools, record: JobRecord, evaluation: Evaluation, now_ns: int) -> Plan:
    """Place the job once, try failed executions once more on their nodes, and end the job when all are over."""
    draft = Draft(tools, record, evaluation, now_ns)
    plan = draft.plan
    if record.is_terminal:
        draft.stop(draft.live, events.job_stopped(now_ns))
        return plan
    draft.give_up_lost()
    draft.apply_timeouts()
    if not plan.is_job_failed or (tools.late_ops_places and not record.executions):
        _place(draft)
    if plan.is_job_failed:
        draft.stop(draft.live, plan.event)
    elif not (draft.live or plan.new_executions or plan.new_evaluations):
        _finish(draft)
    plan.mark_running_if_eligible()
    return plan


def _place(draft: Draft) -> None:
    if not draft.record.executions:
        _place_everywhere(draft)
    elif draft.tools.ops_retried and draft.failed:
        _try_again(draft)


def _place_everywhere(draft: Draft) -> None:
    """One execution on each suitable node; without any the job fails."""
    try:
        selection = draft.tools.selector.matching(draft.record, draft.now_ns)
    except SchedulingError as exc:
        _fail(draft, events.scheduling_failed(exc.message, draft.now_ns))
        return
    if selection.chosen:
        draft.place(selection.chosen, DesiredState.RUNNING)
    else:
        _fail(draft, draft.not_enough(selection, 1))


def _try_again(draft: Draft) -> None:
    """A second execution on the nodes where the only one failed."""
    failed = {node for node, (latest, tries) in _by_node(draft).items() if tries == 1 and _is_failed(latest)}
    if not failed or not draft.tools.retry.should_retry(draft.job.id):
        return
    try:
        selection = draft.tools.selector.matching(draft.record, draft.now_ns)
    except SchedulingError:
        return  # With no node connected there is nobody to try it on.
    draft.place([node_id for node_id in selection.chosen if node_id in failed], DesiredState.RUNNING)
    if any(node_id in failed for node_id in selection.resting):
        draft.look_again_after_rest(selection)


def _by_node(draft: Draft) -> dict[str, tuple[Execution, int]]:
    """Each node's latest execution of the job, and how many it has had."""
    found: dict[str, tuple[Execution, int]] = {}
    for execution in draft.record.executions.values():
        found[execution.node_id] = (execution, found[execution.node_id][1] + 1 if execution.node_id in found else 1)
    return found


def _is_failed(execution: Execution) -> bool:
    return execution.compute is ComputeState.FAILED


def _finish(draft: Draft) -> None:
    """Nothing runs any more: the job is completed, or failed where the last execution on a node was no success."""
    nodes = _by_node(draft)
    reasons = [
        (node_id, reason) for node_id, (latest, _) in nodes.items() if (reason := _failure(draft, latest)) is not None
    ]
    if reasons:
        _fail(draft, events.ops_failed(reasons, len(nodes), draft.now_ns))
    else:
        draft.plan.mark_completed()


def _failure(draft: Draft, execution: Execution) -> str | None:
    """Why the execution counts as failed; None if it does not."""
    given_up = draft.given_up.get(execution.id)
    if given_up is not None:
        return given_up.message
    if _is_failed(execution):
        return execution.compute_message or execution.desired_message
    if execution.compute is ComputeState.COMPLETED or not draft.tools.cancelled_counts:
        return None
    return execution.desired_message or execution.compute_message


def _fail(draft: Draft, reason: Event) -> None:
    """Fail the job. Bacalhau v1.4.0 loses the reason, unless the plan has one already."""
    own = draft.plan.event
    draft.plan.mark_failed(reason if draft.tools.ops_says_why and own == NO_EVENT else own)
