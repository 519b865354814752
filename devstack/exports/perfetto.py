"""A run as Chrome trace events, which https://ui.perfetto.dev opens.

Every machine is a process. An execution is a slice on its node from its placement to its end, in it what it did:
waiting, then running. Messages are slices of a nanosecond where they are sent and where they arrive, with an arrow
between them (time has no less, so that none overlap); how full a node is, is a counter. Jobs and faults have processes
of their own.

Source: the Trace Event Format, https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from devstack.exports.run import Run
from devstack.exports.texts import bounded, json_line
from devstack.metrics import Attempt, queue_steps
from devstack.models.execution import Execution
from devstack.models.gotext import duration_text
from devstack.notebook import trace_rows
from devstack.notebook.trace_rows import MessageRow

__all__ = ["MOST_MESSAGES", "events", "pieces"]

MOST_MESSAGES: Final = 100_000
JOBS: Final = 1
FAULTS: Final = 2
FIRST_MACHINE: Final = 3
_MESSAGES_TID: Final = 1
_SIDE_BY_SIDE: Final = 16  # Messages of one instant are spread over so many tracks, and stand on each other there.
_ROUTINE: Final = ("Heartbeat", "UpdateInfo", "UpdateResources", "Register", "Reply", "Reconcile")

Event = dict[str, Any]


def pieces(run: Run) -> Iterator[str]:
    """The file, piece by piece."""
    yield '{"displayTimeUnit":"ms","otherData":' + json_line(run.about) + ',"traceEvents":[\n'
    comma = ""
    for event in events(run):
        yield comma + json_line(event)
        comma = ",\n"
    yield "\n]}\n"


def events(run: Run) -> Iterator[Event]:
    """Every event; times are microseconds since the cluster was switched on."""
    return _Writer(run).events()


class _Writer:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._records = run.outcome.records
        self._cluster = run.recorder.cluster
        machines = [self._cluster.requester_id, *self._cluster.nodes]
        self._pids = {name: FIRST_MACHINE + at for at, name in enumerate(machines)}
        self._tracks: set[tuple[int, int]] = set()
        self._end_ns = self._cluster.now_ns
        self._shift_ns = run.recorder.start_ns - run.start_ns  # The recorder's zero is a little later.

    def events(self) -> Iterator[Event]:
        messages = list(self._messages())  # First, for they name the tracks.
        yield from self._names()
        yield from self._jobs()
        yield from self._executions()
        yield from messages
        yield from self._counters()
        yield from self._faults()

    def _us(self, time_ns: int) -> float:
        """Of an instant of the cluster."""
        return max(0, time_ns - self._run.start_ns) / 1000

    def _recorded_us(self, time_ns: int) -> float:
        """Of an instant of the recorder."""
        return max(0, time_ns + self._shift_ns) / 1000

    def _pid(self, machine: str) -> int:
        return self._pids.setdefault(machine, FIRST_MACHINE + len(self._pids))

    def _names(self) -> Iterator[Event]:
        named = {JOBS: "jobs", FAULTS: "faults", **{pid: name for name, pid in self._pids.items()}}
        for pid, name in named.items():
            yield {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": bounded(name)}}
            yield {"ph": "M", "name": "process_sort_index", "pid": pid, "args": {"sort_index": pid}}
        for pid, tid in sorted(self._tracks):
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": "messages"}}

    # ---- jobs and executions -------------------------------------------------------------------------------

    def _slice(self, pid: int, cat: str, key: str, name: str, begin_us: float, end_us: float, args: Any) -> list[Event]:
        about = {"cat": cat, "id": key, "pid": pid, "tid": 0, "name": bounded(name)}
        return [
            {**about, "ph": "b", "ts": begin_us, "args": args},
            {**about, "ph": "e", "ts": max(begin_us, end_us)},
        ]

    def _jobs(self) -> Iterator[Event]:
        end_ns = self._run.recorder.now_ns
        for life, record in zip(self._run.recorder.jobs(), self._cluster.requester.store.jobs(), strict=True):
            over_ns = end_ns if life.over_ns is None else life.over_ns
            args = {"job": life.id, "type": str(life.type), "state": record.state.text, "count": life.wanted}
            args |= {"message": bounded(record.message)} if record.message else {}
            begin_us, over_us = self._recorded_us(life.submitted_ns), self._recorded_us(over_ns)
            yield from self._slice(JOBS, "job", life.id, record.job.name or life.id, begin_us, over_us, args)

    def _executions(self) -> Iterator[Event]:
        for record in self._cluster.requester.store.jobs():
            attempts = self._run.recorder.attempts_of(record)
            for execution, attempt in zip(record.executions.values(), attempts, strict=True):
                yield from self._execution(execution, attempt, record.job.name or record.job.id)

    def _execution(self, execution: Execution, attempt: Attempt, name: str) -> Iterator[Event]:
        pid, key, now_ns = self._pid(execution.node_id), execution.id, self._run.recorder.now_ns
        end_ns = now_ns if attempt.ended_ns is None else attempt.ended_ns
        end_ns = max(end_ns, attempt.placed_ns)
        placed, end = self._recorded_us(attempt.placed_ns), self._recorded_us(end_ns)
        whole = self._slice(pid, "execution", key, name, placed, end, _args_of(execution))
        yield whole[0]
        started = attempt.started_ns
        start = end if started is None else min(end, self._recorded_us(started))
        yield from self._slice(pid, "execution", key, "waits", placed, start, {})
        if started is not None:
            stopped = end_ns if attempt.stopped_ns is None else min(end_ns, attempt.stopped_ns)
            yield from self._slice(pid, "execution", key, "runs", start, self._recorded_us(stopped), {})
        yield whole[1]

    # ---- messages ------------------------------------------------------------------------------------------

    def _messages(self) -> Iterator[Event]:
        told = [row for row in trace_rows.messages(self._records) if not row.kind.startswith(_ROUTINE)]
        ties: dict[tuple[str, int], int] = {}
        for number, row in enumerate(told[:MOST_MESSAGES], 1):
            yield from self._message(number, row, ties)
        if len(told) > MOST_MESSAGES:
            text = f"{len(told) - MOST_MESSAGES:,} later messages are left out"
            yield self._instant(self._us(told[MOST_MESSAGES].sent_ns), FAULTS, text, {})

    def _message(self, number: int, row: MessageRow, ties: dict[tuple[str, int], int]) -> Iterator[Event]:
        args = {"from": row.source, "to": row.target, "about": bounded(row.subject)}
        lost = " (lost)" if row.arrived_ns is None and row.is_lost else ""
        flow = {"cat": "message", "name": row.kind, "id": number}
        for ph, machine, time_ns in (("s", row.source, row.sent_ns), ("f", row.target, row.arrived_ns)):
            if time_ns is None:
                continue
            tie = ties[machine, time_ns] = ties.get((machine, time_ns), -1) + 1
            pid, tid = self._pid(machine), _MESSAGES_TID + tie % _SIDE_BY_SIDE
            self._tracks.add((pid, tid))
            place = {"pid": pid, "tid": tid, "ts": self._us(time_ns)}
            yield {"ph": "X", "cat": "message", "name": row.kind + lost, "dur": 0.001, **place, "args": args}
            if row.arrived_ns is not None:
                yield {**flow, **place, "ph": ph, **({"bp": "e"} if ph == "f" else {})}

    # ---- counters and faults -------------------------------------------------------------------------------

    def _counters(self) -> Iterator[Event]:
        for load in self._run.recorder.loads():
            place = {"ph": "C", "pid": self._pid(load.node_id), "tid": 0, "ts": self._recorded_us(load.time_ns)}
            for at, (name, scale) in enumerate((("CPU cores", 1000), ("memory MB", 10**6))):
                values = {"used": load.used[at] / scale, "waiting": load.queued[at] / scale}
                yield {**place, "name": name, "args": values}
        for time_ns, waiting, running in queue_steps(self._run.recorder.jobs(), self._run.recorder.attempts()):
            yield {"ph": "C", "pid": JOBS, "tid": 0, "ts": self._recorded_us(time_ns), "name": "executions",
                   "args": {"waiting": waiting, "running": running}}  # fmt: skip

    def _faults(self) -> Iterator[Event]:
        for number, row in enumerate(trace_rows.faults(self._records), 1):
            end_ns = self._end_ns if row.end_ns is None else row.end_ns
            args = {"target": bounded(row.target), "lasted": duration_text(end_ns - row.begin_ns)}
            name = f"{row.word} {row.target}".strip()
            begin_us, end_us = self._us(row.begin_ns), self._us(end_ns)
            yield from self._slice(FAULTS, "fault", f"fault-{number}", name, begin_us, end_us, args)
        yield from self._power(row for row in trace_rows.changes(self._records) if row.kind == "power")

    def _power(self, rows: Iterable[trace_rows.ChangeRow]) -> Iterator[Event]:
        for row in rows:
            yield self._instant(self._us(row.time_ns), self._pid(row.subject), f"power {row.new}", {})

    def _instant(self, ts: float, pid: int, name: str, args: Any) -> Event:
        return {"ph": "i", "s": "p", "ts": ts, "pid": pid, "tid": 0, "name": name, "args": args}


def _args_of(execution: Execution) -> dict[str, Any]:
    args: dict[str, Any] = {
        "execution": execution.id,
        "job": execution.job_id,
        "state": execution.compute.text,
        "desired": execution.desired.text,
    }
    args |= {"message": bounded(execution.compute_message)} if execution.compute_message else {}
    args |= {"why it ends": bounded(execution.desired_message)} if execution.desired_message else {}
    output = execution.run_output
    return args if output is None else args | {"exit code": output.exit_code, "stdout": bounded(output.stdout)}
