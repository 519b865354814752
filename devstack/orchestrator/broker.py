"""The evaluation broker: which evaluation is next, one at a time for each job.

An evaluation is delivered until it is acked. It is ready (waits for a worker), in flight (a worker has it),
pending (another one of its job is ready or in flight), waiting (its time has not come), or dead (it failed too
often). A job's *current* evaluation keeps the job's slot from its first turn until its ack, also while it waits
for its next try. Source: orchestrator reference 3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Final

import attrs

from devstack.errors import ConflictError
from devstack.models.chance import Chance
from devstack.models.evaluation import Evaluation, Trigger
from devstack.models.job import JobType
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.waiting import Key, Waiting

__all__ = ["DEAD_LETTERS", "BrokerError", "BrokerStats", "Delivery", "EvaluationBroker"]

DEAD_LETTERS: Final = "_dlq"
# Bacalhau's channel between job store and broker; beyond it the museum bug drops evaluations.
_WATCH_SLOTS: Final = 64

_Ready = tuple[int, int, int, Evaluation]


class BrokerError(ConflictError):
    """A receipt that does not fit, or a broker that is switched off."""


@attrs.frozen
class Delivery:
    """An evaluation for a worker, and the receipt with which it is acked or nacked."""

    evaluation: Evaluation
    receipt: int


@attrs.frozen
class BrokerStats:
    """How many evaluations are where; `ready_by_type` knows dead ones as type `_dlq`."""

    ready: int
    in_flight: int
    pending: int
    waiting: int
    cancelled: int
    ready_by_type: dict[str, int]


@attrs.define
class _InFlight:
    evaluation: Evaluation
    receipt: int
    deadline_ns: int
    requeue: Evaluation | None = None


def nack_delay_ns(attempts: int, config: RequesterConfig) -> int:
    """How long a nacked evaluation waits for its next try after that many deliveries (one or more)."""
    if attempts == 1:
        return config.broker_initial_retry_ns
    return (attempts - 1) * config.broker_subsequent_retry_ns


class EvaluationBroker:
    """All evaluations of one requester that are still to be worked off."""

    def __init__(self, config: RequesterConfig, chance: Chance) -> None:
        self._config = config
        self._chance = chance
        behaviour = config.behaviour
        self._keyed_by_namespace = behaviour.on("housekeeping-not-serialised")
        self._dead_for_ever = behaviour.on("dead-letter-freezes-job")
        self._peeks_last_slot = behaviour.on("priority-peek-wrong-slot")
        self._overflows = behaviour.on("evaluation-watch-overflow")
        self._enabled = True
        self._sequence = 0
        self._forget_all()

    def _forget_all(self) -> None:
        self._attempts: dict[str, int] = {}  # of every known evaluation
        self._ready: dict[str, list[_Ready]] = {}
        self._current: dict[Key, str] = {}
        self._pending: dict[Key, list[Evaluation]] = {}
        # In the order of their deadlines, for all are given the same time.
        self._in_flight: dict[str, _InFlight] = {}
        self._waiting = Waiting()
        self._dead: dict[Key, Evaluation] = {}
        self._cancelled = 0

    # ---- in ------------------------------------------------------------------------------------------------

    def enqueue(self, evaluation: Evaluation, now_ns: int, receipt: int | None = None) -> None:
        """Take an evaluation; one that is known already changes nothing.

        With the receipt of its delivery a known one is taken again at its ack (a nack forgets the wish).
        """
        if not self._enabled:
            return
        if evaluation.id in self._attempts:
            held = self._in_flight.get(evaluation.id)
            if held is not None and held.receipt == receipt:
                held.requeue = evaluation
            return
        if self._overflows and self._unread() >= _WATCH_SLOTS:
            return
        if self._dead:
            self.revive(evaluation.job_id)
        if evaluation.triggered_by == Trigger.NODE_JOIN and (failed := self._waiting.call_in(self._key(evaluation))):
            self._admit(failed)  # What its job waits for to try again may have come with the node.
        self._attempts[evaluation.id] = 0
        if evaluation.wait_until_ns > now_ns:
            self._waiting.add(evaluation, evaluation.wait_until_ns)
        else:
            self._admit(evaluation)

    def _unread(self) -> int:
        return sum(map(len, self._ready.values())) + sum(map(len, self._pending.values()))

    def _admit(self, evaluation: Evaluation) -> None:
        """Give the evaluation its job's slot, or let it stand behind the one that has it."""
        current = self._current.setdefault(self._key(evaluation), evaluation.id)
        if current == evaluation.id:
            self._push_ready(evaluation.type, evaluation)
        else:
            self._pending.setdefault(self._key(evaluation), []).append(evaluation)

    def _key(self, evaluation: Evaluation) -> Key:
        return (evaluation.job_id, evaluation.namespace if self._keyed_by_namespace else "")

    def _push_ready(self, kind: str, evaluation: Evaluation) -> None:
        self._sequence += 1
        entry = (-evaluation.priority, evaluation.create_time_ns, self._sequence, evaluation)
        heappush(self._ready.setdefault(kind, []), entry)

    # ---- out -----------------------------------------------------------------------------------------------

    def dequeue(self, now_ns: int, types: Collection[str] = JobType.ALL) -> Delivery | None:
        """The next evaluation of these types, if one is ready.

        Raises:
            BrokerError: the broker is disabled.
        """
        if not self._enabled:
            raise BrokerError("eval broker disabled")
        if self._waiting:
            self._admit_due(now_ns)
        kind = self._next_type(types)
        if kind is None:
            return None
        evaluation = heappop(self._ready[kind])[-1]
        if kind == DEAD_LETTERS:
            self._dead.pop(self._key(evaluation), None)
        self._attempts[evaluation.id] += 1
        self._sequence += 1
        held = _InFlight(evaluation, self._sequence, now_ns + self._config.broker_visibility_ns)
        self._in_flight[evaluation.id] = held
        return Delivery(evaluation, held.receipt)

    def _next_type(self, types: Collection[str]) -> str | None:
        filled = [kind for kind in types if self._ready.get(kind)]
        if len(filled) <= 1:
            return filled[0] if filled else None
        # The museum bug looks at the end of the heap, which need not be its most urgent entry.
        slot = -1 if self._peeks_last_slot else 0
        best = min(self._ready[kind][slot][0] for kind in filled)
        tied = [kind for kind in filled if self._ready[kind][slot][0] == best]
        return tied[self._chance.below(len(tied))] if len(tied) > 1 else tied[0]

    # ---- answers -------------------------------------------------------------------------------------------

    def ack(self, evaluation_id: str, receipt: int, now_ns: int) -> None:
        """The evaluation is done; of those that its job has waiting behind it only the newest is kept.

        Raises:
            BrokerError: the receipt is not that of the last delivery, or came too late.
        """
        held = self._held(evaluation_id, receipt)
        if held.deadline_ns <= now_ns:
            raise BrokerError("evaluation ID Ack'd after Nack timer expiration")
        del self._in_flight[evaluation_id], self._attempts[evaluation_id]
        key = self._key(held.evaluation)
        del self._current[key]
        if key in self._pending:
            self._keep_newest(self._pending.pop(key))
        if held.requeue is not None:
            self.enqueue(held.requeue, now_ns)

    def _keep_newest(self, pending: list[Evaluation]) -> None:
        # Of equals the later one: reversed, because max() keeps the first that it meets.
        kept = max(reversed(pending), key=lambda evaluation: (evaluation.priority, evaluation.modify_time_ns))
        for evaluation in pending:
            if evaluation is not kept:
                del self._attempts[evaluation.id]
        self._cancelled += len(pending) - 1
        self._admit(kept)

    def nack(self, evaluation_id: str, receipt: int, now_ns: int) -> None:
        """The evaluation failed: it comes again later, or is dead after the last try.

        Raises:
            BrokerError: the receipt is not that of the last delivery.
        """
        held = self._held(evaluation_id, receipt)
        del self._in_flight[evaluation_id]
        self._give_back(held.evaluation, now_ns)

    def _held(self, evaluation_id: str, receipt: int) -> _InFlight:
        held = self._in_flight.get(evaluation_id)
        if held is None:
            raise BrokerError("evaluation ID not found")
        if held.receipt != receipt:
            raise BrokerError("receiptHandle does not match for Evaluation ID")
        return held

    def _give_back(self, evaluation: Evaluation, now_ns: int) -> None:
        attempts = self._attempts[evaluation.id]
        if attempts >= self._config.broker_max_receive:
            self._dead[self._key(evaluation)] = evaluation
            self._push_ready(DEAD_LETTERS, evaluation)
            return
        delay_ns = nack_delay_ns(attempts, self._config)
        if delay_ns > 0:
            self._waiting.add_failed(self._key(evaluation), evaluation, now_ns + delay_ns)
        else:
            self._admit(evaluation)

    def extend(self, evaluation_id: str, receipt: int, now_ns: int) -> None:
        """Give the worker the whole time again.

        Raises:
            BrokerError: the receipt is not that of the last delivery, or the time was over.
        """
        held = self._held(evaluation_id, receipt)
        if held.deadline_ns <= now_ns:
            raise BrokerError("visibility timeout already reached")
        del self._in_flight[evaluation_id]  # and in again at the end: the order is that of the deadlines
        held.deadline_ns = now_ns + self._config.broker_visibility_ns
        self._in_flight[evaluation_id] = held

    # ---- time ----------------------------------------------------------------------------------------------

    def expire(self, now_ns: int) -> None:
        """Do what is due: take back what workers kept too long, and admit what waited."""
        while self._in_flight:
            evaluation_id, held = next(iter(self._in_flight.items()))
            if held.deadline_ns > now_ns:
                break
            del self._in_flight[evaluation_id]
            self._give_back(held.evaluation, now_ns)
        self._admit_due(now_ns)

    def _admit_due(self, now_ns: int) -> None:
        while (evaluation := self._waiting.take_due(now_ns)) is not None:
            self._admit(evaluation)

    def next_due_ns(self) -> int | None:
        """When `expire` has something to do next; None: never."""
        due_ns = [self._waiting.next_due_ns(), *(held.deadline_ns for held in islice(self._in_flight.values(), 1))]
        return min((one for one in due_ns if one is not None), default=None)

    # ---- the rest ------------------------------------------------------------------------------------------

    def revive_all(self) -> bool:
        """Give every dead evaluation a fresh start; see `revive`."""
        revived = [self.revive(job_id) for job_id in dict.fromkeys(job_id for job_id, _ in self._dead)]
        return any(revived)

    def revive(self, job_id: str) -> bool:
        """Give the job's dead evaluation a fresh start; whether there was one.

        Under `dead-letter-freezes-job` the dead stay dead.
        """
        if self._dead_for_ever:
            return False
        keys = [key for key in self._dead if key[0] == job_id]
        for key in keys:
            evaluation = self._dead.pop(key)
            letters = [entry for entry in self._ready[DEAD_LETTERS] if entry[-1] is not evaluation]
            heapify(letters)
            self._ready[DEAD_LETTERS] = letters
            self._attempts[evaluation.id] = 0
            self._admit(evaluation)
        return bool(keys)

    def will_look_at(self, job_id: str) -> bool:
        """Whether an evaluation of the job is still to be worked off, now or later."""
        if self._has(self._dead, job_id):
            return not self._dead_for_ever
        return self._has(self._current, job_id) or self._waiting.has(job_id)

    def _has(self, slots: Mapping[Key, object], job_id: str) -> bool:
        if self._keyed_by_namespace:
            return any(key[0] == job_id for key in slots)
        return (job_id, "") in slots

    def disable(self) -> None:
        """Forget everything, and drop what comes from now on."""
        self._enabled = False
        self._forget_all()

    def enable(self) -> None:
        self._enabled = True

    def stats(self) -> BrokerStats:
        return BrokerStats(
            ready=sum(len(heap) for kind, heap in self._ready.items() if kind != DEAD_LETTERS),
            in_flight=len(self._in_flight),
            pending=sum(map(len, self._pending.values())),
            waiting=len(self._waiting),
            cancelled=self._cancelled,
            ready_by_type={kind: len(heap) for kind, heap in self._ready.items() if heap},
        )
