"""Tables of a run as pandas data frames: what people look at, and what charts are drawn from.

Every function takes the Recorder of a cluster whose trace keeps all records. Times are seconds since the recorder
began to look (what happened while the cluster was switched on is before zero), NaN where there is none yet.
`metrics.py` has the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from devstack.metrics import Amounts, Attempt, queue_steps, waits_ns
from devstack.models.execution import ComputeState, Execution
from devstack.models.gotext import SECOND_NS
from devstack.models.node import NodeState, NodeType
from devstack.notebook import trace_rows
from devstack.notebook.extra import pandas
from devstack.notebook.recorder import Recorder

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["capacity", "changes", "executions", "faults", "jobs", "messages", "nodes", "queue"]

MB: Final = 10**6
GB: Final = 10**9
# Kinds of capacity with the unit they are shown in: cores, megabytes, gigabytes, devices.
KINDS: Final = (("cpu", 1000), ("memory", MB), ("disk", GB), ("gpu", 1))


def _frame(columns: str, rows: Iterable[tuple[Any, ...]]) -> DataFrame:
    return pandas().DataFrame(list(rows), columns=columns.split())


def _s(time_ns: int | None) -> float | None:
    return None if time_ns is None else time_ns / SECOND_NS


def _with_times(frame: DataFrame, *columns: str) -> DataFrame:
    """Times are numbers even where none of them is known."""
    return frame.astype(dict.fromkeys(columns, "float64"))


# ---- jobs and executions -----------------------------------------------------------------------------------


def jobs(recorder: Recorder) -> DataFrame:
    """One row a job."""
    waits = waits_ns(recorder.jobs(), recorder.attempts(), recorder.now_ns)
    rows = []
    for life, record in zip(recorder.jobs(), recorder.cluster.requester.store.jobs(), strict=True):
        name = "" if record.job.name == life.id else record.job.name
        rows.append((
            life.id, name, life.type, record.state.text, record.job.wanted if life.wanted else None,
            len(record.executions), record.completed, _s(life.submitted_ns), _s(waits[life.id]), _s(life.over_ns),
            record.message,
        ))  # fmt: skip
    columns = "job name job_type state count executions completed submitted_s waited_s over_s message"
    return _with_times(_frame(columns, rows), "submitted_s", "waited_s", "over_s").astype({"count": "Int64"})


def executions(recorder: Recorder) -> DataFrame:
    """One row an attempt.

    `attempt` counts the times that nodes were chosen for the job. `started_s` is when its program first ran, `ended_s`
    when the requester took it for over. `outcome`: completed, failed, cancelled, refused (no bid, or it was not
    needed), lost (its node was gone), or empty while it is under way.
    """
    rows = []
    for record in recorder.cluster.requester.store.jobs():
        rounds: dict[str, int] = {}
        for execution, attempt in zip(record.executions.values(), recorder.attempts_of(record), strict=True):
            reason = _reason(recorder, execution)
            number = rounds.setdefault(execution.eval_id, len(rounds) + 1)
            output = execution.run_output
            rows.append((
                execution.job_id, record.job.type, execution.id, execution.node_id, number, execution.compute.text,
                _s(record.create_time_ns - recorder.start_ns), _s(attempt.placed_ns), _s(attempt.started_ns),
                _s(attempt.ended_ns), _outcome(execution, attempt, reason), reason,
                None if output is None else output.exit_code,
            ))  # fmt: skip
    columns = (
        "job job_type execution node attempt state submitted_s placed_s started_s ended_s outcome reason exit_code"
    )
    frame = _with_times(_frame(columns, rows), "submitted_s", "placed_s", "started_s", "ended_s")
    return frame.astype({"exit_code": "Int64"})


_OUTCOMES: Final = {
    ComputeState.ASK_FOR_BID_REJECTED: "refused",
    ComputeState.BID_REJECTED: "refused",
    ComputeState.COMPLETED: "completed",
    ComputeState.FAILED: "failed",
    ComputeState.CANCELLED: "cancelled",
}
# Source: orchestrator/events.py, node_gone.
_LOST: Final = "node has disappeared"


def _outcome(execution: Execution, attempt: Attempt, reason: str) -> str:
    if attempt.ended_ns is None:
        return ""
    return "lost" if _LOST in reason else _OUTCOMES.get(execution.compute, "cancelled")


def _reason(recorder: Recorder, execution: Execution) -> str:
    """Why it did not complete, in one line."""
    if not execution.is_terminal or execution.compute is ComputeState.COMPLETED:
        return ""
    said = recorder.reason(execution.id) or execution.compute_message or execution.desired_message
    return said.partition("\n")[0]


def changes(recorder: Recorder) -> DataFrame:
    """One row a change; `kind`: job, execution (as the requester sees it), program (as its node does), node, power."""
    rows = (
        (_s(row.time_ns - recorder.start_ns), row.subject, row.kind, row.node, row.old, row.new, row.message)
        for row in trace_rows.changes(_records(recorder))
    )
    return _with_times(_frame("time_s subject kind node old new message", rows), "time_s")


# ---- the nodes and what goes on between them ---------------------------------------------------------------


def nodes(recorder: Recorder) -> DataFrame:
    """One row a compute node that the requester knows; sizes are in cores, MB, GB and devices."""
    rows = [
        _node_row(state) for state in recorder.cluster.requester.nodes.states() if state.info.type is NodeType.COMPUTE
    ]
    return _frame("node cpu memory_mb disk_gb gpu membership connection labels", rows)


def _node_row(state: NodeState) -> tuple[Any, ...]:
    compute = state.info.compute
    top = None if compute is None else compute.max_capacity
    sizes = (0.0, 0.0, 0.0, 0) if top is None else (
        top.cpu_millis / 1000, top.memory_bytes / MB, top.disk_bytes / GB, top.gpu,
    )  # fmt: skip
    return state.info.node_id, *sizes, state.membership.value, state.connection.value, dict(state.info.labels)


def capacity(recorder: Recorder) -> DataFrame:
    """One row a node, kind of capacity and instant at which it changed; all is zero while a node has no power."""
    rows = []
    last: dict[str, tuple[Amounts, Amounts, Amounts]] = {}
    for load in recorder.loads():
        now = (load.used, load.queued, load.total)
        before = last.get(load.node_id)
        last[load.node_id] = now
        for at, (kind, unit) in enumerate(KINDS):
            values = tuple(amounts[at] for amounts in now)
            if before is None or values != tuple(amounts[at] for amounts in before):
                rows.append((_s(load.time_ns), load.node_id, kind, *(value / unit for value in values)))
    return _with_times(_frame("time_s node kind used queued total", rows), "time_s", "used", "queued", "total")


def queue(recorder: Recorder) -> DataFrame:
    """One row an instant at which one of them changed: executions that are wanted and do not run, and that do."""
    steps = queue_steps(recorder.jobs(), recorder.attempts())
    return _with_times(_frame("time_s waiting running", ((_s(at), *rest) for at, *rest in steps)), "time_s")


def messages(recorder: Recorder) -> DataFrame:
    """One row a message, in the order of sending."""
    start_ns = recorder.start_ns
    rows = (
        (
            _s(row.sent_ns - start_ns), None if row.arrived_ns is None else _s(row.arrived_ns - start_ns), row.source,
            row.target, row.kind, row.subject, row.is_lost,
        )
        for row in trace_rows.messages(_records(recorder))
    )  # fmt: skip
    return _with_times(_frame("sent_s arrived_s source target kind subject is_lost", rows), "sent_s", "arrived_s")


def faults(recorder: Recorder) -> DataFrame:
    """One row a fault, or a part of one that is made of several, from its beginning on."""
    start_ns = recorder.start_ns
    rows = (
        (row.word, row.target, _s(row.begin_ns - start_ns), None if row.end_ns is None else _s(row.end_ns - start_ns))
        for row in trace_rows.faults(_records(recorder))
    )
    return _with_times(_frame("word target begin_s end_s", rows), "begin_s", "end_s")


def _records(recorder: Recorder) -> Any:
    return recorder.cluster.kernel.trace.records()
