"""Runs wasm tasks: lays out files, drives the guest, keeps the results. Source: compute reference 6."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TypeVar

import trio

from devstack.adapters.wasm.pace import Pace, TrioPace, aside
from devstack.adapters.wasm.run import DEFAULT_FUEL_LIMIT, WasmRun, stream_of_execution
from devstack.adapters.wasm.spec import read_spec
from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.models.execution import RunCommandResult
from devstack.models.job import Task
from devstack.models.resources import Resources
from devstack.runtime.ports import Output, RunRequest

__all__ = ["DEFAULT_FUEL_LIMIT", "WasmExecutor"]

_T = TypeVar("_T")


def _say_nothing(_execution_id: str) -> None:
    return None


class WasmExecutor:
    """The engine `wasm`.

    Args:
        pace: How time passes; without one, trio's clock in real time.
        fuel_limit: Units of fuel a module may burn between two host calls before it is taken as endless.
        ns_per_1000_fuel: The node's speed; 1000 makes one unit of fuel a nanosecond.
        random_of: The guest's stream of randomness, by execution id.
        on_endless: Told the execution whose module was stopped at the fuel limit (its timeout ends it later).
    """

    key = "wasm"

    def __init__(
        self,
        behaviour: Behaviour = DOCUMENTED,
        pace: Pace | None = None,
        *,
        fuel_limit: int = DEFAULT_FUEL_LIMIT,
        ns_per_1000_fuel: int = 1000,
        random_of: Callable[[str], Random] = stream_of_execution,
        on_endless: Callable[[str], None] = _say_nothing,
    ) -> None:
        self._behaviour = behaviour
        self._pace: Pace = pace or TrioPace()
        self._fuel_limit = fuel_limit
        self._ns_per_1000_fuel = ns_per_1000_fuel
        self._random_of = random_of
        self._on_endless = on_endless

    async def unavailable_reason(self) -> str:
        try:
            import wasmtime  # noqa: F401
        except (ImportError, OSError, RuntimeError) as exc:
            return f"wasmtime cannot be loaded: {exc}"
        return ""

    async def assess(self, task: Task, resources: Resources) -> str:
        read_spec(task)
        return ""

    async def run(self, request: RunRequest, output: Output) -> RunCommandResult:
        run = WasmRun(request, output, self._behaviour)
        try:
            await self._aside_with_files(run, run.lay_out)
            return await self._run(run, request.execution_id)
        finally:
            if not run.remove_if_empty():
                with trio.CancelScope(shield=True):
                    await aside(self._pace, run.remove)

    async def _run(self, run: WasmRun, execution_id: str) -> RunCommandResult:
        from devstack.adapters.wasm.drive import run_guest

        guest = run.guest(
            start_ns=self._pace.now_ns(),
            random=self._random_of(execution_id),
            fuel_limit=self._fuel_limit,
            ns_per_1000_fuel=self._ns_per_1000_fuel,
        )
        finished = await run_guest(guest, self._pace, lambda: self._on_endless(execution_id))
        return await self._aside_with_files(run, partial(run.result, finished))

    async def _aside_with_files(self, run: WasmRun, work: Callable[[], _T]) -> _T:
        """Work that takes no time unless there are files to move: a thread costs more than all the rest of it."""
        return await aside(self._pace, work) if run.has_files else work()
