"""Scenarios in YAML: `cluster`, `jobs`, `faults`, `actions`, `expect`; every mistake is told with its line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from devstack.adapters.wire import UnreadableError, decode_job
from devstack.errors import UsageError
from devstack.models.execution import ComputeState
from devstack.models.job import Job, JobState
from devstack.scenario.builders import duration_ns
from devstack.scenario.cluster_form import describe
from devstack.scenario.decorator import Scenario
from devstack.scenario.sheet import JOB_DEMANDS, NODE_DEMANDS, Action, Expectation, Sheet, TimedJob, scenario_of
from devstack.scenario.yaml_text import Items, Page, Table, at_line, empty, is_number

__all__ = ["job_of", "read_faults", "read_sheet", "read_yaml"]

_TOP: Final = ("name", "about", "covers", "cluster", "jobs", "faults", "actions", "expect")
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
    whole = reader.content
    content = whole.get("faults") if isinstance(whole, Table) else whole
    if not isinstance(content, Items):
        raise at_line(path, 1, "a list of faults was to be here", "such as `- {at: 30s, crash: node-1}`")
    reader.faults(content)
    return [dict(item) for item in content]


class _Reader:
    def __init__(self, path: Path) -> None:
        self._page = Page(path)

    @property
    def content(self) -> Any:
        return self._page.content

    def scenario(self) -> Scenario:
        sheet = self.sheet()
        return scenario_of(sheet, self._described.settings, self._described.requester_settings)

    def sheet(self) -> Sheet:
        top = self._page.table(self.content, 1, "a scenario", _TOP)
        if not top.get("jobs"):
            hint = "jobs: [{name: first, spec: {Type: batch, ...}}]"
            raise at_line(self._page.path, 1, "a scenario needs jobs", hint)
        self._described = cluster = describe(self._page, top.get("cluster") or empty(top.line))
        jobs = [self._job(row) for row in self._page.rows(top, "jobs", ("name", "at", "spec"))]
        self._refuse_twice(jobs)
        at_ns = {job.name: job.at_ns for job in jobs}
        return Sheet(
            name=str(top.get("name") or self._page.path.stem),
            about=str(top.get("about") or ""),
            nodes=cluster.nodes,
            seed=cluster.seed or 0,
            behaviour=cluster.behaviour,
            shapes=cluster.shapes,
            requester=cluster.requester,
            covers=_texts(top.get("covers")),
            jobs=jobs,
            actions=[self._action(row, at_ns) for row in self._page.rows(top, "actions", ("at", "reason", *_VERBS))],
            faults=self.faults(top["faults"]) if top.get("faults") else (),
            expect=[self._expectation(row, at_ns) for row in self._page.rows(top, "expect", _EXPECT)],
            file=str(self._page.path),
        )

    # ---- rows ----------------------------------------------------------------------------------------------

    def _job(self, row: Table) -> TimedJob:
        if not isinstance(row.get("spec"), Table):
            raise self._page.error(row, "spec", "a job needs a spec", "write it as in a Bacalhau job file")
        name = str(row.get("name") or row["spec"].get("Name") or "job")
        job = self._page.checked(row, "spec", job_of)
        return TimedJob(name, job, self._at_ns(row) or 0, row.line)

    def _refuse_twice(self, jobs: Iterable[TimedJob]) -> None:
        seen: set[str] = set()
        for job in jobs:
            if job.name in seen:
                raise at_line(self._page.path, job.line, f"two jobs are called {job.name!r}", "give each its own name")
            seen.add(job.name)

    def faults(self, items: Any) -> list[Any]:
        from devstack.faults.forms import parse_mapping

        if not isinstance(items, Items):
            raise at_line(self._page.path, 1, "faults are a list", "such as `- {at: 30s, crash: node-1}`")
        found = []
        for item, line in zip(items, items.lines, strict=True):
            try:
                found.append(parse_mapping(item))
            except UsageError as exc:
                raise at_line(self._page.path, line, exc.message, exc.hint) from None
        return found

    def _action(self, row: Table, jobs: Mapping[str, int]) -> Action:
        verbs = [key for key in row if key in _VERBS]
        if len(verbs) != 1:
            raise at_line(self._page.path, row.line, "an action has one verb", f"use one of {', '.join(_VERBS)}")
        verb, target = verbs[0], str(row[verbs[0]])
        at_ns = self._at_ns(row) or 0
        if verb == "stop":
            self._known_job(row, verb, jobs, at_ns)
        return Action(verb, target, at_ns, str(row.get("reason") or ""), row.line)

    def _expectation(self, row: Table, jobs: Mapping[str, int]) -> Expectation:
        if ("job" in row) == ("node" in row):
            raise at_line(self._page.path, row.line, "an expectation is about one job or one node", "name it")
        about, demands = ("job", JOB_DEMANDS) if "job" in row else ("node", NODE_DEMANDS)
        at_ns = self._at_ns(row)
        if about == "job":
            self._known_job(row, "job", jobs, at_ns)
        what = {key: row[key] for key in demands if key in row}
        if not what:
            raise at_line(self._page.path, row.line, f"nothing is expected of the {about}", f"use {', '.join(demands)}")
        for key, value in what.items():
            if not _FITS[key](value):
                raise self._page.error(row, key, f"{key} cannot be {value!r}", _HINTS[key])
        within = row.get("within")
        if within is not None:
            self._page.checked(row, "within", duration_ns)
        subject = {about: str(row[about])}
        return Expectation(**subject, what=what, within=within, at_ns=at_ns, line=row.line)

    def _known_job(self, row: Table, key: str, jobs: Mapping[str, int], at_ns: int | None) -> None:
        name = str(row[key])
        if name not in jobs:
            raise self._page.error(row, key, f"there is no job {name!r}", f"the jobs are {', '.join(jobs)}")
        if at_ns is not None and at_ns < jobs[name]:
            raise self._page.error(row, "at", f"job {name!r} is not yet there at that instant", "give a later `at`")

    # ---- values --------------------------------------------------------------------------------------------

    def _at_ns(self, row: Table) -> int | None:
        return None if row.get("at") is None else int(self._page.checked(row, "at", duration_ns))


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is None else tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _is_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(state in _EXECUTION_STATES and is_number(n) for state, n in value.items())


_EXPECT: Final = ("job", "node", "at", "within", *JOB_DEMANDS, *NODE_DEMANDS)
_FITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "state": lambda value: value in _STATES,
    "over": lambda value: value is True,
    "running": is_number,
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
