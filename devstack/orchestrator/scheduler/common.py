"""What every scheduler starts with: a plan, the job's executions, and those that are lost or late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import attrs

from devstack.models.chance import Chance, new_id
from devstack.models.evaluation import Evaluation, Trigger
from devstack.models.event import Event
from devstack.models.execution import DesiredState, Execution
from devstack.models.plan import Plan
from devstack.orchestrator import events
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.retry import RetryStrategy
from devstack.orchestrator.scheduler.executions import expired, sort_out
from devstack.orchestrator.selection import NodeTable, Selection
from devstack.orchestrator.store import JobRecord

__all__ = ["SECOND_NS", "Draft", "Selector", "Tools"]

SECOND_NS: Final = 1_000_000_000


class Selector(Protocol):
    """The part of `selection.NodeSelector` that schedulers use."""

    @property
    def nodes(self) -> NodeTable: ...

    def matching(self, record: JobRecord, now_ns: int) -> Selection: ...

    def top(self, record: JobRecord, count: int | None, now_ns: int) -> Selection: ...


@attrs.define
class Tools:
    """What schedulers work with; the switches are read once."""

    selector: Selector
    retry: RetryStrategy
    config: RequesterConfig
    chance: Chance
    stopping_is_live: bool = attrs.field(init=False)
    ops_retried: bool = attrs.field(init=False)
    ops_says_why: bool = attrs.field(init=False)
    cancelled_counts: bool = attrs.field(init=False)
    late_ops_places: bool = attrs.field(init=False)
    daemon_returns: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        on = self.config.behaviour.on
        self.stopping_is_live = on("failed-cancel-never-resent")
        self.ops_retried = not on("ops-never-retried")
        self.ops_says_why = not on("ops-failure-without-message")
        self.cancelled_counts = not on("ops-completed-despite-cancelled")
        self.late_ops_places = on("late-ops-job-still-places")
        self.daemon_returns = not on("daemon-never-returns-to-node")


class Draft:
    """A plan in the making, and what is left of the job's live executions while it is made."""

    def __init__(self, tools: Tools, record: JobRecord, evaluation: Evaluation, now_ns: int) -> None:
        self.tools = tools
        self.record = record
        self.job = record.job
        self.evaluation = evaluation
        self.now_ns = now_ns
        self.plan = Plan(evaluation, record.job, record.state, record.revision)
        executions = sort_out(record.executions.values(), tools.stopping_is_live)
        self.live = executions.live
        self.completed = executions.completed
        self.failed = executions.failed
        self.given_up: dict[str, Event] = {}  # lost and late executions, by id

    # ---- what has gone wrong -------------------------------------------------------------------------------

    def give_up_lost(self) -> None:
        """Stop the live executions whose nodes are gone; they count as failed."""
        is_lost = self.tools.selector.nodes.is_lost
        lost = [execution for execution in self.live if is_lost(execution.node_id)]
        if lost:
            self._give_up(lost, events.node_gone(self.now_ns))

    def apply_timeouts(self) -> None:
        """Fail a job that took too long, or else give up its executions that did."""
        timeouts, now_ns = self.job.task.timeouts, self.now_ns
        total_ns, execution_ns = timeouts.total_s * SECOND_NS, timeouts.effective_execution_s * SECOND_NS
        if total_ns > 0 and self.record.create_time_ns < now_ns - total_ns:
            self.plan.mark_failed(events.job_timeout(total_ns, now_ns))
        elif execution_ns > 0:
            late = expired(self.live, now_ns - execution_ns)
            if late:
                self._give_up(late, events.execution_timeout(execution_ns, now_ns))

    def _give_up(self, executions: list[Execution], event: Event) -> None:
        self.stop(executions, event)
        self.failed.extend(executions)
        self.given_up.update((execution.id, event) for execution in executions)
        self.live = [execution for execution in self.live if execution.id not in self.given_up]

    # ---- what is to be done --------------------------------------------------------------------------------

    def stop(self, executions: Iterable[Execution], event: Event) -> None:
        """Stop them; not again, though, while a node may still answer to the last stop."""
        for execution in executions:
            if execution.desired is not DesiredState.STOPPED or not self._is_in_flight(execution):
                self.plan.stop(execution, event)

    def approve(self, executions: Iterable[Execution]) -> None:
        """Accept their bids; not again, though, while a node may still answer."""
        for execution in executions:
            if execution.desired is not DesiredState.RUNNING or not self._is_in_flight(execution):
                self.plan.approve(execution)

    def _is_in_flight(self, execution: Execution) -> bool:
        return self.now_ns - execution.modify_time_ns < self.tools.config.request_timeout_ns

    def place(self, node_ids: Iterable[str], desired: DesiredState) -> None:
        """One new execution on each of these nodes."""
        job, chance = self.job, self.tools.chance
        self.plan.new_executions.extend(
            Execution(new_id(chance, "e-"), job.id, node_id, job.namespace, self.evaluation.id, desired)
            for node_id in node_ids
        )

    def look_again(self, at_ns: int, trigger: str, comment: str) -> None:
        """A further evaluation of the job, later."""
        self.plan.new_evaluations.append(
            attrs.evolve(
                self.evaluation,
                id=new_id(self.tools.chance, "v-"),
                triggered_by=trigger,
                comment=comment,
                wait_until_ns=at_ns,
                create_time_ns=self.now_ns,
                modify_time_ns=self.now_ns,
            )  # fmt: skip
        )

    def look_again_after_rest(self, selection: Selection) -> None:
        """A further evaluation as soon as the first node may start the job again."""
        at_ns = min(selection.resting.values())
        self.look_again(at_ns, Trigger.EXEC_UPDATE, f"job {self.job.id} is started again")

    def not_enough_text(self, selection: Selection, requested: int) -> str:
        reasons = selection.refusals()
        return events.not_enough_nodes_text(requested, selection.available, selection.suitable, reasons)

    def not_enough(self, selection: Selection, requested: int) -> Event:
        text = self.not_enough_text(selection, requested)
        return events.not_enough_nodes(text, requested, selection.available, selection.suitable, self.now_ns)
