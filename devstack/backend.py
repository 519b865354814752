"""What the HTTP API asks of a live stack, answered from its cluster."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, Protocol

import attrs
import trio

from devstack.adapters.ipfs.cid import Cid
from devstack.adapters.ipfs.store import Content
from devstack.checkers import Checkers, Violation
from devstack.dashboard.board import Board, Changes
from devstack.dashboard.rows import rows_of
from devstack.errors import AdapterError, ConflictError, NotFoundError, UsageError
from devstack.explain import Choice, Choices
from devstack.faults.engine import FaultEngine
from devstack.faults.fault import Fault
from devstack.faults.state import FaultState
from devstack.http_api.backend import Page
from devstack.machine import free_space
from devstack.models.execution import ComputeState, Execution
from devstack.models.gotext import parse_duration_ns, parse_rfc3339_ns
from devstack.models.job import Job, SpecConfig
from devstack.models.node import Connection, NodeState
from devstack.models.selectors import Selector, parse_selector
from devstack.orchestrator.queries import Queries, check_execution_order
from devstack.orchestrator.requester import Requester
from devstack.orchestrator.store import HistoryEntry, JobRecord
from devstack.runtime.logs import ExecutionLog, LogBook, finished_lines, result_lines
from devstack.runtime.pace import RealTimePace

__all__ = ["Recorder", "Signer", "StackBackend"]

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LOG_WAIT_S: Final = 5.0
_log: Final = logging.getLogger("devstack.backend")


class Recorder(Protocol):
    """What keeps a session, so that it can be played again."""

    def saw_job(self, now_ns: int, job: Job) -> None:
        """A job was taken."""

    def saw_stop(self, now_ns: int, job_id: str, reason: str) -> None:
        """Somebody asked for a job's end."""

    def saw_node_action(self, now_ns: int, node_id: str, action: str) -> None:
        """A node was approved, rejected or deleted."""

    def saw_fault(self, now_ns: int, number: int, fault: Fault) -> None:
        """A fault was injected."""

    def saw_fault_cleared(self, now_ns: int, number: int) -> None:
        """Somebody ended a fault."""


class Signer(Protocol):
    """Makes results ready for clients that have no credentials."""

    async def sign(self, results: Sequence[SpecConfig]) -> Sequence[SpecConfig]:
        """The same results, with addresses where it can give any."""


