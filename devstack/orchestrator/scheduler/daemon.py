"""Daemon jobs: always on every suitable node, without asking for bids. Source: orchestrator reference 5.3."""

from __future__ import annotations

from devstack.models.evaluation import Evaluation
from devstack.models.execution import DesiredState
from devstack.models.plan import Plan
from devstack.orchestrator import events
from devstack.orchestrator.scheduler.common import Draft, Tools
from devstack.orchestrator.store import JobRecord

__all__ = ["schedule"]


def schedule(tools: Tools, record: JobRecord, evaluation: Evaluation, now_ns: int) -> Plan:
    """Start the job on each suitable node that does not have it; it never ends by itself.

    Raises:
        SchedulingError: no node can be asked.
    """
    draft = Draft(tools, record, evaluation, now_ns)
    if record.is_terminal:
        draft.stop(draft.live, events.job_stopped(now_ns))
        return draft.plan
    draft.give_up_lost()
    selection = tools.selector.matching(record, now_ns)
    occupants = draft.live if tools.daemon_returns else record.executions.values()
    occupied = {execution.node_id for execution in occupants}
    draft.place([node_id for node_id in selection.chosen if node_id not in occupied], DesiredState.RUNNING)
    if any(node_id not in occupied for node_id in selection.resting):
        draft.look_again_after_rest(selection)
    draft.plan.mark_running_if_eligible()
    return draft.plan
