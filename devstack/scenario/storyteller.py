"""A watcher that hears what no trace record tells: why a node was chosen, when a program starts, what a job is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from devstack.cluster import Cluster, Watcher
from devstack.compute.actions import StartRun
from devstack.models.execution import Execution
from devstack.models.history import JobHistory
from devstack.models.job import JobType
from devstack.orchestrator.selection import Selection
from devstack.scenario.story_lines import Line, listed, short

__all__ = ["SUBMITTED", "Storyteller"]

SUBMITTED: Final = "Job submitted"


class Storyteller(Watcher):
    """A watcher that notes why nodes are chosen and when programs start. It changes nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.notes: list[tuple[int, Line]] = []
        self._selections: dict[str, Selection] = {}
        cluster.watchers.append(self)

    def _note(self, now_ns: int, machine: str, text: str, *subjects: str, mood: str = "") -> None:
        self.notes.append((self._cluster.kernel.trace.count, Line(now_ns, machine, text, subjects, mood)))

    def saw_selection(self, now_ns: int, job_id: str, selection: Selection) -> None:
        self._selections[job_id] = selection

    def saw_note(self, now_ns: int, machine: str, kind: str, text: str) -> None:
        if kind != "plan" or " new=" not in text:
            return
        job_id, new = text.split()[1], text.rpartition("new=")[2]
        selection = self._selections.pop(job_id, None)
        record = self._cluster.requester.store.get(job_id)
        if record is not None and new.isdigit() and int(new):
            executions = list(record.executions.values())[-int(new) :]
            again = "places again" if len(executions) < len(record.executions) else "places"
            nodes = ", ".join(execution.node_id for execution in executions)
            self._note(now_ns, machine, f"{again} {short(job_id)} on {nodes}{_why(executions, selection)}")

    def saw_action(self, now_ns: int, node_id: str, action: object) -> None:
        if isinstance(action, StartRun):
            self._note(now_ns, node_id, f"starts the program of {short(action.job.id)}", short(action.execution_id))

    def saw_change(self, now_ns: int, entry: object) -> None:
        if isinstance(entry, JobHistory) and entry.event.message == SUBMITTED:
            job = self._cluster.requester.store.job(entry.job_id).job
            count = f" of {job.wanted}" if job.type in (JobType.BATCH, JobType.SERVICE) else ""
            name = f" {job.name!r}" if job.name not in ("", job.id) else ""
            engine = job.task.engine.type if job.task.engine is not None else "no"
            self._note(now_ns, "node-0", f"takes {job.type} job{name}{count}, {engine} engine: {job.id}", mood="job")


def _why(executions: Sequence[Execution], selection: Selection | None) -> str:
    if selection is None:
        return ""
    chosen = {execution.node_id for execution in executions}
    reasons: dict[str, list[str]] = {}
    for node_id, reason in selection.refusals():
        if reason and node_id not in chosen:
            reasons.setdefault(reason, []).append(node_id)
    why = f": best of {selection.suitable} that suit, of {selection.available}"
    return why + "".join(f"; not {listed(nodes)}: {reason}" for reason, nodes in reasons.items())