class StackBackend:
    """One cluster at real-time pace, as clients see it through its requester."""

    def __init__(
        self,
        pace: RealTimePace,
        logs: LogBook,
        faults: FaultEngine,
        recorder: Recorder | None = None,
        checkers: Checkers | None = None,
        signer: Signer | None = None,
        content: Content | None = None,
    ) -> None:
        self._checkers = checkers
        self._pace, self._logs, self._faults, self._recorder = pace, logs, faults, recorder
        self._signer = signer
        self._content = content
        self._cluster = pace.cluster
        self.board = Board(pace.cluster)
        self._choices = Choices(pace.cluster)
        requester = pace.cluster.requester
        self._chance = pace.cluster.seed.stream("http", "requests")
        self.behaviour = requester.config.behaviour
        self.node_id = requester.config.node_id
        self.version = requester.config.version
        self._selectors_extended = not self.behaviour.on("strict-label-selectors")
        self._finished_logs_cut = self.behaviour.on("finished-logs-cut")

    @property
    def _requester(self) -> Requester:
        """The requester since it was last switched on.

        Raises:
            ConflictError: a fault has taken its power.
        """
        if not self._cluster.has_power(self.node_id):
            raise ConflictError("the requester does not answer: it is down", "clear the fault, or wait until it ends")
        return self._cluster.requester

    @property
    def _queries(self) -> Queries:
        requester = self._requester
        return Queries(requester.store, requester.nodes, self.behaviour)

    def request_id(self) -> str:
        """32 letters and digits."""
        return "".join(LETTERS[number] for number in self._chance.many_below(len(LETTERS), 32))

    # ---- jobs ----------------------------------------------------------------------------------------------

    def submit(self, job: Job) -> tuple[str, str, Sequence[str]]:
        submission = self._pace.ask(self._cluster.submit, job)
        if self._recorder is not None:
            self._recorder.saw_job(self._cluster.now_ns, submission.record.job)
        return submission.record.job.id, submission.evaluation.id, submission.warnings

    def stop(self, job_id: str, reason: str) -> str:
        evaluation_id = self._pace.ask(self._cluster.stop, job_id, reason)
        if self._recorder is not None:
            self._recorder.saw_stop(self._cluster.now_ns, self.find_job(job_id).job.id, reason)
        return evaluation_id

    def find_job(self, job_id: str) -> JobRecord:
        return self._requester.endpoint.find(job_id)

    def list_jobs(
        self, namespace: str, selectors: Sequence[str], limit: int, next_token: str, order_by: str, reverse: bool
    ) -> Page[JobRecord]:
        return self._queries.jobs(namespace, self._selector(selectors), order_by, reverse, limit, next_token)

    def _selector(self, texts: Sequence[str]) -> Selector:
        return parse_selector(",".join(texts), self._selectors_extended)

    def history(
        self, job_id: str, since_s: int, event_type: str, execution_id: str, node_id: str, limit: int, next_token: str
    ) -> Page[HistoryEntry]:
        record = self._requester.endpoint.find(job_id, listing=True)
        return self._queries.history(record, since_s, event_type, execution_id, node_id, limit, next_token)

    def executions(self, job_id: str, limit: int, next_token: str, order_by: str, reverse: bool) -> Page[Execution]:
        check_execution_order(order_by)
        record = self._requester.endpoint.find(job_id, listing=True)
        return self._queries.executions(record, order_by, reverse, limit, next_token)

    async def results(self, job_id: str) -> Sequence[SpecConfig]:
        found = self._requester.endpoint.results(self.find_job(job_id))
        return found if self._signer is None else await self._signer.sign(found)

    # ---- nodes ---------------------------------------------------------------------------------------------

    def nodes(
        self, selectors: Sequence[str], filter_approval: str, filter_status: str, limit: int, next_token: str,
        order_by: str, reverse: bool,
    ) -> Page[NodeState]:  # fmt: skip
        selector = self._selector(selectors)
        return self._queries.nodes(selector, filter_approval, filter_status, order_by, reverse, limit, next_token)

    def node(self, node_id: str) -> NodeState:
        return self._requester.nodes.find(node_id)

    def node_action(self, node_id: str, action: str, message: str) -> str:
        refusal = self._pace.ask(self._cluster.change_node, node_id, action)
        if not refusal:
            # Bacalhau too does no more with the message. Source: orchestrator reference 11.
            _log.info("node %s: %s: %r", node_id, action, message)
            if self._recorder is not None:
                self._recorder.saw_node_action(self._cluster.now_ns, node_id, action)
        return refusal

    def own_node(self) -> NodeState:
        """The requester as it sees itself: connected, though the list of nodes, which goes by heartbeats, says no."""
        return attrs.evolve(self._requester.nodes.own_state(), connection=Connection.CONNECTED)

    # ---- faults --------------------------------------------------------------------------------------------

    def inject_fault(self, fault: Fault) -> FaultState:
        number = self._pace.ask(self._faults.inject, fault)
        if self._recorder is not None:
            self._recorder.saw_fault(self._cluster.now_ns, number, fault)
        over = FaultState(number, fault, "over", self._cluster.now_ns)
        return next((state for state in self._faults.active() if state.id == number), over)

    def list_faults(self) -> Sequence[FaultState]:
        self._pace.catch_up()
        return self._faults.active()

    def clear_faults(self, number: int | None) -> Sequence[int]:
        cleared = self._pace.ask(self._faults.clear, number)
        if self._recorder is not None:
            for one in cleared:
                self._recorder.saw_fault_cleared(self._cluster.now_ns, one)
        return cleared

    # ---- checkers ------------------------------------------------------------------------------------------

    def violations(self) -> tuple[Sequence[Violation], Mapping[str, int]]:
        self._pace.catch_up()
        return ((), {}) if self._checkers is None else (self._checkers.violations, self._checkers.unlisted)

    # ---- content -------------------------------------------------------------------------------------------

    async def ipfs_block(self, cid: Cid) -> bytes:
        content = self._content
        if content is None:
            raise NotFoundError("this stack keeps no IPFS content")
        try:
            return await trio.to_thread.run_sync(content.get, cid)
        except AdapterError as exc:
            raise NotFoundError(exc.message, exc.hint) from exc

    # ---- looking at it -------------------------------------------------------------------------------------

    def choices(self, job_id: str, at: str, execution_id: str) -> tuple[str, Sequence[Choice]]:
        record = self.find_job(job_id)
        until_ns = _instant_ns(at, record.create_time_ns) if at else None
        found = list(self._choices.of(record.job.id, until_ns))
        if execution_id:
            found = [one for one in found if any(placed == execution_id for placed, _ in one.placed)]
        if not found:
            raise NotFoundError(
                f"no choice of a node is known of job {record.job.id}" + (f" at {at}" if at else ""),
                "nothing was chosen for it by then, or so long ago that it is forgotten",
            )
        return record.job.id, found

    def rows(self, changes: Changes) -> Mapping[str, Any]:
        return rows_of(self._cluster, self.board, changes)

    # ---- time ----------------------------------------------------------------------------------------------

    @property
    def speed(self) -> int:
        return self._pace.speed

    def set_speed(self, speed: int) -> None:
        self._pace.set_speed(speed)

    def now_ns(self) -> int:
        return self._pace.now_ns()

    # ---- the process ---------------------------------------------------------------------------------------

    def debug(self) -> Mapping[str, Any]:
        """The components of a requester. The transport is simulated and says so."""
        transport = {"Transport": "simulated", "Machines": 1 + len(self._cluster.nodes)}
        return {"DiscoveredNodes": self._requester.nodes.states(), "NATSClient": transport, "NATSServer": transport}

    def free_space(self) -> Mapping[str, tuple[int, int, int]]:
        return free_space()

    # ---- logs ----------------------------------------------------------------------------------------------

    async def open_log(
        self, job_id: str, execution_id: str, tail: bool, follow: bool
    ) -> AsyncGenerator[tuple[int, str], None]:
        """The log of the execution that is meant: what is kept of a finished one, the live stream of a running one.

        Raises:
            NotFoundError: no such job or execution.
            AdapterError: the execution does not start.
        """
        record = self._requester.endpoint.find(job_id, listing=True)
        execution = self._requester.endpoint.log_execution(record, execution_id)
        if execution.is_terminal:
            for piece in self._finished_lines(execution):
                yield piece
            return
        log = await self._wait_log(execution)
        if log is None:
            for piece in self._finished_lines(execution):
                yield piece
            return
        with closing(log.read(tail=tail, follow=follow)) as reader:
            async for stream, data in reader:
                yield stream, data.decode(errors="replace")

    def _finished_lines(self, execution: Execution) -> Iterator[tuple[int, str]]:
        log = self._logs.get(execution.id)
        if log is None or self._finished_logs_cut:
            return result_lines(execution.run_output)
        return finished_lines(*log.text())

    async def _wait_log(self, execution: Execution) -> ExecutionLog | None:
        """The log of an execution that may not have started yet; None if it ended without one."""
        with trio.move_on_after(LOG_WAIT_S):
            return await self._logs.wait_opened(execution.id)
        if execution.is_terminal:
            return None
        state = (
            "its program has not started" if execution.compute is ComputeState.BID_ACCEPTED else "it has no node yet"
        )
        raise AdapterError(f"execution {execution.id} has no log: {state}")


def _instant_ns(text: str, since_ns: int) -> int:
    """A time in RFC 3339, or a duration since then."""
    try:
        return parse_rfc3339_ns(text) if "-" in text[1:] else since_ns + parse_duration_ns(text)
    except ValueError as exc:
        raise UsageError(f"{exc}, or a time such as 2024-01-01T00:00:30Z") from None
