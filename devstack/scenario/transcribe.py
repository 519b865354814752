"""A Python scenario written down as a table: it is run once, and what it did is kept with its virtual times."""

from __future__ import annotations

import ast
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from devstack.cluster import Cluster
from devstack.models.job import Job
from devstack.scenario.cluster_text import cluster_row
from devstack.scenario.decorator import Scenario
from devstack.scenario.job_text import duration_word
from devstack.scenario.run import RunOptions, run
from devstack.scenario.settings import read_requester, read_shape
from devstack.scenario.sheet import Action, Expectation, Sheet, TimedJob
from devstack.scenario.world import ExecutionView, JobView, NodeView, World

__all__ = ["transcribe"]

_JOB: Final = r"job (?P<job>\S+) \(\w+\)"
# What the handles say that they wait for, and the demand that says the same.
_WAITS: Final[Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, Any]]]]] = (
    (re.compile(_JOB + r" to be (?P<state>\w+)"), lambda found: {"state": found["state"]}),
    (re.compile(r"the end of " + _JOB), lambda found: {"over": True}),
    (re.compile(r"(?P<count>\d+) running executions? of " + _JOB), lambda found: {"running": int(found["count"])}),
    (
        re.compile(r"(?P<count>\d+) (?P<state>\w+) executions of " + _JOB),
        lambda found: {"executions": {found["state"]: int(found["count"])}},
    ),
)
_NODE_WAIT: Final = re.compile(r"(?P<node>\S+) to be (?P<what>connected|disconnected)")


def transcribe(scenario: Scenario, seed: int | None = None) -> tuple[Sheet, list[str]]:
    """The table that does what the scenario did in one run, and what of it could not be written down."""
    clerks: list[_Clerk] = []
    clusters: list[Cluster] = []

    def around(world: World) -> World:
        clerks.append(_Clerk(world))
        return clerks[0]

    outcome = run(scenario, RunOptions(seed=seed, around=around, watch=clusters.append))
    clerk, row = clerks[0], cluster_row(clusters[0])
    sheet = Sheet(
        name=scenario.name,
        about=scenario.about,
        nodes=scenario.nodes,
        seed=outcome.seed,
        behaviour=tuple(row.get("behaviour", ())),
        shapes=row.get("shapes", {}),
        requester=row.get("requester", {}),
        covers=tuple(scenario.covers),
        jobs=clerk.jobs,
        actions=clerk.actions,
        faults=[*scenario.faults, *clerk.faults],
        expect=clerk.expectations(),
    )
    left_out = [] if outcome.is_passed else [f"the run did not pass: {outcome.message}"]
    return sheet, [*left_out, *_settings_left_out(scenario, sheet), *clerk.left_out, *_asserts(scenario)]


def _settings_left_out(scenario: Scenario, sheet: Sheet) -> list[str]:
    """Settings that a scenario file has no words for."""
    written = {node: read_shape(words) for node, words in sheet.shapes.items()}
    missing = [
        f"shape of {node}: {name}"
        for node, shape in scenario.shapes.items()
        for name in sorted({*shape} - {"max_job"} - {*written.get(node, ())})
    ]
    requester = {*scenario.requester} - {*read_requester(sheet.requester)}
    return [*missing, *(f"setting of the requester: {name}" for name in sorted(requester))]


def _asserts(scenario: Scenario) -> list[str]:
    """The asserts of the script, which a table has no words for."""
    try:
        lines, first = inspect.getsourcelines(scenario.script)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError):
        return []
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    name = Path(scenario.file).name
    return [f"{name}:{first + node.lineno - 1}: {ast.unparse(node)}" for node in found]


class _Clerk:
    """A world that notes what is asked of it and hands it on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._names: dict[str, str] = {}
        self.jobs: list[TimedJob] = []
        self.actions: list[Action] = []
        self.faults: list[Any] = []
        self._expect: list[Expectation] = []
        self._flowing: list[bool] = []  # Whether each began at the instant when what came before it was done.
        self._done_ns = 0
        self.left_out: list[str] = []

    @property
    def name(self) -> str:
        return self._world.name

    @property
    def now_ns(self) -> int:
        return self._world.now_ns

    def _called(self, job_id: str) -> str:
        """How the table calls the job of that id, or of that beginning of one."""
        return next((name for known, name in self._names.items() if known.startswith(job_id)), job_id)

    async def submit(self, job: Job) -> str:
        at_ns = self.now_ns
        job_id = await self._world.submit(job)
        self._done_ns = self.now_ns
        is_free = job.name and job.name not in self._names.values()
        name = self._names[job_id] = job.name if is_free else f"job-{len(self._names) + 1}"
        self.jobs.append(TimedJob(name, job, at_ns))
        return job_id

    async def stop(self, job_id: str, reason: str) -> None:
        self.actions.append(Action("stop", self._called(job_id), self.now_ns, reason))
        await self._world.stop(job_id, reason)
        self._done_ns = self.now_ns

    async def change_node(self, node_id: str, action: str) -> None:
        self.actions.append(Action(action, node_id, self.now_ns))
        await self._world.change_node(node_id, action)
        self._done_ns = self.now_ns

    def job(self, job_id: str) -> JobView:
        return self._world.job(job_id)

    def executions(self, job_id: str) -> Sequence[ExecutionView]:
        return self._world.executions(job_id)

    async def results(self, execution: ExecutionView) -> dict[str, bytes]:
        return await self._world.results(execution)

    def nodes(self) -> Sequence[NodeView]:
        return self._world.nodes()

    def inject(self, fault: Any) -> None:
        self._world.inject(fault)
        self.faults.append(attrs.evolve(fault, after_ns=fault.after_ns + self.now_ns))

    async def wait(self, what: str, is_met: Callable[[], bool], job_ids: Sequence[str] = ()) -> None:
        left_s = trio.current_effective_deadline() - trio.current_time()
        within = None if math.isinf(left_s) else duration_word(round(left_s * 1e9))
        began_ns = self.now_ns
        is_flowing = began_ns == self._done_ns
        await self._world.wait(what, is_met, job_ids)
        self._done_ns = self.now_ns
        expectation = self._expectation(what)
        if expectation is None:
            self.left_out.append(f"a wait for {what}")
        else:
            self._expect.append(attrs.evolve(expectation, within=within, at_ns=began_ns))
            self._flowing.append(is_flowing)

    def _expectation(self, what: str) -> Expectation | None:
        if (found := _NODE_WAIT.fullmatch(what)) is not None:
            return Expectation(node=found["node"], what={"connected": found["what"] == "connected"})
        for pattern, demand in _WAITS:
            if (found := pattern.fullmatch(what)) is not None:
                return Expectation(job=self._called(found["job"]), what=demand(found))
        return None

    def expectations(self) -> list[Expectation]:
        """What was waited for; instants are left out where the order alone says the same."""
        last_ns = max([0, *(job.at_ns for job in self.jobs), *(action.at_ns for action in self.actions)])
        found = list(self._expect)
        for place in range(len(found) - 1, -1, -1):
            began_ns = found[place].at_ns
            if not self._flowing[place] or began_ns is None or began_ns < last_ns:
                break
            found[place] = attrs.evolve(found[place], at_ns=None)
        return found

    async def advance(self, duration_ns: int) -> None:
        await self._world.advance(duration_ns)

    def snapshot(self) -> bytes:
        self.left_out.append("a snapshot")
        return self._world.snapshot()
