"""The requester's table of nodes: who is a member, who is connected, who has room.

Membership is what people decide, connection is what heartbeats say. A node's resources are those it reported last;
until then those it registered with. Source: orchestrator reference 11.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

import attrs

from devstack.errors import AmbiguousIdError, DevstackError, NotFoundError
from devstack.models.node import Connection, Membership, NodeInfo, NodeState, NodeType
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.paging import listed_ids

__all__ = ["NodeTable"]

SECOND_NS: Final = 1_000_000_000


@attrs.define
class _Entry:
    """One node; `state` is kept until something that it shows changes."""

    info: NodeInfo
    membership: Membership
    is_connected: bool = False
    has_joined: bool = False
    heard_ns: int = 0
    reported: tuple[Resources, Resources] | None = None
    state: NodeState | None = None


class NodeTable:
    """All nodes that the requester knows, itself among them.

    `revision` grows with every change that a listing or a placement could see. A node joins with its first heartbeat
    after registering, for only then can it be given work.
    """

    def __init__(self, config: RequesterConfig, earlier: NodeTable | None = None) -> None:
        self.revision = 1
        self._config = config
        self._default_membership = Membership.PENDING if config.manual_approval else Membership.APPROVED
        self._exact_id_wins = not config.behaviour.on("prefix-beats-exact-node-id")
        self._only_deleted_are_lost = config.behaviour.on("disconnected-node-keeps-executions")
        own = NodeInfo(config.node_id, NodeType.REQUESTER, config.labels, None, config.version)
        self._own = _Entry(own, Membership.APPROVED)
        self._entries: dict[str, _Entry] = {config.node_id: self._own}
        self._sorted_ids = [config.node_id]
        self._events: list[tuple[str, str]] = []
        # Kept up to date change by change: with 10,000 nodes, asking each of them anew takes longer than a placement.
        self._eligible_ids: list[str] = []
        self._eligible_states: list[NodeState] = []
        self._eligible: tuple[NodeState, ...] = ()
        self._eligible_revision = 0
        for entry in earlier._entries.values() if earlier is not None else ():
            self._remember(entry)

    def _remember(self, entry: _Entry) -> None:
        """Take over a member that an earlier life had stored; its resources and last heartbeat were never stored."""
        if entry.info.node_id == self._config.node_id:
            return
        kept = _Entry(entry.info, entry.membership, entry.is_connected, has_joined=entry.has_joined)
        self._entries[entry.info.node_id] = kept
        insort(self._sorted_ids, entry.info.node_id)
        self._changed(kept)

    def begin(self, now_ns: int) -> None:
        """Give members that an earlier life knew as connected the usual time to be heard again."""
        for entry in self._entries.values():
            if entry.is_connected:
                entry.heard_ns = now_ns

    # ---- reading -------------------------------------------------------------------------------------------

    def states(self) -> list[NodeState]:
        """Every node as it is listed, sorted by id; the requester's own entry is never connected."""
        return [_state(self._entries[node_id]) for node_id in self._sorted_ids]

    def own_state(self) -> NodeState:
        """The requester's own entry, even if somebody has deleted it from the list."""
        return _state(self._entries.get(self._config.node_id, self._own))

    def eligible(self) -> tuple[NodeState, ...]:
        """The compute nodes that may be given work, sorted by id; the same tuple while `revision` is the same."""
        if self._eligible_revision != self.revision:
            self._eligible = tuple(self._eligible_states)
            self._eligible_revision = self.revision
        return self._eligible

    def find(self, prefix: str) -> NodeState:
        """The node whose id begins so.

        Raises:
            NotFoundError: there is none.
            AmbiguousIdError: there are several; an exact id wins (unless `prefix-beats-exact-node-id`).
        """
        return _state(self._find(prefix))

    def _find(self, prefix: str) -> _Entry:
        if self._exact_id_wins and (entry := self._entries.get(prefix)):
            return entry
        ids = self._ids_with_prefix(prefix)
        if not ids:
            raise NotFoundError(_not_found(prefix))
        if len(ids) > 1:
            raise AmbiguousIdError(
                f"multiple nodes found for nodeID prefix: {prefix}, matching nodeIDs: {listed_ids(ids)}"
            )
        return self._entries[ids[0]]

    def _ids_with_prefix(self, prefix: str) -> list[str]:
        """At most four of them: one more than are ever named."""
        start = bisect_left(self._sorted_ids, prefix)
        return [node_id for node_id in self._sorted_ids[start : start + 4] if node_id.startswith(prefix)]

    def is_known(self, node_id: str) -> bool:
        return node_id in self._entries

    def is_lost(self, node_id: str) -> bool:
        """Whether executions on that node count as lost."""
        entry = self._entries.get(node_id)
        if entry is None or self._only_deleted_are_lost:
            return entry is None
        return not entry.is_connected or entry.membership is Membership.REJECTED

    def take_events(self) -> list[tuple[str, str]]:
        """What happened since the last time, as (kind, node id), oldest first.

        The kinds are join, approve, reconnect, disconnect, reject and delete.
        """
        events = self._events
        if events:
            self._events = []
        return events

    # ---- what nodes say ------------------------------------------------------------------------------------

    def register(self, info: NodeInfo, now_ns: int) -> tuple[bool, str]:
        """Take a node in; whether it was accepted, and why (not)."""
        entry = self._entries.get(info.node_id)
        if entry is None:
            insort(self._sorted_ids, info.node_id)
        elif entry.membership is Membership.REJECTED:
            return False, "node has been rejected"
        elif entry.info.type is NodeType.COMPUTE or info.type is NodeType.REQUESTER:
            return True, "node already registered"
        # A requester that computes too (a hybrid) registers over its own entry.
        self._entries[info.node_id] = _Entry(info, self._default_membership)
        self.revision += 1
        return True, ""

    def update_info(self, info: NodeInfo) -> tuple[bool, str]:
        """Replace what is known of a node; whether that was accepted, and why not."""
        entry = self._entries.get(info.node_id)
        if entry is None:
            return False, "node not yet registered"
        if entry.membership is Membership.REJECTED:
            return False, "node registration rejected"
        if info is not entry.info and info != entry.info:
            entry.info = info
            self._changed(entry)
        return True, ""

    def update_resources(self, node_id: str, available: Resources, queue_used: Resources) -> str:
        """Note a node's resources; a rejected node's are ignored. The answer is empty or says why not."""
        entry = self._entries.get(node_id)
        if entry is None:
            return _not_found(node_id)
        reported = (available, queue_used)
        if entry.membership is not Membership.REJECTED and reported != entry.reported:
            entry.reported = reported
            self._changed(entry)
        return ""

    def heartbeat(self, node_id: str, now_ns: int) -> bool:
        """Note that a node lives; False: it is not registered, and is not listened to."""
        entry = self._entries.get(node_id)
        if entry is None:
            return False
        entry.heard_ns = now_ns
        if not entry.is_connected:
            entry.is_connected = True
            self._changed(entry, "reconnect" if entry.has_joined else "join")
            entry.has_joined = True
        return True

    def check_heartbeats(self, now_ns: int) -> None:
        """Disconnect the nodes that were not heard for too long. Times are compared in whole seconds."""
        limit_ns = _whole_seconds(now_ns) - self._config.disconnect_after_ns
        for node_id in self._sorted_ids:
            entry = self._entries[node_id]
            if entry.is_connected and _whole_seconds(entry.heard_ns) < limit_ns:
                entry.is_connected = False
                self._changed(entry, "disconnect")

    # ---- what people decide --------------------------------------------------------------------------------

    def approve(self, prefix: str) -> str:
        """Approve a node; the answer is empty or says why not."""
        return self._decide(prefix, Membership.APPROVED, "approve", "node already approved")

    def reject(self, prefix: str) -> str:
        """Reject a node; the answer is empty or says why not."""
        return self._decide(prefix, Membership.REJECTED, "reject", "node already rejected")

    def _decide(self, prefix: str, membership: Membership, event: str, already: str) -> str:
        try:
            entry = self._find(prefix)
        except DevstackError as exc:
            return exc.message
        if entry.membership is membership:
            return already
        entry.membership = membership
        self._changed(entry, event)
        return ""

    def delete(self, prefix: str) -> str:
        """Forget a node; the answer is empty or says why not."""
        try:
            entry = self._find(prefix)
        except DevstackError as exc:
            return exc.message
        node_id = entry.info.node_id
        del self._entries[node_id]
        self._sorted_ids.remove(node_id)
        self._changed(entry, "delete")
        return ""

    def _changed(self, entry: _Entry, event: str = "") -> None:
        entry.state = None
        self.revision += 1
        if event:
            self._events.append((event, entry.info.node_id))
        self._place_among_eligible(entry)

    def _place_among_eligible(self, entry: _Entry) -> None:
        node_id = entry.info.node_id
        at = bisect_left(self._eligible_ids, node_id)
        if self._eligible_ids[at : at + 1] == [node_id]:
            del self._eligible_ids[at], self._eligible_states[at]
        if self._entries.get(node_id) is entry and _is_eligible(entry):
            self._eligible_ids.insert(at, node_id)
            self._eligible_states.insert(at, _state(entry))


def _not_found(node_id: str) -> str:
    return f"nodeInfo not found for nodeID: {node_id}"


def _whole_seconds(time_ns: int) -> int:
    return time_ns - time_ns % SECOND_NS


def _is_eligible(entry: _Entry) -> bool:
    return entry.is_connected and entry.membership is Membership.APPROVED and entry.info.type is NodeType.COMPUTE


def _state(entry: _Entry) -> NodeState:
    if entry.state is None:
        info = entry.info
        if entry.reported and info.compute:
            info = info.with_compute(info.compute.with_room(*entry.reported))
        connection = Connection.CONNECTED if entry.is_connected else Connection.DISCONNECTED
        entry.state = NodeState(info, entry.membership, connection)
    return entry.state
