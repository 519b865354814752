"""Scenario files from YAML to Python and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from devstack.models.gotext import SECOND_NS
from devstack.scenario.job_text import call_text, duration_word, python_of_job, spec_of
from devstack.scenario.load import YAML_ENDINGS, load_one
from devstack.scenario.sheet import Action, Expectation, Sheet, TimedJob, timeline

__all__ = ["Converted", "convert", "python_of", "yaml_of"]

_WIDTH = 120


@attrs.frozen
class Converted:
    """The other form, and what of the first is not in it."""

    text: str
    left_out: list[str] = attrs.field(factory=list)


def convert(name: str, seed: int | None = None) -> Converted:
    """YAML to Python, or Python to YAML by running it once.

    Raises:
        UsageError: the file cannot be read.
    """
    path = Path(name.partition("::")[0])
    if path.suffix in YAML_ENDINGS:
        from devstack.scenario.yaml_form import read_sheet, read_yaml

        read_yaml(path)  # Settings are checked as well.
        return Converted(python_of(read_sheet(path)))
    from devstack.scenario.transcribe import transcribe

    sheet, left_out = transcribe(load_one(name), seed)
    return Converted(yaml_of(sheet), left_out)


# ---- to Python ---------------------------------------------------------------------------------------------


def python_of(sheet: Sheet) -> str:
    """A module with one scenario that does what the sheet says."""
    from devstack.faults.forms import to_python

    body, names = _Script(sheet).lines()
    faults = [to_python(fault) for fault in sheet.faults]
    settings = [name for name in ("shapes", "requester") if getattr(sheet, name)]
    readers = {"shapes": "read_shape", "requester": "read_requester"}
    imports = [
        *([f"from devstack.faults import {_listed(text.partition('(')[0] for text in faults)}"] if faults else []),
        f"from devstack.scenario import {_listed([*(name for name in names if name != 'job_of'), 'scenario'])}",
        *([f"from devstack.scenario.settings import {_listed(readers[name] for name in settings)}"] * bool(settings)),
        *(["from devstack.scenario.yaml_form import job_of"] if "job_of" in names else []),
    ]
    about = [f'    """{sheet.about}"""'] if sheet.about else []
    lines = [*imports, "", "", *_decorator(sheet, faults), f"async def {_identifier(sheet.name)}(cluster):", *about]
    return "\n".join([*lines, *(f"    {line}" for line in body or ["pass"])]) + "\n"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))


def _decorator(sheet: Sheet, faults: list[str]) -> list[str]:
    given = {"nodes": sheet.nodes, "seed": sheet.seed, "behaviour": list(sheet.behaviour), "covers": list(sheet.covers)}
    head = call_text("@scenario", **given)
    more = [f"faults=[{', '.join(faults)}]"] if faults else []
    shapes = ", ".join(f"{node!r}: read_shape({_plain(words)!r})" for node, words in sheet.shapes.items())
    more += [f"shapes={{{shapes}}}"] if shapes else []
    more += [f"requester=read_requester({_plain(sheet.requester)!r})"] if sheet.requester else []
    if not more:
        return [head]
    return ["@scenario(", *(f"    {part}," for part in [head[len("@scenario(") : -1], *more] if part), ")"]


def _plain(value: Any) -> Any:
    """Without the lines that a file's content remembers."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _identifier(name: str) -> str:
    text = "".join(letter if letter.isalnum() else "_" for letter in name)
    return text if text.isidentifier() else f"_{text}"


