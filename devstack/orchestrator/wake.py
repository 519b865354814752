"""Which jobs have to be looked at again because of their nodes. Source: orchestrator reference 13.1 (10, 16)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from devstack.behaviour import Behaviour
from devstack.models.evaluation import Trigger
from devstack.models.job import JobState, JobType
from devstack.models.node import NodeState
from devstack.orchestrator.store import JobRecord

__all__ = ["NodeWatch"]

_COMING: Final = frozenset({"join", "approve", "reconnect"})
_LEAVING: Final = frozenset({"disconnect", "reject", "delete"})


class NodeWatch:
    """In v1.4.0 nobody watches: a job hears of a change when something else has it looked at."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._coming_wakes = not behaviour.on("node-join-wakes-nobody")
        self._leaving_wakes = not behaviour.on("disconnected-node-keeps-executions")

    def concerned(
        self, events: Iterable[tuple[str, str]], records: Iterable[JobRecord]
    ) -> Iterator[tuple[JobRecord, str]]:
        """The jobs that the events (kind, node id) concern, each with the trigger of its evaluation."""
        has_come = self._coming_wakes and any(kind in _COMING for kind, _ in events)
        gone = {node_id for kind, node_id in events if kind in _LEAVING} if self._leaving_wakes else set()
        for record in records:
            if has_come and _waits_for_room(record):
                yield record, Trigger.NODE_JOIN
            elif gone and _lives_on(record, gone):
                yield record, Trigger.NODE_LEAVE

    def lacking(self, records: Iterable[JobRecord], eligible: Sequence[NodeState]) -> list[JobRecord]:
        """The daemon jobs that are not on every node, which may have been too busy when they were last looked at."""
        if not self._coming_wakes:
            return []
        return [record for record in records if record.job.type == JobType.DAEMON and _lacks(record, eligible)]


def _lacks(record: JobRecord, eligible: Sequence[NodeState]) -> bool:
    served = {execution.node_id for execution in record.executions.values() if not execution.is_terminal}
    return any(state.info.node_id not in served for state in eligible)


def _waits_for_room(record: JobRecord) -> bool:
    if record.job.type == JobType.DAEMON:
        return True
    if record.job.type == JobType.OPS:
        return False
    live = sum(not execution.is_terminal for execution in record.executions.values())
    return live < record.job.wanted or record.state is not JobState.RUNNING


def _lives_on(record: JobRecord, node_ids: set[str]) -> bool:
    return any(not e.is_terminal and e.node_id in node_ids for e in record.executions.values())
