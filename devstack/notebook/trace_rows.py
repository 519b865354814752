"""Reads the trace as rows: what changed, who told whom what, which faults there were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from devstack.compute.lifecycle import LocalExecutionState
from devstack.kernel import Record
from devstack.models.execution import ComputeState
from devstack.models.job import JobState

__all__ = ["ChangeRow", "FaultRow", "MessageRow", "changes", "faults", "messages"]


@attrs.frozen
class ChangeRow:
    """`kind`: job, execution (as the requester sees it), program (as its node does), node or power."""

    time_ns: int
    subject: str
    kind: str
    node: str
    old: str
    new: str
    message: str = ""


@attrs.define
class MessageRow:
    """`arrived_ns` is None while it is under way, and for ever if it is lost: dropped, or its target was down."""

    sent_ns: int
    arrived_ns: int | None
    source: str
    target: str
    kind: str
    subject: str
    is_lost: bool = False


@attrs.define
class FaultRow:
    """One part of a fault on the machines it struck; `end_ns` is None while it lasts."""

    word: str
    target: str
    begin_ns: int
    end_ns: int | None = None


def changes(records: Iterable[Record]) -> Iterator[ChangeRow]:
    """Every change of a job, an execution, a program or a node."""
    for time_ns, kind, subject, detail in records:
        if kind == "job-state":
            change, _, rest = detail.partition(" ")
            old, new = (JobState(int(number)).text for number in change.split(">"))
            yield ChangeRow(time_ns, subject, "job", "", old, new, rest.partition(" ")[2])
        elif kind == "exec-state":
            node, change, _, message = (*detail.split(" ", 3), "")[:4]
            old, new = (ComputeState(int(number)).text for number in change.split(">"))
            yield ChangeRow(time_ns, subject, "execution", node, old, new, message)
        elif kind == "local-state":
            node, _, change = detail.partition(" ")
            old, new = (LocalExecutionState(int(number)).text for number in change.split(">"))
            yield ChangeRow(time_ns, subject, "program", node, old, new)
        elif kind == "node":
            node, _, what = detail.partition(" ")
            yield ChangeRow(time_ns, node, "node", node, "", what)
        elif kind == "power":
            yield ChangeRow(time_ns, subject, "power", subject, "", detail)


def messages(records: Iterable[Record]) -> list[MessageRow]:
    """Every message in the order of sending; of one that was repeated the first arrival counts."""
    rows: dict[str, MessageRow] = {}
    down: set[str] = set()
    for time_ns, kind, subject, detail in records:
        if kind == "send":
            sequence, target, text = detail.split(" ", 2)
            rows[sequence] = MessageRow(time_ns, None, subject, target, *_named(text))
        elif kind == "recv":
            row = rows.get(detail)
            if row is not None and row.arrived_ns is None:
                row.is_lost = subject in down
                row.arrived_ns = None if row.is_lost else time_ns
        elif kind == "drop":
            row = rows.get(detail.partition(" ")[0])
            if row is not None:
                row.is_lost = True
        elif kind == "power":
            (down.discard if detail == "on" else down.add)(subject)
    return list(rows.values())


# Messages whose second word is no execution or node that they are about.
_ABOUT_NOTHING: Final = frozenset({"Register", "UpdateInfo", "Reconcile"})


def _named(text: str) -> tuple[str, str]:
    """A message's kind, and the execution or node that it is about."""
    kind, _, rest = text.partition(" ")
    if kind == "Reply":
        request, _, rest = rest.partition(" ")
        kind = f"Reply {request}"
        if request in _ABOUT_NOTHING:
            return kind, ""
    return kind, "" if kind in _ABOUT_NOTHING else rest.partition(" ")[0]


def faults(records: Iterable[Record]) -> list[FaultRow]:
    """Every part of a fault that has begun, in that order."""
    rows: list[FaultRow] = []
    lasting: dict[tuple[str, str], list[FaultRow]] = {}
    for time_ns, kind, number, detail in records:
        if kind != "fault":
            continue
        what, _, text = detail.partition(" ")
        if what == "begin":
            text, _, on = text.partition(" on ")
            word, _, rest = text.partition(" ")
            row = FaultRow(word, on or rest, time_ns)
            rows.append(row)
            lasting.setdefault((number, text), []).append(row)
        elif what == "end" and (open_rows := lasting.get((number, text))):
            open_rows.pop(0).end_ns = time_ns
    return rows
