"""What a node remembers of its executions; it survives a crash of the node's machine.

Executions that are over are kept up to a bound, so that late messages get a fitting answer and memory does not grow.
Source: compute reference 4.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import attrs

from devstack.compute.lifecycle import (
    EXECUTING,
    TERMINAL,
    TRANSITIONS,
    LocalExecution,
    LocalExecutionState,
    Stimulus,
    already_exists_text,
    not_found_text,
    state_text,
    terminal_text,
    version_text,
)
from devstack.errors import ConflictError, NotFoundError

__all__ = ["ExecutionStore", "HistoryEntry", "LocalChange"]

State = LocalExecutionState
_NEW = (State.CREATED, State.BID_ACCEPTED)

LocalChange = tuple[str, LocalExecutionState, LocalExecutionState]
"""Execution id, previous state, new state."""


@attrs.frozen
class HistoryEntry:
    execution_id: str
    previous: LocalExecutionState
    new: LocalExecutionState
    version: int
    comment: str
    time_ns: int


class ExecutionStore:
    """The records of one node.

    `is_registered` stands for the lock file that keeps a node from registering twice. `journal` collects the changes
    of state since it was last taken; the cluster puts them into the trace.
    """

    def __init__(self, kept: int = 1000, *, with_history: bool = False) -> None:
        self.is_registered = False
        self.journal: list[LocalChange] = []
        self._kept = kept
        self._records: dict[str, LocalExecution] = {}
        self._over: OrderedDict[str, None] = OrderedDict()
        self._unwanted: OrderedDict[str, None] = OrderedDict()
        self._history: dict[str, list[HistoryEntry]] | None = {} if with_history else None

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[LocalExecution]:
        return iter(self._records.values())

    def create(self, record: LocalExecution) -> None:
        """Add a record.

        Raises:
            ConflictError: it is not new, or its id is taken.
        """
        if record.state not in _NEW:
            raise ConflictError(state_text(record.id, record.state, _NEW))
        if record.version != 1:
            raise ConflictError(version_text(record.id, record.version, 1))
        if record.id in self._records:
            raise ConflictError(already_exists_text(record.id))
        self._records[record.id] = record
        self.journal.append((record.id, State.UNDEFINED, record.state))
        if self._history is not None:
            entry = HistoryEntry(
                record.id, State.UNDEFINED, record.state, 1, "LocalExecutionState created", record.create_time_ns
            )
            self._history[record.id] = [entry]

    def get(self, execution_id: str) -> LocalExecution | None:
        return self._records.get(execution_id)

    def read(self, execution_id: str, expected: Sequence[LocalExecutionState] = ()) -> LocalExecution:
        """The record, which has to be in one of the expected states (none given: in any).

        Raises:
            NotFoundError: there is none. ConflictError: it is in another state.
        """
        record = self._records.get(execution_id)
        if record is None:
            raise NotFoundError(not_found_text(execution_id))
        if expected and record.state not in expected:
            raise ConflictError(state_text(execution_id, record.state, expected))
        return record

    def advance(self, record: LocalExecution, stimulus: Stimulus, now_ns: int, comment: str = "") -> bool:
        """Follow the table; False, and nothing changed, if it has no row."""
        state = TRANSITIONS.get((record.state, stimulus))
        if state is None:
            return False
        self._write(record, state, now_ns, comment)
        return True

    def update(
        self,
        execution_id: str,
        state: LocalExecutionState,
        now_ns: int,
        *,
        expected: Sequence[LocalExecutionState] = (),
        version: int | None = None,
        comment: str = "",
    ) -> LocalExecution:
        """Write any state, as the peer's store allows; the table binds `advance` only.

        Raises:
            NotFoundError: there is no such record. ConflictError: its state or version is another, or it is over.
        """
        record = self.read(execution_id, expected)
        if version is not None and record.version != version:
            raise ConflictError(version_text(execution_id, record.version, version))
        if record.state.is_terminal:
            raise ConflictError(terminal_text(execution_id, record.state, state))
        self._write(record, state, now_ns, comment)
        return record

    def _write(self, record: LocalExecution, state: LocalExecutionState, now_ns: int, comment: str) -> None:
        previous, record.state = record.state, state
        self.journal.append((record.id, previous, state))
        record.version += 1
        record.update_time_ns = now_ns
        if comment:
            record.comment = comment
        if self._history is not None:
            entry = HistoryEntry(record.id, previous, state, record.version, comment, now_ns)
            self._history.setdefault(record.id, []).append(entry)
        if state in TERMINAL:
            self._over[record.id] = None
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self._over) > self._kept:
            self.delete(next(iter(self._over)))

    def delete(self, execution_id: str) -> None:
        """Forget a record and its history.

        Raises:
            NotFoundError: there is none.
        """
        self.read(execution_id)
        del self._records[execution_id]
        self._over.pop(execution_id, None)
        if self._history is not None:
            self._history.pop(execution_id, None)

    def shun(self, execution_id: str) -> None:
        """Remember an execution that was cancelled before it was known: its ask is still under way, or was lost."""
        self._unwanted[execution_id] = None
        while len(self._unwanted) > self._kept:
            self._unwanted.popitem(last=False)

    def is_shunned(self, execution_id: str) -> bool:
        return execution_id in self._unwanted

    def of_job(self, job_id: str) -> list[LocalExecution]:
        """The job's executions, the least recently changed first.

        Raises:
            NotFoundError: there are none.
        """
        found = [record for record in self._records.values() if record.job.id == job_id]
        if not found:
            raise NotFoundError(f"no executions found for job: {job_id}")
        return sorted(found, key=_update_time)

    def active_of_job(self, job_id: str) -> LocalExecution:
        """The job's most recently changed execution that is not over.

        Raises:
            NotFoundError: there is none.
        """
        active = [record for record in self.of_job(job_id) if record.state.is_active]
        if not active:
            raise NotFoundError(f"no executions found for job: {job_id}")
        return active[-1]

    def live(self) -> list[LocalExecution]:
        """What is Running or Publishing, the least recently changed first."""
        return self.in_state(*EXECUTING)

    def in_state(self, *states: LocalExecutionState) -> list[LocalExecution]:
        """What is in one of the states, the least recently changed first."""
        return sorted((record for record in self._records.values() if record.state in states), key=_update_time)

    def count(self, state: LocalExecutionState) -> int:
        return len(self.in_state(state))

    def history(self, execution_id: str) -> list[HistoryEntry]:
        """One entry a change, if the store keeps history.

        Raises:
            NotFoundError: there are none.
        """
        entries = (self._history or {}).get(execution_id)
        if not entries:
            raise NotFoundError(f"no history found for execution: {execution_id}")
        return list(entries)


def _update_time(record: LocalExecution) -> int:
    return record.update_time_ns
