"""What clients may list: jobs, a job's history and executions, nodes; filtered, ordered, page by page.

Each method gives the items of one page and the token of the next (empty: there is none). Filters come before limits.
Source: http_api reference 1.5, 1.6, 3 and 5.2; orchestrator reference 12.1 and 15.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final, TypeVar

from devstack.behaviour import Behaviour
from devstack.errors import InvalidQueryError
from devstack.models.execution import Execution
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.node import ComputeNodeInfo, NodeState, NodeType
from devstack.models.selectors import EVERYTHING, Selector
from devstack.orchestrator.nodes import NodeTable
from devstack.orchestrator.paging import PagingToken, cut, position
from devstack.orchestrator.store import HistoryEntry, JobRecord, JobStore

__all__ = ["EVENT_TYPES", "EXECUTION_ORDERS", "NODE_ORDERS", "Queries", "check_execution_order"]

SECOND_NS: Final = 1_000_000_000
_T = TypeVar("_T")

EXECUTION_ORDERS: Final[dict[str, Callable[[Execution], Any]]] = {
    "": attrgetter("modify_time_ns"),
    "modify_time": attrgetter("modify_time_ns"),
    "create_time": attrgetter("create_time_ns"),
    "id": attrgetter("id"),
    "state": attrgetter("compute"),
}


def _room(amount: Callable[[ComputeNodeInfo], int]) -> Callable[[NodeState], int]:
    """Orders nodes by what they have available, most first; a node that does not compute has nothing."""
    return lambda state: -amount(state.info.compute) if state.info.compute else 0


NODE_ORDERS: Final[dict[str, Callable[[NodeState], Any]]] = {
    "": lambda state: state.info.node_id,
    "id": lambda state: state.info.node_id,
    "type": lambda state: state.info.type is NodeType.COMPUTE,
    "available_cpu": _room(lambda compute: compute.available.cpu_millis),
    "available_memory": _room(lambda compute: compute.available.memory_bytes),
    "available_disk": _room(lambda compute: compute.available.disk_bytes),
    "available_gpu": _room(lambda compute: compute.available.gpu),
    "approval": lambda state: state.membership.value,
    # Bacalhau compares membership here too.
    "status": lambda state: state.membership.value,
}
EVENT_TYPES: Final = ("", "all", "job", "execution")


def check_execution_order(order_by: str) -> None:
    """Raises InvalidQueryError for an order that executions do not have; told even of unknown jobs."""
    _order(EXECUTION_ORDERS, order_by)


def _order(orders: dict[str, _T], order_by: str) -> _T:
    try:
        return orders[order_by]
    except KeyError:
        raise InvalidQueryError("invalid order_by") from None


class Queries:
    """The lists of one requester."""

    def __init__(self, store: JobStore, nodes: NodeTable, behaviour: Behaviour) -> None:
        self._store = store
        self._nodes = nodes
        self._order_by_id_ignored = behaviour.on("job-order-by-id-ignored")
        self._only_jobs_page = behaviour.on("nodes-and-executions-unpaged")

    def jobs(
        self,
        namespace: str = "",
        selector: Selector = EVERYTHING,
        order_by: str = "",
        reverse: bool = False,
        limit: int = 0,
        next_token: str = "",
    ) -> tuple[list[JobRecord], str]:
        """Jobs of a namespace (empty or `*`: of all) whose labels the selector matches.

        Raises:
            InvalidQueryError: the token cannot be read. An unknown order is none: it means the order of creation.
        """
        at = position(order_by, reverse, limit, next_token)
        records: Iterable[JobRecord] = self._ordered_jobs(at)
        if namespace not in ("", "*"):
            records = (record for record in records if record.job.namespace == namespace)
        if selector.requirements:
            records = (record for record in records if selector.matches(record.job.labels))
        return cut(records, at)

    def _ordered_jobs(self, at: PagingToken) -> Iterable[JobRecord]:
        if at.order_by == "modified_at" or (at.order_by == "modify_time" and not self._order_by_id_ignored):
            records = sorted(self._store.jobs(), key=attrgetter("modify_time_ns"))
            return reversed(records) if at.reverse else records
        if at.order_by == "id" and not self._order_by_id_ignored:
            return self._store.jobs_by_id(backwards=at.reverse)
        return self._store.jobs(newest_first=at.reverse)

    def history(
        self,
        record: JobRecord,
        since_s: int = 0,
        event_type: str = "",
        execution_id: str = "",
        node_id: str = "",
        limit: int = 0,
        next_token: str = "",
    ) -> tuple[list[HistoryEntry], str]:
        """A job's history, oldest first; entries of one instant in the order in which they were written.

        Args:
            since_s: only entries from that second on.
            event_type: `job`, `execution`, or `all`.
            execution_id: the beginning of an execution's id; leaves out what concerns the job alone, as `node_id` does.

        Raises:
            InvalidQueryError: a bad `since_s`, `event_type` or token.
        """
        if since_s < 0:
            raise InvalidQueryError(_failed("Since", "min"))
        if event_type not in EVENT_TYPES:
            raise InvalidQueryError(_failed("EventType", "oneof"))
        entries = [entry for entry in record.history if entry.time_ns >= since_s * SECOND_NS]
        if event_type == "job":
            entries = [entry for entry in entries if isinstance(entry, JobHistory)]
        if event_type == "execution" or execution_id or node_id:
            entries = [entry for entry in entries if _is_about(entry, execution_id, node_id)]
        if self._only_jobs_page:
            return entries, ""
        return cut(entries, position("", False, limit, next_token))

    def executions(
        self, record: JobRecord, order_by: str = "", reverse: bool = False, limit: int = 0, next_token: str = ""
    ) -> tuple[list[Execution], str]:
        """A job's executions.

        Raises:
            InvalidQueryError: an unknown order, or a token that cannot be read.
        """
        executions = sorted(record.executions.values(), key=attrgetter("id"))
        return self._page(executions, EXECUTION_ORDERS, order_by, reverse, limit, next_token)

    def nodes(
        self,
        selector: Selector = EVERYTHING,
        filter_approval: str = "",
        filter_status: str = "",
        order_by: str = "",
        reverse: bool = False,
        limit: int = 0,
        next_token: str = "",
    ) -> tuple[list[NodeState], str]:
        """Nodes whose labels the selector matches; a filter word in any case, and an unknown one fits no node.

        Raises:
            InvalidQueryError: an unknown order, or a token that cannot be read.
        """
        approval, status = filter_approval.upper(), filter_status.upper()
        states = [
            state
            for state in self._nodes.states()
            if (not approval or state.membership.value == approval)
            and (not status or state.connection.value == status)
            and selector.matches(state.info.labels)
        ]
        return self._page(states, NODE_ORDERS, order_by, reverse, limit, next_token)

    def _page(
        self,
        items: list[_T],
        orders: dict[str, Callable[[_T], Any]],
        order_by: str,
        reverse: bool,
        limit: int,
        next_token: str,
    ) -> tuple[list[_T], str]:
        """The page of items that come sorted by id, so that ids decide among equals."""
        at = position(order_by, reverse, limit, "" if self._only_jobs_page else next_token)
        ordered = sorted(items, key=_order(orders, at.order_by))
        page, token = cut(reversed(ordered) if at.reverse else ordered, at)
        return page, "" if self._only_jobs_page else token


def _is_about(entry: HistoryEntry, execution_id: str, node_id: str) -> bool:
    return (
        isinstance(entry, ExecutionHistory)
        and entry.execution_id.startswith(execution_id)
        and entry.node_id.startswith(node_id)
    )


def _failed(field: str, tag: str) -> str:
    """A broken rule about a history query, in Bacalhau's words."""
    return f"Key: 'ListJobHistoryRequest.{field}' Error:Field validation for '{field}' failed on the '{tag}' tag"
