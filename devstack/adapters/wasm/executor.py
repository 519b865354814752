"""Runs wasm tasks: lays out files, drives the guest, keeps the results. Source: compute reference 6."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Final

import attrs
import trio

from devstack.adapters.wasm.filesystem import GuestRoot, Layout
from devstack.adapters.wasm.pace import Pace, TrioPace, aside
from devstack.adapters.wasm.program import ModuleFile, Program
from devstack.adapters.wasm.spec import WasmSpec, memory_limit_bytes, read_spec
from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.errors import AdapterError
from devstack.models.execution import RunCommandResult
from devstack.models.job import InputSource, Task
from devstack.models.resources import Resources
from devstack.runtime.ports import STDERR, STDOUT, Output, PreparedInput, RunRequest

if TYPE_CHECKING:
    from devstack.adapters.wasm.guest import Guest

__all__ = ["DEFAULT_FUEL_LIMIT", "WasmExecutor"]

DEFAULT_FUEL_LIMIT: Final = 10**10
_DEFAULT_ENTRY_POINT: Final = "_start"
_SHOWN_BYTES: Final = 2048


def _stream_of_execution(execution_id: str) -> Random:
    return Random(int.from_bytes(sha256(execution_id.encode()).digest(), "big"))


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
        random_of: Callable[[str], Random] = _stream_of_execution,
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
        spec = read_spec(request.task)
        memory_bytes = memory_limit_bytes(request.resources)
        root = GuestRoot(self._layout(request), request.results_dir)
        try:
            await aside(self._pace, root.fill)
            program = self._program(request, spec, root, memory_bytes)
            return await self._run(program, root, request.execution_id, output)
        finally:
            with trio.CancelScope(shield=True):
                await aside(self._pace, root.remove)

    async def _run(self, program: Program, root: GuestRoot, execution_id: str, output: Output) -> RunCommandResult:
        from devstack.adapters.wasm.drive import run_guest

        writes = _Writes(output)
        guest = self._guest(program, execution_id, writes)
        finished = await run_guest(guest, self._pace, lambda: self._on_endless(execution_id))
        await aside(self._pace, root.move_results)
        result = output.result(finished.exit_code, finished.error_msg)
        return writes.with_first_only(result) if self._behaviour.on("wasm-first-write-only") else result

    def _guest(self, program: Program, execution_id: str, writes: _Writes) -> Guest:
        from devstack.adapters.wasm.engine import shared_engine
        from devstack.adapters.wasm.guest import Guest

        return Guest(
            program,
            shared_engine(),
            start_ns=self._pace.now_ns(),
            random=self._random_of(execution_id),
            write=writes.write,
            fuel_limit=self._fuel_limit,
            ns_per_1000_fuel=self._ns_per_1000_fuel,
        )

    def _layout(self, request: RunRequest) -> Layout:
        return Layout.of(
            request.inputs,
            request.task.result_paths,
            results_by_name=self._behaviour.on("wasm-results-by-name"),
            url_input_at_target=self._behaviour.on("wasm-url-input-at-target"),
        )

    def _program(self, request: RunRequest, spec: WasmSpec, root: GuestRoot, memory_bytes: int) -> Program:
        modules = _module_files(request, spec)
        no_entry_point = "" if self._behaviour.on("wasm-entry-point-required") else _DEFAULT_ENTRY_POINT
        return Program(
            modules[0],
            tuple(modules[1:]),
            {one.target: one.path for one in request.inputs} | {one.alias: one.path for one in request.inputs},
            spec.entry_point or no_entry_point,
            spec.parameters,
            self._environment(request, spec),
            root.path,
            memory_bytes,
            return_code=-1 if self._behaviour.on("wasm-return-is-minus-one") else 0,
            needs_name_section=self._behaviour.on("wasm-name-section-required"),
        )

    def _environment(self, request: RunRequest, spec: WasmSpec) -> tuple[tuple[str, str], ...]:
        of_task = {} if self._behaviour.on("task-env-ignored") else request.environment
        return tuple(sorted({**spec.environment, **of_task}.items()))


def _module_files(request: RunRequest, spec: WasmSpec) -> list[ModuleFile]:
    """The entry module and the import modules: each prepared for itself, or one of the inputs."""
    prepared = iter(request.modules)
    return [_module_file(module, prepared, request) for module in (spec.entry_module, *spec.import_modules)]


def _module_file(module: InputSource | str, prepared: Iterator[PreparedInput], request: RunRequest) -> ModuleFile:
    if isinstance(module, InputSource):
        source_type = module.source.type if module.source else ""
        return ModuleFile(next(prepared).path, module.alias, source_type)
    for one in request.inputs:
        if module in (one.target, one.input_target, one.alias):
            return ModuleFile(one.path, one.alias or module, "input")
    raise AdapterError(f"no input has the target {module!r}, which is to be a wasm module")


class _Writes:
    """Hands output on, and remembers the first write of each stream, which is all that v1.4.0 shows."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._first: dict[int, bytes] = {}

    def write(self, stream: int, data: bytes) -> None:
        self._first.setdefault(stream, data[:_SHOWN_BYTES])
        self._output.write(stream, data)

    def with_first_only(self, result: RunCommandResult) -> RunCommandResult:
        return attrs.evolve(result, stdout=self._text(STDOUT), stderr=self._text(STDERR))

    def _text(self, stream: int) -> str:
        return self._first.get(stream, b"").decode(errors="replace")
