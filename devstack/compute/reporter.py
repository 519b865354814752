"""What a node tells the requester of itself: that it exists, that it lives, and what it has left.

Source: compute reference 1, orchestrator reference 11.
"""

from __future__ import annotations

from typing import Final

import attrs

from devstack.compute.buffer import ExecutorBuffer
from devstack.compute.config import ComputeConfig, node_labels
from devstack.compute.outbox import Outbox
from devstack.compute.store import ExecutionStore
from devstack.messages import CancelTimer, Heartbeat, ManagementReply, Register, SetTimer, UpdateInfo, UpdateResources
from devstack.models.node import ComputeNodeInfo, NodeInfo, NodeType
from devstack.models.resources import Resources

__all__ = ["Reporter"]

REGISTER: Final = "register"
REPORT: Final = "report"


@attrs.define
class _Periodic:
    """A report that is sent every `interval_ns`; `make` names the method that makes it."""

    interval_ns: int
    due_ns: int
    make: str


class Reporter:
    """`refusal` is why the node may not take part; a node that is refused falls silent."""

    def __init__(self, config: ComputeConfig, store: ExecutionStore, buffer: ExecutorBuffer, outbox: Outbox) -> None:
        self._config = config
        self._store = store
        self._buffer = buffer
        self._outbox = outbox
        self._labels = node_labels(config)
        self._sequence = 0
        self._last_resources: UpdateResources | None = None
        self._load: tuple[Resources, Resources, int, int] | None = None
        self._info: UpdateInfo
        self._reports: list[_Periodic] = []
        self.refusal = ""

    def start(self, now_ns: int) -> None:
        if not self._store.is_registered:
            self._register(now_ns)
        config = self._config
        self._outbox.tell(self._heartbeat())
        self._reports = [
            _Periodic(config.heartbeat_interval_ns, now_ns + config.heartbeat_interval_ns, self._heartbeat.__name__),
            _Periodic(config.resources_interval_ns, now_ns + config.resources_interval_ns, self._resources.__name__),
            _Periodic(config.info_interval_ns, now_ns + config.info_interval_ns, self._information.__name__),
        ]
        self._set_report_timer()

    def timer(self, now_ns: int, key: object) -> bool:
        """A timer is due; False if it is none of ours."""
        match key:
            case "report":
                self._report(now_ns)
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
            self._outbox.add(CancelTimer(REPORT))
        return True

    def info(self) -> NodeInfo:
        """What the node says of itself; the same object as long as its load is the same."""
        config, buffer = self._config, self._buffer
        load = buffer.waiting.used, buffer.room.available, len(buffer.running), len(buffer.queued)
        if load != self._load:
            queue_used, available, running, enqueued = self._load = load
            compute = ComputeNodeInfo(
                engines=config.engines,
                publishers=config.publishers,
                sources=config.sources,
                max_capacity=config.total,
                queue_used=queue_used,
                available=available,
                max_job=config.max_job,
                running=running,
                enqueued=enqueued,
            )
            self._info = UpdateInfo(NodeInfo(config.node_id, NodeType.COMPUTE, self._labels, compute))
        return self._info.info

    def _register(self, now_ns: int) -> None:
        """Ask to take part, and again if there is no answer: the message may be lost."""
        self._outbox.tell(Register(self.info()))
        self._set_timer(REGISTER, now_ns + self._config.register_timeout_ns)

    def _report(self, now_ns: int) -> None:
        """Send what is due. One timer for all: most instants at which one report is due are another's too."""
        for report in self._reports:
            if not now_ns < report.due_ns <= now_ns + report.interval_ns:  # Due, or the clock was set back.
                self._outbox.tell(getattr(self, report.make)())
                report.due_ns = now_ns + report.interval_ns
        self._set_report_timer()

    def _set_report_timer(self) -> None:
        self._set_timer(REPORT, min([report.due_ns for report in self._reports]))

    def _heartbeat(self) -> Heartbeat:
        self._sequence += 1
        return Heartbeat(self._config.node_id, self._sequence)

    # Both give the old message again while it is still true: it was encoded once, and comparing costs less.

    def _resources(self) -> UpdateResources:
        available, queue_used = self._buffer.room.available, self._buffer.waiting.used
        last = self._last_resources
        if last is None or last.available is not available or last.queue_used is not queue_used:
            last = self._last_resources = UpdateResources(self._config.node_id, available, queue_used)
        return last

    def _information(self) -> UpdateInfo:
        self.info()
        return self._info

    def _set_timer(self, key: str, at_ns: int) -> None:
        self._outbox.add(SetTimer(key, at_ns))
