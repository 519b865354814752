"""A scenario as a table: the cluster, what is done when, what must hold. YAML is read into it and written from it.

Jobs, actions and expectations with an instant are played in the order of their instants; then the other expectations,
one after the other, each waiting from where the last one held. Faults are injected before everything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs

from devstack.behaviour import DOCUMENTED, parse
from devstack.models.gotext import SECOND_NS
from devstack.models.job import Job
from devstack.scenario.decorator import Scenario
from devstack.scenario.handles import ClusterHandle, JobHandle, ScenarioFailure

__all__ = ["Action", "Expectation", "Sheet", "TimedJob", "scenario_of", "timeline"]


@attrs.frozen
class TimedJob:
    """A job to be handed in at that instant; `name` is how other rows call it."""

    name: str
    job: Job
    at_ns: int = 0
    line: int = 0


@attrs.frozen
class Action:
    """`stop` a job, or `approve`, `reject` or `delete` a node."""

    verb: str
    target: str
    at_ns: int = 0
    reason: str = ""
    line: int = 0


@attrs.frozen
class Expectation:
    """What must come true of a job or a node within the time; `what` holds the demands by name."""

    job: str = ""
    node: str = ""
    what: Mapping[str, Any] = attrs.field(factory=dict)
    within: str | None = None
    at_ns: int | None = None
    line: int = 0


@attrs.frozen
class Sheet:
    name: str
    about: str = ""
    nodes: int = 3
    seed: int = 0
    behaviour: tuple[str, ...] = ()
    shapes: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    requester: Mapping[str, Any] = attrs.field(factory=dict)
    covers: tuple[str, ...] = ()
    jobs: Sequence[TimedJob] = ()
    actions: Sequence[Action] = ()
    faults: Sequence[Any] = ()
    expect: Sequence[Expectation] = ()
    file: str = ""


Row = TimedJob | Action | Expectation


def timeline(sheet: Sheet) -> list[Row]:
    """Everything that is done or waited for, in its order."""
    timed = [one for one in sheet.expect if one.at_ns is not None]
    rows: list[Row] = [*sheet.jobs, *sheet.actions, *timed]
    return [
        *sorted(rows, key=lambda row: row.at_ns or 0),
        *(one for one in sheet.expect if one.at_ns is None),
    ]


def scenario_of(sheet: Sheet, shapes: Mapping[str, Mapping[str, Any]], requester: Mapping[str, Any]) -> Scenario:
    """The scenario that plays the sheet; `shapes` and `requester` are its settings, read."""

    async def play(cluster: ClusterHandle) -> None:
        await _Player(sheet, cluster).play()

    return Scenario(
        script=play,
        name=sheet.name,
        about=sheet.about,
        nodes=sheet.nodes,
        seed=sheet.seed,
        behaviour=parse(sheet.behaviour) if sheet.behaviour else DOCUMENTED,
        shapes=shapes,
        requester=requester,
        faults=tuple(sheet.faults),
        covers=sheet.covers,
        file=sheet.file,
    )


class _Player:
    def __init__(self, sheet: Sheet, cluster: ClusterHandle) -> None:
        self._sheet, self._cluster = sheet, cluster
        self._jobs: dict[str, JobHandle] = {}

    async def play(self) -> None:
        for row in timeline(self._sheet):
            if row.at_ns is not None and (wait_s := row.at_ns / SECOND_NS - self._cluster.now_s) > 0:
                await self._cluster.advance(wait_s)
            match row:
                case TimedJob():
                    self._jobs[row.name] = await self._cluster.submit(row.job)
                case Action():
                    await self._act(row)
                case Expectation():
                    await self._expect(row)

    async def _act(self, action: Action) -> None:
        if action.verb == "stop":
            await self._jobs[action.target].stop(action.reason)
        else:
            await getattr(self._cluster.node(action.target), action.verb)()

    async def _expect(self, row: Expectation) -> None:
        try:
            for demand, value in row.what.items():
                await (_JOB[demand] if row.job else _NODE[demand])(self._subject(row), value, row.within)
        except AssertionError as exc:
            raise ScenarioFailure(f"{self._sheet.file}:{row.line}: {exc}") from None

    def _subject(self, row: Expectation) -> Any:
        return self._jobs[row.job] if row.job else self._cluster.node(row.node)


Demand = Callable[[Any, Any, str | None], Awaitable[object]]


async def _executions(job: JobHandle, counts: Mapping[str, int], within: str | None) -> None:
    for state, count in counts.items():
        await job.wait_executions(count, state, within)


async def _message(job: JobHandle, text: str, within: str | None) -> None:
    assert text in job.message, f"the job's message was to have {text!r} in it and is {job.message!r}"


async def _nodes_used(job: JobHandle, nodes: Sequence[str], within: str | None) -> None:
    missing = sorted(set(nodes) - job.nodes_used)
    assert not missing, f"the job was to be tried on {', '.join(missing)}; it was on {sorted(job.nodes_used)}"


async def _membership(node: Any, membership: str, within: str | None) -> None:
    assert node.membership == membership, f"{node.id} was to be {membership} and is {node.membership or 'unknown'}"


_JOB: Mapping[str, Demand] = {
    "state": lambda job, state, within: job.wait(state, within),
    "over": lambda job, _, within: job.wait_over(within),
    "running": lambda job, count, within: job.wait_running(count, within),
    "executions": _executions,
    "message": _message,
    "nodes_used": _nodes_used,
}
_NODE: Mapping[str, Demand] = {
    "connected": lambda node, connected, within: node.wait_connected(connected, within),
    "membership": _membership,
}
JOB_DEMANDS = tuple(_JOB)
NODE_DEMANDS = tuple(_NODE)
