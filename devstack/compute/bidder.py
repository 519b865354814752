"""Answers the requester's questions for bids, at once where it can and else when the outside has answered.

Source: compute reference 2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import attrs

from devstack.compute.actions import Assess, Assessed, BidFacts
from devstack.compute.bidding import Decision, decide
from devstack.compute.capacity import usage_of
from devstack.compute.config import ComputeConfig
from devstack.compute.lifecycle import LocalExecution, LocalExecutionState
from devstack.compute.outbox import Outbox
from devstack.compute.runner import Runner
from devstack.compute.store import ExecutionStore
from devstack.messages import AskForBid, BidResult, ComputeError
from devstack.models.event import Event, Topic
from devstack.models.gotext import SECOND_NS
from devstack.models.job import Job, ResourcesConfig
from devstack.models.resources import Resources, normalise, parse

__all__ = ["Bidder", "requested_by"]

_NO_FACTS: Final = BidFacts()


def requested_by(job: Job) -> Resources:
    """What the job asks for, as numbers.

    Raises:
        InvalidJobError: a resource's text cannot be read.
    """
    return _parsed(job.task.resources)


@lru_cache(maxsize=1024)
def _parsed(config: ResourcesConfig) -> Resources:
    return parse(normalise(config))


@attrs.frozen
class _Question:
    """An ask whose facts are still being gathered."""

    ask: AskForBid
    requested: Resources


class Bidder:
    def __init__(self, config: ComputeConfig, store: ExecutionStore, runner: Runner, outbox: Outbox) -> None:
        self._config = config
        self._store = store
        self._runner = runner
        self._outbox = outbox
        self._questions: dict[str, _Question] = {}
        # Whether a bid that is stored as Created may be one that waits for a person.
        self._may_wait = config.has_probe or config.wait_on_bid or config.wait_on_refusal

    def ask(self, now_ns: int, ask: AskForBid, requested: Resources) -> None:
        """Take a question. One that comes again is a reminder: a bid that was made is told again."""
        if ask.execution_id in self._questions:
            return
        if (known := self._store.get(ask.execution_id)) is not None:
            if known.state is LocalExecutionState.CREATED and not self._may_wait:
                self._tell_bid(now_ns, known.id, known.job, accepted=True, message="")
            return
        if self._config.has_probe or not self._runner.runs_at_once(ask.job):
            self._questions[ask.execution_id] = _Question(ask, requested)
            self._outbox.add(Assess(ask.execution_id, ask.job, usage_of(requested, self._config.default_job)))
        else:
            self._settle(now_ns, ask, decide(ask.job, requested, _NO_FACTS, self._config))

    def assessed(self, now_ns: int, event: Assessed) -> bool:
        """The facts are here; False if nobody waits for them any more."""
        question = self._questions.pop(event.execution_id, None)
        if question is None:
            return False
        self._settle(now_ns, question.ask, decide(question.ask.job, question.requested, event.facts, self._config))
        return True

    def approve(self, now_ns: int, execution_id: str, *, accepted: bool, reason: str = "") -> None:
        """A person decides about a bid that waits; as in v1.4.0 the record stays as it is.

        Raises:
            NotFoundError: there is no such execution. ConflictError: it no longer waits.
        """
        record = self._store.read(execution_id, (LocalExecutionState.CREATED,))
        self._tell_bid(now_ns, execution_id, record.job, accepted=accepted, message=reason)

    def is_asked(self, execution_id: str) -> bool:
        """Whether facts are being gathered for a bid on this execution."""
        return execution_id in self._questions

    def drop(self, execution_id: str) -> AskForBid | None:
        """Forget a question whose facts are still being gathered."""
        question = self._questions.pop(execution_id, None)
        return question.ask if question else None

    def _settle(self, now_ns: int, ask: AskForBid, decision: Decision) -> None:
        answer = decision.answer
        if decision.error:
            self._fail(now_ns, ask, decision.error, decision.hint)
        elif not ask.wait_for_approval and (answer.waits or not answer.bids):
            self._fail(now_ns, ask, f"job rejected: {answer.reason}")
        elif answer.waits:
            self._store_record(now_ns, ask, decision.usage, LocalExecutionState.CREATED)
        elif not answer.bids:
            self._tell_bid(now_ns, ask.execution_id, ask.job, accepted=False, message=answer.reason)
        elif ask.wait_for_approval:
            self._store_record(now_ns, ask, decision.usage, LocalExecutionState.CREATED)
            self._tell_bid(now_ns, ask.execution_id, ask.job, accepted=True, message=answer.reason)
        else:
            record = self._store_record(now_ns, ask, decision.usage, LocalExecutionState.BID_ACCEPTED)
            self._runner.line_up(now_ns, record)

    def _store_record(
        self, now_ns: int, ask: AskForBid, usage: Resources, state: LocalExecutionState
    ) -> LocalExecution:
        record = LocalExecution(
            ask.execution_id,
            ask.job,
            usage,
            self._limit_ns(ask.job),
            state,
            create_time_ns=now_ns,
            update_time_ns=now_ns,
        )
        self._store.create(record)
        return record

    def _limit_ns(self, job: Job) -> int:
        """The execution timeout that applies; services and daemons have none."""
        if job.is_long_running:
            return 0
        return job.task.timeouts.effective_execution_s * SECOND_NS or self._config.default_timeout_ns

    def _tell_bid(self, now_ns: int, execution_id: str, job: Job, *, accepted: bool, message: str) -> None:
        text = "Accepted job" if accepted and not message else message
        self._outbox.tell(BidResult(execution_id, job.id, accepted, Event(text, Topic.BIDDING, now_ns)))

    def _fail(self, now_ns: int, ask: AskForBid, text: str, hint: str = "") -> None:
        event = Event.of_error(text, Topic.BIDDING, now_ns, hint=hint)
        self._outbox.tell(ComputeError(ask.execution_id, ask.job.id, event))
