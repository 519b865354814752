"""A cluster in this process with the real engines, in real time, as a script's world: faults work there, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from devstack.checkers import Violation
from devstack.cluster import SIMULATED_CAPACITY
from devstack.compute.config import ComputeConfig
from devstack.errors import ConflictError
from devstack.live import LiveStack, StackOptions, open_stack
from devstack.models.gotext import SECOND_NS
from devstack.models.job import Job
from devstack.runtime.pace import RealTimePace
from devstack.scenario.decorator import Scenario
from devstack.scenario.elsewhere import PlayedOutcome, play, refuse
from devstack.scenario.results import fetched_files
from devstack.scenario.run import RunOptions
from devstack.scenario.settings import shaped
from devstack.scenario.simulated import execution_view, job_view, node_views
from devstack.scenario.world import ExecutionView, JobView, NodeView, World

__all__ = ["RealWorld", "run_real"]

LOOK_EVERY_S: Final = 0.01


class RealWorld:
    """One live stack, looked at from inside."""

    name = "real engines in this process"

    def __init__(self, stack: LiveStack) -> None:
        self._cluster = stack.cluster
        self._pace: RealTimePace = stack.pace
        self._faults = stack.faults
        self._start_ns = self._pace.now_ns()
        self._job_ids: list[str] = []

    @property
    def now_ns(self) -> int:
        return self._pace.now_ns() - self._start_ns

    def job_ids(self) -> list[str]:
        """The jobs that the script has handed in, in that order."""
        return list(self._job_ids)

    async def submit(self, job: Job) -> str:
        self._job_ids.append(self._pace.ask(self._cluster.submit, job).record.job.id)
        return self._job_ids[-1]

    async def stop(self, job_id: str, reason: str) -> None:
        self._pace.ask(self._cluster.stop, job_id, reason)

    async def change_node(self, node_id: str, action: str) -> None:
        error = self._pace.ask(self._cluster.change_node, node_id, action)
        if error:
            raise ConflictError(f"cannot {action} {node_id}: {error}")

    def job(self, job_id: str) -> JobView:
        return job_view(self._cluster, job_id)

    def executions(self, job_id: str) -> Sequence[ExecutionView]:
        return [execution_view(one) for one in self._cluster.requester.store.job(job_id).executions.values()]

    async def results(self, execution: ExecutionView) -> dict[str, bytes]:
        return await fetched_files(execution.result_url)

    def nodes(self) -> Sequence[NodeView]:
        return node_views(self._cluster)

    def inject(self, fault: Any) -> None:
        self._pace.ask(self._faults.inject, fault)

    async def wait(self, what: str, is_met: Callable[[], bool], job_ids: Sequence[str] = ()) -> None:
        while not is_met():
            await trio.sleep(LOOK_EVERY_S)

    async def advance(self, duration_ns: int) -> None:
        await trio.sleep(duration_ns / SECOND_NS)

    def snapshot(self) -> bytes:
        raise refuse("a snapshot", self.name)


def run_real(scenario: Scenario, options: RunOptions) -> PlayedOutcome:
    """Run the scenario against a stack of its own with Docker and Wasm, in real time.

    The checkers look on, and once more when the script is over. What must come true only after a quiet time is not
    asked for: nobody wants to wait for that.
    """
    seed = scenario.seed if options.seed is None else options.seed
    stack = StackOptions(
        nodes=scenario.nodes if options.nodes is None else options.nodes,
        port=0,
        seed=seed,
        behaviour=options.behaviour or scenario.behaviour,
        capacity=SIMULATED_CAPACITY,
        docker=options.docker != "off",
        docker_mode="live" if options.docker == "off" else options.docker,
        cassettes=options.cassettes or Path(scenario.file).parent / "cassettes",
        reshape=_Reshape(scenario),
        requester_settings=dict(scenario.requester),
    )

    violations: list[Violation] = []

    async def opening(in_world: Callable[[World, Callable[[], Sequence[str]]], Awaitable[None]]) -> None:
        async with open_stack(stack) as opened:
            world = RealWorld(opened)
            for fault in (*scenario.faults, *options.faults):
                world.inject(fault)
            try:
                await in_world(world, world.job_ids)
            finally:
                opened.pace.catch_up()
                opened.checkers.judge()
                violations.extend(opened.checkers.violations)

    outcome = play(scenario, seed, RealWorld.name, opening)
    return outcome.with_violations(violations) if options.checkers else outcome


@attrs.frozen
class _Reshape:
    """Gives each node the shape that the scenario wants of it."""

    scenario: Scenario

    def __call__(self, config: ComputeConfig) -> ComputeConfig:
        return shaped(config, self.scenario.shapes)
