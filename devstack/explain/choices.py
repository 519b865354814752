"""Remembers every choice of nodes that a running cluster makes, so that it can be explained later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import attrs

from devstack.cluster import Cluster, Watcher
from devstack.explain.decision import Decision
from devstack.models.execution import Execution
from devstack.models.node import NodeState, NodeType
from devstack.orchestrator.ranking.wanted import wanted_by
from devstack.orchestrator.requester import Requester
from devstack.orchestrator.selection import Selection
from devstack.orchestrator.store import JobRecord

__all__ = ["Choice", "Choices"]

_MOST_CHOICES: Final = 10_000
_MOST_DRAWS: Final = 2_000_000


@attrs.frozen
class Choice:
    """Nodes were looked at for a job: where executions were placed, if anywhere, and what led to it.

    `absent` are the nodes that could not be asked; `because` is empty for the first choice of a job.
    """

    time_ns: int
    job_id: str
    placed: tuple[tuple[str, str], ...]  # (execution id, node id)
    because: tuple[str, ...]
    decision: Decision
    absent: tuple[NodeState, ...]


class Choices(Watcher):
    """A watcher of a cluster. It keeps the latest choices, within bounds, and changes nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kept: deque[Choice] = deque()
        self._draws = 0
        self._selections: dict[str, Selection] = {}
        self._absent: tuple[int, tuple[NodeState, ...]] = (-1, ())
        self._looked_ns: dict[str, int] = {}
        cluster.watchers.append(self)

    def copy_for(self, cluster: Cluster) -> Choices:
        """The same so far, for a copy of the cluster, which it then watches."""
        copy = Choices(cluster)
        copy._kept, copy._draws, copy._absent = self._kept.copy(), self._draws, self._absent
        copy._selections, copy._looked_ns = dict(self._selections), dict(self._looked_ns)
        return copy

    def of(self, job_id: str, until_ns: int | None = None) -> Iterator[Choice]:
        """The kept choices for that job, oldest first, up to and with that instant."""
        for choice in self._kept:
            if choice.job_id == job_id and (until_ns is None or choice.time_ns <= until_ns):
                yield choice

    # ---- what the cluster tells its watchers ---------------------------------------------------------------

    def saw_selection(self, now_ns: int, job_id: str, selection: Selection) -> None:
        """Nodes were looked at; what came of it is in the plan."""
        self._selections[job_id] = selection

    def saw_note(self, now_ns: int, machine: str, kind: str, text: str) -> None:
        """A plan was made: if nodes were selected for it, that was a choice."""
        if kind != "plan":
            return
        job_id, new = text.split()[1], int(text.rpartition("new=")[2])
        selection = self._selections.pop(job_id, None)
        record = self._cluster.requester.store.get(job_id)
        if selection is not None and record is not None:
            self._keep(self._choice(now_ns, record, selection, new))

    def _choice(self, now_ns: int, record: JobRecord, selection: Selection, new: int) -> Choice:
        requester, job_id = self._cluster.requester, record.job.id
        executions = list(record.executions.values())
        placed, before = executions[len(executions) - new :], executions[: len(executions) - new]
        since_ns = self._looked_ns.get(job_id, 0)
        self._looked_ns[job_id] = now_ns
        return Choice(
            now_ns,
            job_id,
            tuple((execution.id, execution.node_id) for execution in placed),
            tuple(_end(one) for one in before if one.is_terminal and one.modify_time_ns >= since_ns),
            Decision(wanted_by(record.job), selection.nodes, requester.config, selection.past, selection.draws),
            self._absent_now(requester),
        )

    def _keep(self, choice: Choice) -> None:
        self._kept.append(choice)
        self._draws += len(choice.decision.draws)
        while len(self._kept) > _MOST_CHOICES or (self._draws > _MOST_DRAWS and len(self._kept) > 1):
            self._draws -= len(self._kept.popleft().decision.draws)

    def _absent_now(self, requester: Requester) -> tuple[NodeState, ...]:
        revision = requester.nodes.revision
        if self._absent[0] != revision:
            eligible = {state.info.node_id for state in requester.nodes.eligible()}
            absent = tuple(
                state
                for state in requester.nodes.states()
                if state.info.type is NodeType.COMPUTE and state.info.node_id not in eligible
            )
            self._absent = revision, absent
        return self._absent[1]


def _end(execution: Execution) -> str:
    why = execution.compute_message or execution.desired_message
    return f"{execution.id} on {execution.node_id} is {execution.compute.text}" + (f": {why}" if why else "")
