"""The requester as one state machine: messages, timers and calls in; messages, timers and notes out.

It joins the parts of this package: the endpoint takes jobs, the broker orders evaluations, a scheduler makes a
plan of each, the planner applies it, and the calls it asks for go to the compute nodes. Evaluations are worked
off at the end of the instant in which they arise, so that a hundred answers at one instant cost one look at the
job, not a hundred.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from devstack.errors import NotFoundError
from devstack.messages import (
    BidResult,
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
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Job, JobType
from devstack.orchestrator import housekeeping, planner
from devstack.orchestrator.broker import EvaluationBroker
from devstack.orchestrator.calls import ENDING, OFFERING, OutstandingCall, OutstandingCalls, request_of
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.endpoint import Endpoint, Submission
from devstack.orchestrator.nodes import NodeTable
from devstack.orchestrator.planner import Call
from devstack.orchestrator.reminders import bid_reminders, reconciliations
from devstack.orchestrator.reports import Report, change_of, failure
from devstack.orchestrator.retry import retry_strategy
from devstack.orchestrator.scheduler import Schedulers, SchedulingError
from devstack.orchestrator.selection import NodeSelector
from devstack.orchestrator.store import JobRecord, JobStore, StateConflictError
from devstack.orchestrator.wake import NodeWatch

__all__ = ["Requester"]

WORK: Final = "work"
BROKER: Final = "broker"
CALLS: Final = "calls"
HOUSEKEEPING: Final = "housekeeping"
HEARTBEATS: Final = "heartbeats"


class Requester:
    """One requester node. Everything it wants done collects in `actions` until `drain` takes it."""

    def __init__(
        self,
        config: RequesterConfig,
        id_chance: Chance,
        rank_chance: Chance,
        broker_chance: Chance,
        earlier: Requester | None = None,
    ) -> None:
        self.config = config
        # What an earlier life had committed is still there: jobs, and which nodes are members. All else is gone.
        self.store: JobStore = JobStore() if earlier is None else earlier.store
        self.nodes: NodeTable = NodeTable(config, None if earlier is None else earlier.nodes)
        self.endpoint = Endpoint(self.store, config, id_chance)
        self.broker = EvaluationBroker(config, broker_chance)
        self.selector = NodeSelector(self.nodes, self.store, config, rank_chance)
        self._schedulers = Schedulers(self.store, self.selector, retry_strategy(config), config, id_chance)
        self._chance = id_chance
        self._calls = OutstandingCalls()
        self._armed: dict[str, int] = {}
        self.actions: list[Any] = []
        behaviour = config.behaviour
        self._priority_copied = not behaviour.on("priority-not-copied")
        self._asks_given_up = not behaviour.on("lost-ask-counts-as-pending")
        self._reconciles = not behaviour.on("lost-result-never-resent")
        self._surplus_counts = behaviour.on("surplus-result-counts")
        self._cancels_resent = not behaviour.on("failed-cancel-never-resent")
        self._watch = NodeWatch(behaviour)

    def drain(self) -> list[Any]:
        """What is to be done since the last time, in order."""
        actions = self.actions
        if actions:
            self.actions = []
        return actions

    # ---- what comes in -------------------------------------------------------------------------------------

    def start(self, now_ns: int) -> None:
        """Begin the rounds, and look at every job that an earlier life has left unfinished."""
        self.nodes.begin(now_ns)
        for record in self.store.jobs():
            self._repeat_calls(now_ns, record)
            if not record.is_terminal:
                self._evaluate(now_ns, record, Trigger.EXEC_UPDATE)
        self._set_timer(HOUSEKEEPING, now_ns + self.config.housekeeping_interval_ns)
        self._set_timer(HEARTBEATS, now_ns + self.config.heartbeat_check_ns)

    def handle(self, now_ns: int, source: str, message: Any) -> None:
        """Take a message from a compute node."""
        match message:
            case ExecutionReply():
                self._on_reply(now_ns, message)
            case BidResult() | RunResult() | ComputeError():
                self._on_report(now_ns, message)
            case CancelResult():
                pass  # The node's reply to the cancel call has said it already.
            case Heartbeat():
                if not self.nodes.heartbeat(message.node_id, now_ns):
                    self._ignore(message)
            case UpdateResources():
                if self.nodes.update_resources(message.node_id, message.available, message.queue_used):
                    self._ignore(message)
            case Register():
                accepted, reason = self.nodes.register(message.info, now_ns)
                self.actions.append(Send(source, ManagementReply("Register", accepted, reason)))
            case UpdateInfo():
                accepted, reason = self.nodes.update_info(message.info)
                self.actions.append(Send(source, ManagementReply("UpdateInfo", accepted, reason)))
            case _:
                self._ignore(message)
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

    def _call(self, now_ns: int, call: Call) -> None:
        execution = call.execution
        request = request_of(call, self.store.job(execution.job_id))
        deadline_ns = now_ns + self.config.request_timeout_ns
        name = type(request).__name__
        self._calls.add(OutstandingCall(call, name, deadline_ns))
        execution.is_ending = name in ENDING and self._cancels_resent
        self.actions.append(Send(execution.node_id, request))
        if CALLS not in self._armed:
            self._set_timer(CALLS, deadline_ns)

    def awaits_reply(self, execution_id: str) -> bool:
        """Whether the execution's node still owes an answer, and is asked again or given up if it gives none."""
        return self._calls.awaits(execution_id)

    def _repeat_calls(self, now_ns: int, record: JobRecord) -> None:
        """Ask again what an earlier life may not have got an answer to. Nodes take a repeated request as the first."""
        for execution in record.executions.values():
            call = planner.owed_call(execution)
            if call is None and execution.is_ending:
                call = _cancel_of(execution, execution.desired_message)
            if call is not None:
                self._call(now_ns, call)

    def _on_reply(self, now_ns: int, reply: ExecutionReply) -> None:
        waiting = self._calls.take(reply.execution_id, reply.request)
        if waiting is None:
            self._ignore(reply)
        elif reply.error and waiting.call.kind == "reject" and self._cancels_resent:
            # The approval had reached the node after all, and only its reply was lost: what runs has to be ended.
            self._call(now_ns, _cancel_of(waiting.call.execution, waiting.call.justification))
        elif not reply.error or (reply.request in ENDING and self._cancels_resent):
            self._answered(now_ns, waiting.call)
        else:
            self.actions.append(Note("refused", f"{reply.request} {reply.execution_id} {reply.error}"))
            if self._asks_given_up and reply.request in OFFERING:
                self._give_up(now_ns, waiting.call, reply.error)

    def _answered(self, now_ns: int, call: Call) -> None:
        if call.on_success is ComputeState.UNDEFINED:
            return  # It was only a reminder.
        call.execution.is_ending = False
        expected = () if call.expected is None else (call.expected,)
        self._update(now_ns, call.execution, compute=call.on_success, expected_states=expected)

    def _expire_calls(self, now_ns: int) -> None:
        """Requests that nobody answered."""
        while (waiting := self._calls.take_expired(now_ns)) is not None:
            self.actions.append(Note("unanswered", f"{waiting.name} {waiting.call.execution.id}"))
            self._on_unanswered(now_ns, waiting.name, waiting.call)
        deadline_ns = self._calls.next_deadline_ns()
        if deadline_ns is not None:
            self._set_timer(CALLS, deadline_ns)

    def _on_unanswered(self, now_ns: int, name: str, call: Call) -> None:
        node_id = call.execution.node_id
        if name in ENDING and self._cancels_resent:
            if self.nodes.is_known(node_id):
                self._call(now_ns, call)
            else:
                self._answered(now_ns, call)  # Nobody is left who could answer.
        elif name in OFFERING and self._asks_given_up:
            self._give_up(now_ns, call, f"node {node_id} did not answer")

    def _give_up(self, now_ns: int, call: Call, reason: str) -> None:
        execution = call.execution
        if execution.compute is not call.expected:
            return  # A bid or a result came in the meantime, and says more than any reply.
        event = Event.of_error(reason, Topic.BIDDING, now_ns)
        if self._change(now_ns, execution, failure(event)):
            # The node may have taken the request and only its answer was lost.
            self._call(now_ns, _cancel_of(execution, reason))

    # ---- what the nodes report -----------------------------------------------------------------------------

    def _on_report(self, now_ns: int, report: Report) -> None:
        execution = self.store.execution(report.execution_id)
        record = None if execution is None else self.store.job(execution.job_id)
        if execution is None or record is None or self._is_surplus(record, report):
            self._ignore(report)
        else:
            self._change(now_ns, execution, change_of(report, record.job))

    def _is_surplus(self, record: JobRecord, report: Report) -> bool:
        """Whether the job has enough results without this one: what was given up and its replacement both ran."""
        if self._surplus_counts or not isinstance(report, RunResult):
            return False
        return record.is_terminal or (record.job.type == JobType.BATCH and record.completed >= record.job.wanted)

    def _change(self, now_ns: int, execution: Execution, change: dict[str, Any]) -> bool:
        """Write what a node reported, and have the job looked at."""
        done = self._update(now_ns, execution, **change)
        if done:
            self._evaluate(now_ns, self.store.job(execution.job_id), Trigger.EXEC_UPDATE)
        return done

    def _update(self, now_ns: int, execution: Execution, event: Event = NO_EVENT, **changes: Any) -> bool:
        """Write a change; what the store refuses came late or twice: it is noted, and changes nothing."""
        try:
            self.store.update_execution(execution, now_ns, event=event, **changes)
        except StateConflictError as exc:
            self._ignore(exc)
            return False
        return True

    def _ignore(self, what: object) -> None:
        self.actions.append(Note("ignored", str(what)))

    # ---- rounds --------------------------------------------------------------------------------------------

    def _keep_house(self, now_ns: int) -> None:
        for evaluation in housekeeping.due_evaluations(self.store, self.config, self._chance, now_ns):
            self._enqueue(now_ns, evaluation)
        for record in self._watch.lacking(self.store.in_progress(), self.nodes.eligible()):
            self._evaluate(now_ns, record, Trigger.JOB_QUEUE)
        if self.broker.revive_all():
            self._wake(now_ns)
        self._remind(now_ns - self.config.housekeeping_interval_ns, now_ns)
        self._set_timer(HOUSEKEEPING, now_ns + self.config.housekeeping_interval_ns)

    def _remind(self, before_ns: int, now_ns: int) -> None:
        """Ask about what nobody has heard of since then."""
        for call in bid_reminders(self.store.in_progress(), before_ns) if self._asks_given_up else ():
            self._call(now_ns, call)
        if self._reconciles:
            self.actions += reconciliations(self.store.in_progress(), before_ns)

    def _look_at_nodes(self, now_ns: int) -> None:
        """Have the jobs evaluated that a change of the nodes concerns."""
        events = self.nodes.take_events()
        if not events:
            return
        for kind, node_id in events:
            self.actions.append(Note("node", f"{node_id} {kind}"))
        for record, trigger in self._watch.concerned(events, self.store.in_progress()):
            self._evaluate(now_ns, record, trigger)

    def _set_timer(self, key: str, at_ns: int) -> None:
        self._armed[key] = at_ns
        self.actions.append(SetTimer(key, at_ns))


def _cancel_of(execution: Execution, why: str) -> Call:
    return Call(execution, "cancel", why, ComputeState.CANCELLED, None)
