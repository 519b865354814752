"""What the HTTP API asks of a live stack, answered from its cluster."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import trio

from devstack.errors import AdapterError
from devstack.http_api.backend import Page
from devstack.machine import free_space
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Job, SpecConfig
from devstack.models.node import Connection, NodeState
from devstack.models.selectors import Selector, parse_selector
from devstack.orchestrator.queries import Queries, check_execution_order
from devstack.orchestrator.store import HistoryEntry, JobRecord
from devstack.runtime.logs import ExecutionLog, LogBook, finished_lines, result_lines
from devstack.runtime.pace import RealTimePace

__all__ = ["StackBackend"]

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LOG_WAIT_S: Final = 5.0


class StackBackend:
    """One cluster at real-time pace, as clients see it through its requester."""

    def __init__(self, pace: RealTimePace, logs: LogBook) -> None:
        self._pace, self._logs = pace, logs
        self._cluster = pace.cluster
        self._requester = requester = pace.cluster.requester
        self._queries = Queries(requester.store, requester.nodes, requester.config.behaviour)
        self._chance = pace.cluster.seed.stream("http", "requests")
        self.behaviour = requester.config.behaviour
        self.node_id = requester.config.node_id
        self.version = requester.config.version
        self._selectors_extended = not self.behaviour.on("strict-label-selectors")
        self._finished_logs_cut = self.behaviour.on("finished-logs-cut")

    def request_id(self) -> str:
        """32 letters and digits."""
        return "".join(LETTERS[number] for number in self._chance.many_below(len(LETTERS), 32))

    # ---- jobs ----------------------------------------------------------------------------------------------

    def submit(self, job: Job) -> tuple[str, str, Sequence[str]]:
        submission = self._pace.ask(self._cluster.submit, job)
        return submission.record.job.id, submission.evaluation.id, submission.warnings

    def stop(self, job_id: str, reason: str) -> str:
        return self._pace.ask(self._cluster.stop, job_id, reason)

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

    def results(self, job_id: str) -> Sequence[SpecConfig]:
        return self._requester.endpoint.results(self.find_job(job_id))

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
        return self._pace.ask(self._cluster.change_node, node_id, action)

    def own_node(self) -> NodeState:
        """The requester as it sees itself: connected, though the list of nodes, which goes by heartbeats, says no."""
        states = self._requester.nodes.states()
        own = next(state for state in states if state.info.node_id == self.node_id)
        return attrs.evolve(own, connection=Connection.CONNECTED)

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
        async for stream, data in log.read(tail=tail, follow=follow):
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
