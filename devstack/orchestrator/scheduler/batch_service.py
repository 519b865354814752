"""Jobs that want a number of executions: batch wants so many completions, service so many live replicas.

Source: orchestrator reference 5.1.
"""

from __future__ import annotations

from devstack.models.evaluation import Evaluation, Trigger
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.job import JobState, JobType
from devstack.models.plan import Plan
from devstack.orchestrator import events
from devstack.orchestrator.scheduler.common import SECOND_NS, Draft, Tools
from devstack.orchestrator.scheduler.executions import newest_beyond
from devstack.orchestrator.store import JobRecord

__all__ = ["schedule"]


def schedule(tools: Tools, record: JobRecord, evaluation: Evaluation, now_ns: int) -> Plan:
    """Approve, reject, replace and place executions until there are as many as the job wants.

    Raises:
        SchedulingError: executions are missing and no node can be asked.
    """
    draft = Draft(tools, record, evaluation, now_ns)
    plan = draft.plan
    if record.is_terminal:
        draft.stop(draft.live, events.job_stopped(now_ns))
        return plan
    draft.give_up_lost()
    wanted = record.job.wanted
    if record.job.type == JobType.BATCH:
        draft.apply_timeouts()
        wanted = max(0, wanted - draft.completed)
    running, missing = _settle_bids(draft, wanted)
    if missing > 0:
        _replace(draft, missing)
    if plan.is_job_failed:
        draft.stop(draft.live, plan.event)
        return plan
    if surplus := newest_beyond(running, max(0, wanted)):
        draft.stop(surplus, events.oversubscribed(now_ns))
    if wanted <= 0:
        plan.mark_completed()
    plan.mark_running_if_eligible()
    return plan


def _settle_bids(draft: Draft, wanted: int) -> tuple[list[Execution], int]:
    """Accept the bids that are needed, the oldest first, and reject what is too much.

    Returns:
        The running executions, and how many executions are missing.
    """
    running: list[Execution] = []
    bids: list[Execution] = []
    asked: list[Execution] = []
    for execution in draft.live:
        compute = execution.compute
        if compute is ComputeState.BID_ACCEPTED:
            running.append(execution)
        elif compute is ComputeState.ASK_FOR_BID_ACCEPTED:
            bids.append(execution)
        else:
            asked.append(execution)
    room = max(0, wanted - len(running))
    if len(bids) > room:
        # An approval that is on its way stays one, although it has made its execution the newest.
        bids.sort(key=lambda bid: (bid.desired is not DesiredState.RUNNING, bid.modify_time_ns))
    approved = bids[:room]
    draft.approve(approved)
    if len(running) + len(approved) >= wanted:
        if surplus := bids[room:] + asked:
            draft.stop(surplus, events.node_rejected(draft.now_ns))
        return running, 0
    return running, wanted - len(running) - len(approved) - len(asked)


def _replace(draft: Draft, missing: int) -> None:
    if draft.failed and not draft.tools.retry.should_retry(draft.job.id):
        draft.plan.mark_failed(events.retries_exhausted(draft.now_ns))
    if not draft.plan.is_job_failed:
        _place(draft, missing)


def _place(draft: Draft, missing: int) -> None:
    """Use what nodes there are; wait for the rest as long as the job may queue, then fail it."""
    plan, now_ns = draft.plan, draft.now_ns
    selection = draft.tools.selector.top(draft.record, missing, now_ns)
    # A node that rests will do soon, so it is not missing in the sense of the queue.
    resting = min(missing - len(selection.chosen), len(selection.resting))
    is_short = len(selection.chosen) + resting < missing
    if is_short and _has_queued_long_enough(draft):
        plan.mark_failed(draft.not_enough(selection, missing))
        return
    draft.place(selection.chosen, DesiredState.PENDING)
    if resting:
        draft.look_again_after_rest(selection)
    if is_short:
        text = draft.not_enough_text(selection, missing)
        draft.look_again(now_ns + draft.tools.config.queue_backoff_ns, Trigger.JOB_QUEUE, text)
        is_first = draft.evaluation.triggered_by == Trigger.JOB_REGISTER
        if not selection.chosen and (is_first or draft.record.state is JobState.RUNNING):
            plan.mark_queued(events.job_queued(text, now_ns))


def _has_queued_long_enough(draft: Draft) -> bool:
    queue_ns = draft.job.task.timeouts.queue_s * SECOND_NS
    # In virtual time a job may be looked at in the very instant of its creation, which is past no queue timeout at all.
    return queue_ns <= 0 or draft.record.create_time_ns < draft.now_ns - queue_ns
