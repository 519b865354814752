"""A scenario in a world that is not simulated: played in real time, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter_ns
from typing import Any

import attrs
import trio

from devstack.checkers import Violation
from devstack.errors import UsageError
from devstack.scenario.decorator import Scenario
from devstack.scenario.handles import ClusterHandle
from devstack.scenario.run import Verdict, judged
from devstack.scenario.world import ExecutionView, JobView, World

__all__ = ["JobEnd", "PlayedOutcome", "ends_of", "play", "refuse"]


@attrs.frozen
class JobEnd:
    """How a job stood when the script was over."""

    job: JobView
    executions: Sequence[ExecutionView]

    def counts(self) -> dict[str, int]:
        """How many executions are in which state."""
        states = [execution.state.text for execution in self.executions]
        return {state: states.count(state) for state in sorted(set(states))}


@attrs.frozen
class PlayedOutcome:
    """What came of a scenario; `jobs` are in the order in which they were handed in."""

    scenario: str
    world: str
    verdict: Verdict
    message: str
    where: str
    elapsed_ns: int
    jobs: Sequence[JobEnd]
    violations: Sequence[Violation] = ()

    def with_violations(self, violations: Sequence[Violation]) -> PlayedOutcome:
        """The outcome when these rules did not hold: a run that had passed has failed."""
        if violations and self.verdict is Verdict.PASSED:
            self = attrs.evolve(self, verdict=Verdict.FAILED, message=str(violations[0]))
        return attrs.evolve(self, violations=tuple(violations))

    def plain_jobs(self) -> list[dict[str, Any]]:
        return [
            {"id": end.job.id, "type": end.job.type, "state": end.job.state.text, "message": end.job.message,
             "executions": end.counts()}
            for end in self.jobs
        ]  # fmt: skip

    def lines(self) -> list[str]:
        """One line a job."""
        return [
            f"{end.job.id[:10]} {end.job.type:8} {end.job.state.text:10} "
            + ", ".join(f"{count} {state}" for state, count in end.counts().items())
            + (f": {end.job.message}" if end.job.message else "")
            for end in self.jobs
        ]


def ends_of(world: World, job_ids: Sequence[str]) -> list[JobEnd]:
    """How the jobs stand now."""
    return [JobEnd(world.job(job_id), list(world.executions(job_id))) for job_id in job_ids]


Opening = Callable[[Callable[[World, Callable[[], Sequence[str]]], Awaitable[None]]], Awaitable[None]]


def play(scenario: Scenario, seed: int, world_name: str, opening: Opening) -> PlayedOutcome:
    """Play the script in the world that `opening` opens, hands over with a list of the jobs in it, and closes."""
    started_ns, jobs = perf_counter_ns(), list[JobEnd]()

    async def in_world(world: World, job_ids: Callable[[], Sequence[str]]) -> None:
        try:
            await scenario.script(ClusterHandle(world, seed))
        finally:
            jobs.extend(ends_of(world, job_ids()))

    verdict, message, where = judged(lambda: trio.run(opening, in_world), scenario.file)
    return PlayedOutcome(scenario.name, world_name, verdict, message, where, perf_counter_ns() - started_ns, jobs)


def refuse(what: str, world: str) -> UsageError:
    return UsageError(f"{what} is not possible on {world}", "run the scenario simulated for that")
