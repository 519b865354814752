"""The requester as one state machine: messages, timers and calls in; messages, timers and notes out.

It joins the parts of this package: the endpoint takes jobs, the broker orders evaluations, a scheduler makes a
plan of each, the planner applies it, and the calls it asks for go to the compute nodes. Evaluations are worked
off at the end of the instant in which they arise, so that a hundred answers at one instant cost one look at the
job, not a hundred.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import attrs

from devstack.errors import NotFoundError
from devstack.messages import (
    AskForBid,
    BidAccepted,
    BidRejected,
    BidResult,
    CancelExecution,
    CancelResult,
    ComputeError,
    ExecutionReply,
    Heartbeat,
    ManagementReply,
    Note,
    Register,
    RunResult,
    Send,
    SetTimer,
    UpdateInfo,
    UpdateResources,
)
from devstack.models.chance import Chance, new_id
from devstack.models.evaluation import Evaluation, Trigger
from devstack.models.event import NO_EVENT, Event, Topic
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.job import Job, JobState, JobType
from devstack.orchestrator import housekeeping, planner
from devstack.orchestrator.broker import EvaluationBroker
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.endpoint import Endpoint, Submission
from devstack.orchestrator.nodes import NodeTable
from devstack.orchestrator.retry import retry_strategy
from devstack.orchestrator.scheduler import Schedulers, SchedulingError
from devstack.orchestrator.selection import NodeSelector
from devstack.orchestrator.store import JobRecord, JobStore, StateConflictError

__all__ = ["Requester"]

WORK: Final = "work"
BROKER: Final = "broker"
CALLS: Final = "calls"
HOUSEKEEPING: Final = "housekeeping"
HEARTBEATS: Final = "heartbeats"

ASK: Final = "AskForBid"
ACCEPT: Final = "BidAccepted"
REJECT: Final = "BidRejected"
CANCEL: Final = "CancelExecution"

_BID_STATES: Final = frozenset({ComputeState.ASK_FOR_BID, ComputeState.NEW})
_RUN_STATES: Final = frozenset({ComputeState.BID_ACCEPTED, ComputeState.ASK_FOR_BID_ACCEPTED, ComputeState.NEW})
_FAILURE_REFUSED_IN: Final = frozenset({ComputeState.COMPLETED, ComputeState.CANCELLED})


@attrs.frozen
class OutstandingCall:
    """A request to a node that has not been answered yet."""

    execution: Execution
    message: Any
    on_success: ComputeState
    expected: ComputeState | None
    deadline_ns: int


class Requester:
    """One requester node. Everything it wants done collects in `actions` until `drain` takes it."""

    def __init__(self, config: RequesterConfig, id_chance: Chance, rank_chance: Chance, broker_chance: Chance) -> None:
        self.config = config
        self.store = JobStore()
        self.nodes = NodeTable(config)
        self.endpoint = Endpoint(self.store, config, id_chance)
        self.broker = EvaluationBroker(config, broker_chance)
        self.selector = NodeSelector(self.nodes, self.store, config, rank_chance)
        self._schedulers = Schedulers(self.store, self.selector, retry_strategy(config), config, id_chance)
        self._chance = id_chance
        self._calls: dict[tuple[str, str], OutstandingCall] = {}
        self._armed: dict[str, int] = {}
        self.actions: list[Any] = []
        behaviour = config.behaviour
        self._priority_copied = not behaviour.on("priority-not-copied")
        self._asks_given_up = not behaviour.on("lost-ask-counts-as-pending")
        self._cancels_resent = not behaviour.on("failed-cancel-never-resent")
        self._nodes_wake_jobs = not behaviour.on("node-join-wakes-nobody")
        self._lost_when_disconnected = not behaviour.on("disconnected-node-keeps-executions")
        self._dead_letters_revived = not behaviour.on("dead-letter-freezes-job")

    def drain(self) -> list[Any]:
        """What is to be done since the last time, in order."""
        actions = self.actions
        if actions:
            self.actions = []
        return actions

    # ---- what comes in -------------------------------------------------------------------------------------

    def start(self, now_ns: int) -> None:
        """Begin the rounds of housekeeping and of looking at heartbeats."""
        self._set_timer(HOUSEKEEPING, now_ns + self.config.housekeeping_interval_ns)
        self._set_timer(HEARTBEATS, now_ns + self.config.heartbeat_check_ns)

    def handle(self, now_ns: int, source: str, message: Any) -> None:
        """Take a message from a compute node."""
        match message:
            case ExecutionReply():
                self._on_reply(now_ns, message)
            case BidResult():
                self._on_bid_result(now_ns, message)
            case RunResult():
                self._on_run_result(now_ns, message)
            case ComputeError():
                self._on_compute_error(now_ns, message)
            case CancelResult():
                pass  # The node's reply to the cancel call has said it already.
            case Heartbeat():
                self.nodes.heartbeat(message.node_id, now_ns)
            case UpdateResources():
                self.nodes.update_resources(message.node_id, message.available, message.queue_used)
            case Register():
                accepted, reason = self.nodes.register(message.info, now_ns)
                self.actions.append(Send(source, ManagementReply("Register", accepted, reason)))
            case UpdateInfo():
                accepted, reason = self.nodes.update_info(message.info)
                self.actions.append(Send(source, ManagementReply("UpdateInfo", accepted, reason)))
        self._look_at_nodes(now_ns)

    def timer(self, now_ns: int, key: Hashable) -> None:
        """A timer is due."""
        self._armed.pop(str(key), None)
        match key:
            case "work":
                self._work(now_ns)
            case "broker":
                self.broker.expire(now_ns)
                self._wake(now_ns)
            case "calls":
                self._expire_calls(now_ns)
            case "housekeeping":
                self._keep_house(now_ns)
            case "heartbeats":
                self.nodes.check_heartbeats(now_ns)
                self._look_at_nodes(now_ns)
                self._set_timer(HEARTBEATS, now_ns + self.config.heartbeat_check_ns)

    # ---- what people ask for -------------------------------------------------------------------------------

    def submit(self, now_ns: int, job: Job) -> Submission:
        """Take a job. Raises InvalidJobError."""
        submission = self.endpoint.submit(job, now_ns)
        self.actions.append(Note("job", f"{submission.record.job.id} {submission.record.digest}"))
        self._enqueue(now_ns, submission.evaluation)
        return submission

    def stop(self, now_ns: int, job_id: str, reason: str) -> str:
        """Stop a job; the evaluation's id, empty if there was nothing to stop."""
        evaluation = self.endpoint.stop(job_id, reason, now_ns)
        if evaluation is None:
            return ""
        self._enqueue(now_ns, evaluation)
        return evaluation.id

    def change_node(self, now_ns: int, node_id: str, action: str) -> str:
        """Approve, reject or delete a node; the answer is empty or says why not."""
        change = {"approve": self.nodes.approve, "reject": self.nodes.reject, "delete": self.nodes.delete}.get(action)
        if change is None:
            return "unsupported action"
        error = change(node_id)
        self._look_at_nodes(now_ns)
        return error

    # ---- evaluations ---------------------------------------------------------------------------------------

    def _enqueue(self, now_ns: int, evaluation: Evaluation) -> None:
        if self._dead_letters_revived:
            self.broker.revive(evaluation.job_id, now_ns)
        self.broker.enqueue(evaluation, now_ns)
        self._wake(now_ns)

    def _evaluate(self, now_ns: int, record: JobRecord, trigger: str) -> None:
        priority = record.job.priority if self._priority_copied else 0
        evaluation = Evaluation(
            new_id(self._chance), record.job.id, record.job.type, trigger, priority=priority, create_time_ns=now_ns,
            modify_time_ns=now_ns,
        )  # fmt: skip
        self._enqueue(now_ns, evaluation)

    def _wake(self, now_ns: int) -> None:
        if WORK not in self._armed:
            self._set_timer(WORK, now_ns)

    def _work(self, now_ns: int) -> None:
        broker = self.broker
        while (delivery := broker.dequeue(now_ns)) is not None:
            evaluation = delivery.evaluation
            try:
                self._process(now_ns, evaluation)
            except (SchedulingError, StateConflictError, NotFoundError) as exc:
                self.actions.append(Note("nack", f"{evaluation.id} {exc}"))
                broker.nack(evaluation.id, delivery.receipt, now_ns)
            else:
                broker.ack(evaluation.id, delivery.receipt, now_ns)
        due_ns = broker.next_due_ns()
        if due_ns is not None and self._armed.get(BROKER) != due_ns:
            self._set_timer(BROKER, due_ns)

    def _process(self, now_ns: int, evaluation: Evaluation) -> None:
        plan = self._schedulers.plan(evaluation, now_ns)
        calls = planner.calls(plan)
        planner.apply(plan, self.store, now_ns)
        self.actions.append(
            Note(
                "plan",
                f"{evaluation.id} {evaluation.job_id} {plan.desired_job_state.text} new={len(plan.new_executions)}",
            )
        )
        for call in calls:
            self._call(now_ns, call)
        for following in plan.new_evaluations:
            self._enqueue(now_ns, following)

    # ---- calls to the nodes --------------------------------------------------------------------------------

    def _call(self, now_ns: int, call: planner.Call) -> None:
        execution = call.execution
        message: Any
        match call.kind:
            case "ask" | "ask-direct":
                record = self.store.job(execution.job_id)
                message = AskForBid(execution.id, record.job, record.digest, call.kind == "ask")
            case "accept":
                message = BidAccepted(execution.id)
            case "reject":
                message = BidRejected(execution.id, call.justification)
            case _:
                message = CancelExecution(execution.id, call.justification)
        self._send(now_ns, execution, message, call.on_success, call.expected)

    def _send(
        self, now_ns: int, execution: Execution, message: Any, on_success: ComputeState, expected: ComputeState | None
    ) -> None:
        deadline_ns = now_ns + self.config.request_timeout_ns
        request = type(message).__name__
        self._calls.pop((execution.id, request), None)
        self._calls[execution.id, request] = OutstandingCall(execution, message, on_success, expected, deadline_ns)
        self.actions.append(Send(execution.node_id, message))
        if CALLS not in self._armed:
            self._set_timer(CALLS, deadline_ns)

    def _on_reply(self, now_ns: int, reply: ExecutionReply) -> None:
        call = self._calls.pop((reply.execution_id, reply.request), None)
        if call is None:
            return
        # A node that no longer knows the execution, or has ended it, has nothing left to cancel.
        if reply.error and not (reply.request == CANCEL and self._cancels_resent):
            self.actions.append(Note("refused", f"{reply.request} {reply.execution_id} {reply.error}"))
            if self._asks_given_up and reply.request in (ASK, ACCEPT):
                self._give_up(now_ns, call.execution, reply.error)
            return
        expected = () if call.expected is None else (call.expected,)
        self._update(now_ns, call.execution, compute=call.on_success, expected_states=expected)

    def _expire_calls(self, now_ns: int) -> None:
        """Requests that nobody answered. The oldest comes first, for all wait equally long."""
        while self._calls:
            (execution_id, request), call = next(iter(self._calls.items()))
            if call.deadline_ns > now_ns:
                self._set_timer(CALLS, call.deadline_ns)
                return
            del self._calls[execution_id, request]
            self.actions.append(Note("unanswered", f"{request} {execution_id}"))
            self._on_unanswered(now_ns, request, call)

    def _on_unanswered(self, now_ns: int, request: str, call: OutstandingCall) -> None:
        execution = call.execution
        if request == CANCEL and self._cancels_resent and self.nodes.is_known(execution.node_id):
            self._send(now_ns, execution, call.message, call.on_success, call.expected)
        elif request in (ASK, ACCEPT) and self._asks_given_up:
            self._give_up(now_ns, execution, f"node {execution.node_id} did not answer")

    def _give_up(self, now_ns: int, execution: Execution, reason: str) -> None:
        event = Event.of_error(reason, Topic.BIDDING, now_ns)
        if self._fail(now_ns, execution, event):
            # The node may have taken the request and only its answer was lost.
            self._send(now_ns, execution, CancelExecution(execution.id, reason), ComputeState.CANCELLED, None)

    # ---- what the nodes report -----------------------------------------------------------------------------

    def _on_bid_result(self, now_ns: int, message: BidResult) -> None:
        execution = self.store.execution(message.execution_id)
        if execution is None:
            return
        event = message.event
        if message.accepted:
            done = self._update(
                now_ns, execution, compute=ComputeState.ASK_FOR_BID_ACCEPTED, compute_message=event.message,
                event=event, expected_states=_BID_STATES,
            )  # fmt: skip
        else:
            done = self._update(
                now_ns, execution, compute=ComputeState.ASK_FOR_BID_REJECTED, compute_message=event.message,
                desired=DesiredState.STOPPED, desired_message="bid rejected", event=event, expected_states=_BID_STATES,
            )  # fmt: skip
        if done:
            self._evaluate(now_ns, self.store.job(execution.job_id), Trigger.EXEC_UPDATE)

    def _on_run_result(self, now_ns: int, message: RunResult) -> None:
        execution = self.store.execution(message.execution_id)
        if execution is None:
            return
        record = self.store.job(execution.job_id)
        state, note, own = ComputeState.COMPLETED, "execution completed", ""
        if record.job.is_long_running:
            state, note = ComputeState.FAILED, "execution completed unexpectedly"
            own = note
        done = self._update(
            now_ns, execution, compute=state, compute_message=own, desired=DesiredState.STOPPED, desired_message=note,
            published_result=message.published, run_output=message.result, expected_states=_RUN_STATES,
        )  # fmt: skip
        if done:
            self._evaluate(now_ns, record, Trigger.EXEC_UPDATE)

    def _on_compute_error(self, now_ns: int, message: ComputeError) -> None:
        execution = self.store.execution(message.execution_id)
        if execution is not None:
            self._fail(now_ns, execution, message.event)

    def _fail(self, now_ns: int, execution: Execution, event: Event) -> bool:
        done = self._update(
            now_ns, execution, compute=ComputeState.FAILED, compute_message=event.message, desired=DesiredState.STOPPED,
            desired_message="execution failed", event=event, unexpected_states=_FAILURE_REFUSED_IN,
        )  # fmt: skip
        if done:
            self._evaluate(now_ns, self.store.job(execution.job_id), Trigger.EXEC_UPDATE)
        return done

    def _update(self, now_ns: int, execution: Execution, event: Event = NO_EVENT, **changes: Any) -> bool:
        """Write a change; a late or repeated report that the store refuses is noted and changes nothing."""
        try:
            self.store.update_execution(execution, now_ns, event=event, **changes)
        except StateConflictError as exc:
            self.actions.append(Note("ignored", str(exc)))
            return False
        return True

    # ---- rounds --------------------------------------------------------------------------------------------

    def _keep_house(self, now_ns: int) -> None:
        for evaluation in housekeeping.due_evaluations(self.store, self.config, self._chance, now_ns):
            self._enqueue(now_ns, evaluation)
        if self._dead_letters_revived:
            for record in self.store.in_progress():
                self.broker.revive(record.job.id, now_ns)
            self._wake(now_ns)
        self._set_timer(HOUSEKEEPING, now_ns + self.config.housekeeping_interval_ns)

    def _look_at_nodes(self, now_ns: int) -> None:
        """Have the jobs evaluated that a change of the nodes concerns."""
        events = self.nodes.take_events()
        if not events:
            return
        came = any(kind in ("join", "approve", "reconnect") for kind, _ in events)
        gone = {node_id for kind, node_id in events if kind in ("disconnect", "reject", "delete")}
        for kind, node_id in events:
            self.actions.append(Note("node", f"{node_id} {kind}"))
        for record in self.store.in_progress():
            if came and self._nodes_wake_jobs and self._waits_for_room(record):
                self._evaluate(now_ns, record, Trigger.NODE_JOIN)
            elif gone and self._lost_when_disconnected and self._lives_on(record, gone):
                self._evaluate(now_ns, record, Trigger.NODE_LEAVE)

    @staticmethod
    def _waits_for_room(record: JobRecord) -> bool:
        if record.job.type == JobType.DAEMON:
            return True
        if record.job.type == JobType.OPS:
            return False
        live = sum(not execution.is_terminal for execution in record.executions.values())
        return live < record.job.wanted or record.state is not JobState.RUNNING

    @staticmethod
    def _lives_on(record: JobRecord, node_ids: set[str]) -> bool:
        return any(not e.is_terminal and e.node_id in node_ids for e in record.executions.values())

    def _set_timer(self, key: str, at_ns: int) -> None:
        self._armed[key] = at_ns
        self.actions.append(SetTimer(key, at_ns))
