"""Scenarios in YAML: `cluster`, `jobs`, `faults`, `actions`, `expect`; every mistake is told with its line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from devstack.adapters.wire import UnreadableError, decode_job
from devstack.behaviour import parse
from devstack.errors import DevstackError, UsageError
from devstack.models.execution import ComputeState
from devstack.models.job import Job, JobState
from devstack.scenario.builders import duration_ns
from devstack.scenario.decorator import Scenario
from devstack.scenario.settings import read_requester, read_shape
from devstack.scenario.sheet import JOB_DEMANDS, NODE_DEMANDS, Action, Expectation, Sheet, TimedJob, scenario_of
from devstack.scenario.yaml_text import Items, Table, at_line, read_lines

__all__ = ["job_of", "read_faults", "read_sheet", "read_yaml"]

_TOP: Final = ("name", "about", "covers", "cluster", "jobs", "faults", "actions", "expect")
_CLUSTER: Final = ("nodes", "seed", "behaviour", "shapes", "requester")
_VERBS: Final = ("stop", "approve", "reject", "delete")
_STATES: Final = tuple(state.text for state in JobState)[1:]
_EXECUTION_STATES: Final = tuple(state.text for state in ComputeState)[1:]


def job_of(spec: Mapping[str, Any]) -> Job:
    """The job of a specification in Bacalhau's spelling.

    Raises:
        UsageError: it is none.
    """
    try:
        job = decode_job(json.dumps(spec).encode())
    except (UnreadableError, TypeError) as exc:
        raise UsageError(str(exc), "write it as in a Bacalhau job file: Type, Count, Tasks, ...") from None
    assert job is not None  # A mapping is not null.
    return job


def read_yaml(path: Path) -> Scenario:
    """The scenario in the file.

    Raises:
        UsageError: a mistake, with its line.
    """
    return _Reader(path).scenario()


def read_sheet(path: Path) -> Sheet:
    """The table in the file. Raises UsageError."""
    return _Reader(path).sheet()


def read_faults(path: Path) -> list[dict[str, Any]]:
    """The faults of a file that is a list of them, or has one under `faults`: as mappings, each of them checked.

    Raises:
        UsageError: a mistake, with its line.
    """
    reader = _Reader(path)
    content = reader.content.get("faults") if isinstance(reader.content, Table) else reader.content
    if not isinstance(content, Items):
        raise at_line(path, 1, "a list of faults was to be here", "such as `- {at: 30s, crash: node-1}`")
    reader.faults(content)
    return [dict(item) for item in content]


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.content = read_lines(path)

    def scenario(self) -> Scenario:
        sheet = self.sheet()
        cluster = self.content.get("cluster") or Table()
        shapes = {
            node: self._checked(cluster["shapes"], node, lambda words: read_shape(words))
            for node in sheet.shapes
        }  # fmt: skip
        requester = self._checked(cluster, "requester", read_requester) if sheet.requester else {}
        return scenario_of(sheet, shapes, requester)

    def sheet(self) -> Sheet:
        top = self._table(self.content, 1, "a scenario", _TOP)
        if not top.get("jobs"):
            raise at_line(self._path, 1, "a scenario needs jobs", "jobs: [{name: first, spec: {Type: batch, ...}}]")
        cluster = self._table(top.get("cluster") or _empty(top), 1, "cluster", _CLUSTER)
        jobs = [self._job(row) for row in self._rows(top, "jobs", ("name", "at", "spec"))]
        self._refuse_twice(jobs)
        at_ns = {job.name: job.at_ns for job in jobs}
        return Sheet(
            name=str(top.get("name") or self._path.stem),
            about=str(top.get("about") or ""),
            nodes=self._number(cluster, "nodes", 3),
            seed=self._number(cluster, "seed", 0),
            behaviour=self._behaviour(cluster),
            shapes=cluster.get("shapes") or {},
            requester=cluster.get("requester") or {},
            covers=_texts(top.get("covers")),
            jobs=jobs,
            actions=[self._action(row, at_ns) for row in self._rows(top, "actions", ("at", "reason", *_VERBS))],
            faults=self.faults(top["faults"]) if top.get("faults") else (),
            expect=[self._expectation(row, at_ns) for row in self._rows(top, "expect", _EXPECT)],
            file=str(self._path),
        )

    # ---- rows ----------------------------------------------------------------------------------------------

    def _job(self, row: Table) -> TimedJob:
        if not isinstance(row.get("spec"), Table):
            raise self._error(row, "spec", "a job needs a spec", "write it as in a Bacalhau job file")
        name = str(row.get("name") or row["spec"].get("Name") or "job")
        job = self._checked(row, "spec", job_of)
        return TimedJob(name, job, self._at_ns(row) or 0, row.line)

    def _refuse_twice(self, jobs: Iterable[TimedJob]) -> None:
        seen: set[str] = set()
        for job in jobs:
            if job.name in seen:
                raise at_line(self._path, job.line, f"two jobs are called {job.name!r}", "give each its own name")
            seen.add(job.name)

    def faults(self, items: Any) -> list[Any]:
        from devstack.faults.forms import parse_mapping

        if not isinstance(items, Items):
            raise at_line(self._path, 1, "faults are a list", "such as `- {at: 30s, crash: node-1}`")
        found = []
        for item, line in zip(items, items.lines, strict=True):
            try:
                found.append(parse_mapping(item))
            except UsageError as exc:
                raise at_line(self._path, line, exc.message, exc.hint) from None
        return found

    def _action(self, row: Table, jobs: Mapping[str, int]) -> Action:
        verbs = [key for key in row if key in _VERBS]
        if len(verbs) != 1:
            raise at_line(self._path, row.line, "an action has one verb", f"use one of {', '.join(_VERBS)}")
        verb, target = verbs[0], str(row[verbs[0]])
        at_ns = self._at_ns(row) or 0
        if verb == "stop":
            self._known_job(row, verb, jobs, at_ns)
        return Action(verb, target, at_ns, str(row.get("reason") or ""), row.line)

    def _expectation(self, row: Table, jobs: Mapping[str, int]) -> Expectation:
        if ("job" in row) == ("node" in row):
            raise at_line(self._path, row.line, "an expectation is about one job or one node", "name it")
        about, demands = ("job", JOB_DEMANDS) if "job" in row else ("node", NODE_DEMANDS)
        at_ns = self._at_ns(row)
        if about == "job":
            self._known_job(row, "job", jobs, at_ns)
        what = {key: row[key] for key in demands if key in row}
        if not what:
            raise at_line(self._path, row.line, f"nothing is expected of the {about}", f"use {', '.join(demands)}")
        for key, value in what.items():
            if not _FITS[key](value):
                raise self._error(row, key, f"{key} cannot be {value!r}", _HINTS[key])
        within = row.get("within")
        if within is not None:
            self._checked(row, "within", duration_ns)
        subject = {about: str(row[about])}
        return Expectation(**subject, what=what, within=within, at_ns=at_ns, line=row.line)

    def _known_job(self, row: Table, key: str, jobs: Mapping[str, int], at_ns: int | None) -> None:
        name = str(row[key])
        if name not in jobs:
            raise self._error(row, key, f"there is no job {name!r}", f"the jobs are {', '.join(jobs)}")
        if at_ns is not None and at_ns < jobs[name]:
            raise self._error(row, "at", f"job {name!r} is not yet there at that instant", "give a later `at`")

    # ---- values --------------------------------------------------------------------------------------------

    def _error(self, table: Table, key: str, problem: str, hint: str = "") -> UsageError:
        return at_line(self._path, table.lines.get(key, table.line), problem, hint)

    def _checked(self, table: Table, key: str, read: Callable[[Any], Any]) -> Any:
        try:
            return read(table[key])
        except DevstackError as exc:
            raise self._error(table, key, f"{key}: {exc.message}", exc.hint) from None

    def _table(self, value: Any, line: int, what: str, known: Iterable[str]) -> Table:
        if not isinstance(value, Table):
            raise at_line(self._path, line, f"{what} is a mapping", f"its keys are {', '.join(known)}")
        unknown = next((key for key in value if key not in known), None)
        if unknown is not None:
            raise self._error(value, unknown, f"unknown key {unknown!r} of {what}", f"known are {', '.join(known)}")
        return value

    def _rows(self, top: Table, key: str, known: Iterable[str]) -> list[Table]:
        items = top.get(key)
        if items is None:
            return []
        if not isinstance(items, Items):
            raise self._error(top, key, f"{key} is a list")
        return [
            self._table(item, line, f"an entry of {key}", known)
            for item, line in zip(items, items.lines, strict=True)
        ]  # fmt: skip

    def _number(self, table: Table, key: str, default: int) -> int:
        value = table.get(key, default)
        if not _is_number(value):
            raise self._error(table, key, f"{key} cannot be {value!r}", "write a whole number, zero or more")
        return int(value)

    def _at_ns(self, row: Table) -> int | None:
        return None if row.get("at") is None else int(self._checked(row, "at", duration_ns))

    def _behaviour(self, cluster: Table) -> tuple[str, ...]:
        words = _texts(cluster.get("behaviour"))
        if words:
            self._checked(cluster, "behaviour", lambda _: parse(words))
        return words


def _empty(top: Table) -> Table:
    table = Table()
    table.line, table.lines = top.line, {}
    return table


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is None else tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(state in _EXECUTION_STATES and _is_number(n) for state, n in value.items())


_EXPECT: Final = ("job", "node", "at", "within", *JOB_DEMANDS, *NODE_DEMANDS)
_FITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "state": lambda value: value in _STATES,
    "over": lambda value: value is True,
    "running": _is_number,
    "executions": _is_counts,
    "message": lambda value: isinstance(value, str),
    "nodes_used": lambda value: isinstance(value, list) and all(isinstance(node, str) for node in value),
    "connected": lambda value: isinstance(value, bool),
    "membership": lambda value: value in ("APPROVED", "PENDING", "REJECTED", ""),
}
_HINTS: Final[Mapping[str, str]] = {
    "state": f"use one of {', '.join(_STATES)}",
    "over": "write `over: true`",
    "running": "write how many",
    "executions": f"write {{STATE: HOW_MANY}}; the states are {', '.join(_EXECUTION_STATES)}",
    "message": "write a part of the message",
    "nodes_used": "write a list of node ids",
    "connected": "write true or false",
    "membership": "use APPROVED, PENDING or REJECTED",
}
