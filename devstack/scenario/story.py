"""The trace as people read it: when, on which machine, what happened, and why.

`tell` makes lines of trace records; heartbeats and other routine stay away, and what happens at one instant in the
same way to several is one line. A `Storyteller` that looks on while a run is made adds what no record has: why a node
was chosen, and when a program starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import attrs

from devstack.cluster import SIMULATED_START_NS
from devstack.kernel import Record
from devstack.models.execution import ComputeState
from devstack.models.job import JobState
from devstack.scenario.story_lines import LONGEST, Line, fold, render, short, time_text
from devstack.scenario.storyteller import SUBMITTED, Storyteller

__all__ = ["Line", "Storyteller", "fold", "render", "tell", "time_text"]

_ROUTINE: Final = ("Heartbeat", "UpdateInfo", "UpdateResources", "Register", "Reply")
_SILENT: Final = frozenset({"recv", "timer", "event", "plan", "job", "send", "local-state"})


def tell(
    records: Iterable[Record],
    notes: Sequence[tuple[int, Line]] = (),
    *,
    first: int = 1,
    start_ns: int = SIMULATED_START_NS,
) -> list[Line]:
    """The story of the records, folded; `notes` are a Storyteller's, `first` the number of the first record."""
    lines = list(_merged(_Reader(jobs_are_told=bool(notes)).lines(records, first), notes))
    return fold(attrs.evolve(line, time_ns=line.time_ns - start_ns) for line in lines)


def _merged(numbered: Iterator[tuple[int, Line]], notes: Sequence[tuple[int, Line]]) -> Iterator[Line]:
    waiting = list(reversed(notes))
    for number, line in numbered:
        while waiting and waiting[-1][0] < number:
            yield waiting.pop()[1]
        yield line
    while waiting:
        yield waiting.pop()[1]


class _Reader:
    """Reads records in order; remembers what a later record only names by its number or id."""

    def __init__(self, *, jobs_are_told: bool) -> None:
        self._jobs_are_told = jobs_are_told
        self._packets: dict[str, tuple[str, str]] = {}
        self._job_of: dict[str, str] = {}
        self._readers: dict[str, Callable[[Record], Line | None]] = {
            "drop": self._drop,
            "job-state": self._job_state,
            "exec-state": self._execution_state,
            "nack": self._nack,
            "refused": self._refused,
            "unanswered": self._unanswered,
            "node": self._node,
            "power": self._power,
            "ignored": self._ignored,
            "fault": self._fault,
        }

    def lines(self, records: Iterable[Record], first: int) -> Iterator[tuple[int, Line]]:
        for number, record in enumerate(records, first):
            kind = record[1]
            if kind == "send":
                self._send(record)
            if kind in _SILENT:
                continue
            line = self._readers.get(kind, _other)(record)
            if line is not None:
                yield number, line

    def _send(self, record: Record) -> None:
        sequence, target, message = record[3].split(" ", 2)
        self._packets[sequence] = target, message[:LONGEST]
        if message.startswith("AskForBid "):
            _, execution_id, job_id, *_ = message.split(" ")
            self._job_of[execution_id] = job_id

    def _drop(self, record: Record) -> Line:
        time_ns, _, target, detail = record
        sequence, _, reason = detail.partition(" ")
        message = self._packets.get(sequence, (target, "a message"))[1]
        name, _, rest = message.partition(" ")
        if name in _ROUTINE:
            return Line(time_ns, target, f"is not reached by {name} messages ({reason})", mood="fault")
        about = short(rest.split(" ")[0]) if rest else ""
        return Line(time_ns, target, f"{name} is lost on its way here ({reason})", (about,), "fault")

    def _job_state(self, record: Record) -> Line | None:
        time_ns, _, job_id, detail = record
        change, _, message = detail.partition(" ")
        message = message.partition(" ")[2]
        state = JobState(int(change.partition(">")[2]))
        moods = {JobState.COMPLETED: "good", JobState.FAILED: "bad", JobState.STOPPED: "bad"}
        if message == SUBMITTED:
            return None if self._jobs_are_told else Line(time_ns, "node-0", f"takes job {job_id}", mood="job")
        why = f": {message}" if message else ""
        return Line(time_ns, "node-0", f"job {short(job_id)} is {state.text}{why}", mood=moods.get(state, "job"))

    def _execution_state(self, record: Record) -> Line | None:
        time_ns, _, execution_id, detail = record
        node_id, change, _, message = (*detail.split(" ", 3), "")[:4]
        state = ComputeState(int(change.partition(">")[2]))
        if change.partition(">")[0] == change.partition(">")[2] or state not in _CHANGES:
            return None
        words, mood = _CHANGES[state]
        job = short(self._job_of.get(execution_id, "the job"))
        why = f": {message}" if message and message != "Accepted job" else ""
        return Line(time_ns, node_id, words.format(job=job) + why, (short(execution_id),), mood)

    def _nack(self, record: Record) -> Line:
        return Line(
            record[0], record[2], f"cannot schedule now: {record[3].partition(' ')[2]}; tries again", mood="bad"
        )

    def _refused(self, record: Record) -> Line:
        request, execution_id, error = (*record[3].split(" ", 2), "")[:3]
        return Line(record[0], record[2], f"{request} is refused: {error}", (short(execution_id),), "bad")

    def _unanswered(self, record: Record) -> Line:
        request, _, execution_id = record[3].partition(" ")
        return Line(record[0], record[2], f"nobody answers {request}", (short(execution_id),), "bad")

    def _node(self, record: Record) -> Line:
        node_id, _, kind = record[3].partition(" ")
        words, mood = _NODE_CHANGES.get(kind, (kind, ""))
        return Line(record[0], record[2], words, (node_id,), mood, of_nodes=True)

    def _power(self, record: Record) -> Line:
        is_on = record[3] == "on"
        return Line(record[0], record[2], "has power and starts" if is_on else "loses its power", mood="fault")

    def _ignored(self, record: Record) -> Line:
        return Line(record[0], record[2], f"ignores what comes late or twice: {record[3]}", mood="dim")

    def _fault(self, record: Record) -> Line | None:
        """A fault is told when it is injected for later, when it begins, and when it ends."""
        what, _, text = record[3].partition(" ")
        if what == "inject" and " after=" not in text:
            return None
        words = {"inject": "is to come: ", "begin": "begins: ", "end": "ends: "}.get(what)
        return None if words is None else Line(record[0], f"fault {record[2]}", words + text, mood="fault")


_CHANGES: Final = {
    ComputeState.ASK_FOR_BID_ACCEPTED: ("bids for {job}", ""),
    ComputeState.ASK_FOR_BID_REJECTED: ("does not bid for {job}", "bad"),
    ComputeState.BID_ACCEPTED: ("is to run {job}", ""),
    ComputeState.BID_REJECTED: ("is not needed for {job}", "dim"),
    ComputeState.COMPLETED: ("has completed {job}", "good"),
    ComputeState.FAILED: ("has failed {job}", "bad"),
    ComputeState.CANCELLED: ("has cancelled {job}", "bad"),
}
_NODE_CHANGES: Final = {
    "join": ("welcomes", ""),
    "approve": ("approves", ""),
    "reject": ("rejects", "bad"),
    "delete": ("deletes", "bad"),
    "disconnect": ("hears no more of", "bad"),
    "reconnect": ("hears again of", "good"),
}


def _other(record: Record) -> Line:
    """What newer rooms put into the trace."""
    return Line(record[0], record[2], f"{record[1]}: {record[3]}")
