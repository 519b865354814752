"""A compute node as one state machine: messages, events and timers in, actions out.

It hands each thing that comes in to the part that knows about it: `bidder` decides what to take, `runner` sees it
through, `reporter` tells the requester how the node is. Whatever comes too late or twice is counted and noted, and
changes nothing. A crash loses everything but the store.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import attrs

from devstack.compute.actions import Assessed, Prepared, Published, RunFinished, StepFailed
from devstack.compute.bidder import Bidder, requested_by
from devstack.compute.config import ComputeConfig
from devstack.compute.lifecycle import LocalExecution, LocalExecutionState, Stimulus, not_found_text
from devstack.compute.outbox import Outbox
from devstack.compute.reporter import Reporter
from devstack.compute.runner import TIMEOUT, Runner
from devstack.compute.store import ExecutionStore
from devstack.errors import ConflictError, DevstackError
from devstack.messages import (
    AskForBid,
    BidAccepted,
    BidRejected,
    CancelExecution,
    ComputeError,
    ExecutionReply,
    ManagementReply,
    Note,
    Reconcile,
)
from devstack.models.event import Event, Topic
from devstack.models.node import NodeInfo
from devstack.models.resources import Resources

__all__ = ["ActiveExecution", "ComputeNode", "DebugInfo"]

_CREATED: Final = (LocalExecutionState.CREATED,)


@attrs.frozen
class ActiveExecution:
    execution_id: str
    job_id: str
    state: LocalExecutionState
    allocated: Resources


@attrs.frozen
class DebugInfo:
    """What holds capacity now, and how many executions have completed since the node started."""

    active: tuple[ActiveExecution, ...]
    completed: int


class ComputeNode:
    """`ignored` counts what came too late or twice. A node that restarts is made anew with its old `store`."""

    def __init__(self, config: ComputeConfig, store: ExecutionStore | None = None) -> None:
        self.config = config
        if store is None:
            store = ExecutionStore(config.kept_executions, with_history=config.with_history)
        self.store = store
        self.ignored = 0
        self._repeats_refused = config.behaviour.on("lost-result-never-resent")
        self._outbox = Outbox(config.requester_id)
        self._runner = Runner(config, store, self._outbox)
        self._bidder = Bidder(config, store, self._runner, self._outbox)
        self._reporter = Reporter(config, store, self._runner.buffer, self._outbox)

    # ---- looking at it -------------------------------------------------------------------------------------

    @property
    def actions(self) -> list[Any]:
        """What the node wants done and nobody has fetched yet."""
        return self._outbox.actions

    @property
    def running(self) -> Resources:
        """What is granted now, with its devices."""
        return self._runner.buffer.room.used

    @property
    def enqueued(self) -> Resources:
        """What waits for room."""
        return self._runner.buffer.waiting.used

    @property
    def registration_error(self) -> str:
        """Why the node may not take part; empty as long as nobody has said so."""
        return self._reporter.refusal

    def info(self) -> NodeInfo:
        return self._reporter.info()

    def debug(self) -> DebugInfo:
        active = tuple(
            ActiveExecution(record.id, record.job.id, record.state, record.held or record.usage)
            for record in self._runner.buffer.running
        )
        return DebugInfo(active, self._runner.completed)

    def drain(self) -> list[Any]:
        """What is to be done since the last time, in order."""
        return self._outbox.drain()

    # ---- what comes in -------------------------------------------------------------------------------------

    def start(self, now_ns: int) -> None:
        """Register, send the first heartbeat, and deal with what an earlier life left in the store."""
        self._reporter.start(now_ns)
        self.recover(now_ns)

    def recover(self, now_ns: int) -> None:
        """Deal with what the store remembers: `start` does it; doing it again changes nothing."""
        self._runner.recover(now_ns)

    def handle(self, now_ns: int, source: str, message: Any) -> None:
        """Take a message; each request about an execution is answered to its source."""
        match message:
            case AskForBid():
                self._on_ask(now_ns, source, message)
            case BidAccepted():
                self._on_accepted(now_ns, source, message)
            case BidRejected():
                self._on_rejected(now_ns, source, message)
            case CancelExecution():
                self._on_cancel(now_ns, source, message)
            case Reconcile():
                self._on_reconcile(now_ns, message)
            case ManagementReply():
                self._reporter.answered(message)
            case _:
                self._ignore(message)

    def event(self, now_ns: int, event: Any) -> None:
        """Take what the shell reports."""
        match event:
            case RunFinished() | Prepared() | Published() | StepFailed():
                is_awaited = self._runner.take(now_ns, event)
            case Assessed():
                is_awaited = self._bidder.assessed(now_ns, event)
            case _:
                is_awaited = False
        if not is_awaited:
            self._ignore(event)

    def timer(self, now_ns: int, key: Hashable) -> None:
        """A timer is due."""
        match key:
            case (str(kind), str(execution_id)) if kind == TIMEOUT:
                is_awaited = self._runner.timed_out(now_ns, execution_id)
            case _:
                is_awaited = self._reporter.timer(now_ns, key)
        if not is_awaited:
            self._ignore(f"timer {key!r}")

    def approve(self, now_ns: int, execution_id: str, *, accepted: bool, reason: str = "") -> None:
        """Answer a bid that waits for a person. Raises NotFoundError, ConflictError."""
        self._bidder.approve(now_ns, execution_id, accepted=accepted, reason=reason)

    # ---- the requests --------------------------------------------------------------------------------------

    def _on_ask(self, now_ns: int, source: str, ask: AskForBid) -> None:
        if self.store.is_shunned(ask.execution_id):
            self._reply(source, ask, ask.job.id, f"execution {ask.execution_id} was cancelled before it was asked for")
            return
        try:
            requested = requested_by(ask.job)
        except DevstackError as exc:
            self._reply(source, ask, ask.job.id, exc.message)
            return
        self._reply(source, ask, ask.job.id)
        self._bidder.ask(now_ns, ask, requested)

    def _on_accepted(self, now_ns: int, source: str, message: BidAccepted) -> None:
        known = self.store.get(message.execution_id)
        if known is not None and known.is_accepted and not self._repeats_refused:
            self._reply(source, message, known.job.id)  # The answer to the first was lost.
            return
        record = self._created(source, message)
        if record is None:
            return
        self.store.advance(record, Stimulus.ACCEPT, now_ns)
        self._reply(source, message, record.job.id, self._runner.buffer.refusal(record))
        self._runner.line_up(now_ns, record)

    def _on_rejected(self, now_ns: int, source: str, message: BidRejected) -> None:
        record = self._created(source, message)
        if record is None:
            return
        self.store.advance(record, Stimulus.REJECT, now_ns, f"bid rejected due to: {message.justification}")
        self._reply(source, message, record.job.id)

    def _created(self, source: str, message: BidAccepted | BidRejected) -> LocalExecution | None:
        """The execution that waits for this answer; if there is none, the source hears why."""
        try:
            return self.store.read(message.execution_id, _CREATED)
        except DevstackError as exc:
            self._reply(source, message, "", exc.message)
            return None

    def _on_cancel(self, now_ns: int, source: str, message: CancelExecution) -> None:
        ask = self._bidder.drop(message.execution_id)
        if ask is not None or self.store.get(message.execution_id) is None:
            self.store.shun(message.execution_id)  # The ask may come later, or once more.
        if ask is not None:
            self._reply(source, message, ask.job.id)
            return
        try:
            record = self._cancellable(message.execution_id)
        except DevstackError as exc:
            self._reply(source, message, "", exc.message)
            return
        self._reply(source, message, record.job.id)
        self._runner.cancel(now_ns, record, message.justification)

    def _on_reconcile(self, now_ns: int, message: Reconcile) -> None:
        """Tell again how it ended of what is over, and that it is gone of what this node does not know (any more)."""
        for execution_id in message.execution_ids:
            record = self.store.get(execution_id)
            if record is None:
                if not self._bidder.is_asked(execution_id):
                    event = Event.of_error(not_found_text(execution_id), Topic.RUNNING, now_ns)
                    self._outbox.tell(ComputeError(execution_id, "", event))
            elif record.state.is_terminal and record.report is not None:
                self._outbox.tell(record.report)

    def _cancellable(self, execution_id: str) -> LocalExecution:
        record = self.store.read(execution_id)
        if record.state.is_terminal:
            raise ConflictError(f"cannot cancel execution {execution_id} in state {record.state.text}")
        return record

    def _reply(
        self,
        source: str,
        request: AskForBid | BidAccepted | BidRejected | CancelExecution,
        job_id: str,
        error: str = "",
    ) -> None:
        reply = ExecutionReply(request.execution_id, job_id, type(request).__name__, error)
        self._outbox.send(source, reply)

    def _ignore(self, what: object) -> None:
        self.ignored += 1
        self._outbox.add(Note("ignored", str(what)))
