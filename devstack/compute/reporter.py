"""What a node tells the requester of itself: that it exists, that it lives, and what it has left.

Source: compute reference 1, orchestrator reference 11.
"""

from __future__ import annotations

from typing import Final

from devstack.compute.buffer import ExecutorBuffer
from devstack.compute.config import ComputeConfig, node_labels
from devstack.compute.outbox import Outbox
from devstack.compute.store import ExecutionStore
from devstack.messages import CancelTimer, Heartbeat, ManagementReply, Register, SetTimer, UpdateInfo, UpdateResources
from devstack.models.node import ComputeNodeInfo, NodeInfo, NodeType

__all__ = ["Reporter"]

REGISTER: Final = "register"
HEARTBEAT: Final = "heartbeat"
RESOURCES: Final = "resources"
INFO: Final = "info"


class Reporter:
    """`refusal` is why the node may not take part; a node that is refused falls silent."""

    def __init__(self, config: ComputeConfig, store: ExecutionStore, buffer: ExecutorBuffer, outbox: Outbox) -> None:
        self._config = config
        self._store = store
        self._buffer = buffer
        self._outbox = outbox
        self._labels = node_labels(config)
        self._sequence = 0
        self.refusal = ""

    def start(self, now_ns: int) -> None:
        if not self._store.is_registered:
            self._register(now_ns)
        self._heartbeat(now_ns)
        self._set_timer(RESOURCES, now_ns + self._config.resources_interval_ns)
        self._set_timer(INFO, now_ns + self._config.info_interval_ns)

    def timer(self, now_ns: int, key: object) -> bool:
        """A timer is due; False if it is none of ours."""
        match key:
            case "heartbeat":
                self._heartbeat(now_ns)
            case "resources":
                self._report_resources(now_ns)
            case "info":
                self._outbox.tell(UpdateInfo(self.info()))
                self._set_timer(INFO, now_ns + self._config.info_interval_ns)
            case "register":
                self._register(now_ns)
            case _:
                return False
        return True

    def answered(self, reply: ManagementReply) -> bool:
        """The requester has answered; False if nothing hangs on it."""
        if reply.request != "Register" or self._store.is_registered:
            return False
        self._outbox.add(CancelTimer(REGISTER))
        if reply.accepted:
            self._store.is_registered = True
        else:
            self.refusal = f"failed to register node with requester: registration rejected: {reply.reason}"
            for key in (HEARTBEAT, RESOURCES, INFO):
                self._outbox.add(CancelTimer(key))
        return True

    def info(self) -> NodeInfo:
        config, buffer = self._config, self._buffer
        compute = ComputeNodeInfo(
            engines=config.engines,
            publishers=config.publishers,
            sources=config.sources,
            max_capacity=config.total,
            queue_used=buffer.waiting.used,
            available=buffer.room.available,
            max_job=config.max_job,
            running=len(buffer.running),
            enqueued=len(buffer.queued),
        )
        return NodeInfo(config.node_id, NodeType.COMPUTE, self._labels, compute)

    def _register(self, now_ns: int) -> None:
        """Ask to take part, and again if there is no answer: the message may be lost."""
        self._outbox.tell(Register(self.info()))
        self._set_timer(REGISTER, now_ns + self._config.register_timeout_ns)

    def _heartbeat(self, now_ns: int) -> None:
        self._sequence += 1
        self._outbox.tell(Heartbeat(self._config.node_id, self._sequence))
        self._set_timer(HEARTBEAT, now_ns + self._config.heartbeat_interval_ns)

    def _report_resources(self, now_ns: int) -> None:
        buffer = self._buffer
        self._outbox.tell(UpdateResources(self._config.node_id, buffer.room.available, buffer.waiting.used))
        self._set_timer(RESOURCES, now_ns + self._config.resources_interval_ns)

    def _set_timer(self, key: str, at_ns: int) -> None:
        self._outbox.add(SetTimer(key, at_ns))