class _Script:
    """Writes the rows of a sheet as statements."""

    def __init__(self, sheet: Sheet) -> None:
        self._rows = timeline(sheet)
        self._variables = self._named(sheet.jobs)
        self._now_ns = 0
        self._has_waited = False
        self._names: list[str] = []

    @staticmethod
    def _named(jobs: Iterable[TimedJob]) -> dict[str, str]:
        variables: dict[str, str] = {}
        for job in jobs:
            wanted = _identifier(job.name)
            wanted = f"{wanted}_" if wanted in ("cluster", *variables.values()) else wanted
            variables[job.name] = wanted
        return variables

    def lines(self) -> tuple[list[str], list[str]]:
        """The statements, and the names that they need."""
        found: list[str] = []
        for row in self._rows:
            found += [*self._until(row.at_ns), *self._statements(row)]
        return found, self._names

    def _until(self, at_ns: int | None) -> list[str]:
        if at_ns is None or at_ns <= self._now_ns:
            return []
        passed_ns, self._now_ns = at_ns - self._now_ns, at_ns
        if not self._has_waited:
            return [f"await cluster.advance({duration_word(passed_ns)!r})"]
        return [f"await cluster.advance(max(0, {at_ns / SECOND_NS!r} - cluster.now_s))"]

    def _statements(self, row: TimedJob | Action | Expectation) -> list[str]:
        match row:
            case TimedJob():
                text, name = python_of_job(row.job)
                self._names += [name, *(word for word in ("noop", "docker") if f"{word}(" in text)]
                return [f"{self._variables[row.name]} = await cluster.submit({text})"]
            case Action(verb="stop"):
                return [f"await {self._variables[row.target]}.stop({row.reason!r})"]
            case Action():
                return [f"await cluster.node({row.target!r}).{row.verb}()"]
            case Expectation():
                self._has_waited = True
                subject = self._variables[row.job] if row.job else f"cluster.node({row.node!r})"
                return [one for key, value in row.what.items() for one in _demand(subject, key, value, row.within)]


def _demand(subject: str, key: str, value: Any, within: str | None) -> list[str]:
    limit = {"within": within} if within is not None else {}
    match key:
        case "state":
            return ["await " + call_text(f"{subject}.wait", value, **limit)]
        case "over":
            return ["await " + call_text(f"{subject}.wait_over", **limit)]
        case "running":
            return ["await " + call_text(f"{subject}.wait_running", value, **limit)]
        case "executions":
            calls = [call_text(f"{subject}.wait_executions", count, state, **limit) for state, count in value.items()]
            return [f"await {text}" for text in calls]
        case "message":
            return [f"assert {value!r} in {subject}.message"]
        case "nodes_used":
            return [f"assert {{{', '.join(map(repr, value))}}} <= {subject}.nodes_used"]
        case "connected":
            return ["await " + call_text(f"{subject}.wait_connected", value, **limit)]
        case _:
            return [f"assert {value!r} == {subject}.{key}"]


# ---- to YAML -----------------------------------------------------------------------------------------------


def yaml_of(sheet: Sheet) -> str:
    """A YAML scenario that does what the sheet says; each row is one line."""
    from devstack.faults.forms import to_mapping

    cluster: dict[str, Any] = {"nodes": sheet.nodes, "seed": sheet.seed}
    cluster |= {"behaviour": list(sheet.behaviour)} if sheet.behaviour else {}
    cluster |= {name: _plain(getattr(sheet, name)) for name in ("shapes", "requester") if getattr(sheet, name)}
    head: dict[str, Any] = {"name": sheet.name, "about": " ".join(sheet.about.split()), "covers": list(sheet.covers)}
    lines = [f"{key}: {_flow(value)}" for key, value in {**head, "cluster": cluster}.items() if value]
    sections = {
        "jobs": [{"name": job.name, **_at(job.at_ns), "spec": spec_of(job.job)} for job in sheet.jobs],
        "faults": [to_mapping(fault) for fault in sheet.faults],
        "actions": [_action(action) for action in sheet.actions],
        "expect": [_expectation(row) for row in sheet.expect],
    }
    for name, rows in sections.items():
        lines += [f"{name}:", *(f"  - {_flow(row)}" for row in rows)] if rows else []
    return "\n".join(lines) + "\n"


def _at(at_ns: int | None) -> dict[str, str]:
    return {} if at_ns is None else {"at": duration_word(at_ns)}


def _action(action: Action) -> dict[str, Any]:
    return {**_at(action.at_ns), action.verb: action.target, **({"reason": action.reason} if action.reason else {})}


def _expectation(row: Expectation) -> dict[str, Any]:
    subject = {"job": row.job} if row.job else {"node": row.node}
    return {**_at(row.at_ns), **subject, **row.what, **({"within": row.within} if row.within else {})}


def _flow(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=2**31 - 1, allow_unicode=True)
               .removesuffix("\n").removesuffix("\n..."))  # fmt: skip
