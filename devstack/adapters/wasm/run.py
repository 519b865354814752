"""One run of a wasm task, from its files to its result, whoever lets its time pass.

run = WasmRun(request, output, behaviour)
run.lay_out()
guest = run.guest(start_ns=..., random=...)
...                                 # the guest's steps, until it has finished
result = run.result(finished)
run.remove()                        # in any case
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Final

import attrs

from devstack.adapters.wasm.filesystem import GuestRoot, Layout
from devstack.adapters.wasm.program import ModuleFile, Program
from devstack.adapters.wasm.spec import WasmSpec, memory_limit_bytes, read_spec
from devstack.behaviour import Behaviour
from devstack.errors import AdapterError
from devstack.models.execution import RunCommandResult
from devstack.models.job import InputSource
from devstack.runtime.ports import STDERR, STDOUT, Output, PreparedInput, RunRequest

if TYPE_CHECKING:
    from devstack.adapters.wasm.guest import Finished, Guest

__all__ = ["DEFAULT_FUEL_LIMIT", "WasmRun", "stream_of_execution"]

DEFAULT_FUEL_LIMIT: Final = 10**10
_DEFAULT_ENTRY_POINT: Final = "_start"
_SHOWN_BYTES: Final = 2048


def stream_of_execution(execution_id: str) -> Random:
    """The guest's own stream of randomness."""
    return Random(int.from_bytes(sha256(execution_id.encode()).digest(), "big"))


class WasmRun:
    """The files, the module and the result of one run; every method blocks.

    Raises:
        AdapterError: from any of them, when the task cannot be run.
    """

    def __init__(self, request: RunRequest, output: Output, behaviour: Behaviour) -> None:
        self._request = request
        self._behaviour = behaviour
        self._writes = _Writes(output)
        self._output = output
        self._spec = read_spec(request.task)
        self._memory_bytes = memory_limit_bytes(request.resources)
        self._root = GuestRoot(self._layout(), request.results_dir)

    def lay_out(self) -> None:
        """Put the inputs where the module looks for them."""
        self._root.fill()

    def guest(
        self, *, start_ns: int, random: Random, fuel_limit: int = DEFAULT_FUEL_LIMIT, ns_per_1000_fuel: int = 1000
    ) -> Guest:
        """The module, ready to run."""
        from devstack.adapters.wasm.engine import shared_engine
        from devstack.adapters.wasm.guest import Guest

        return Guest(
            self._program(),
            shared_engine(),
            start_ns=start_ns,
            random=random,
            write=self._writes.write,
            fuel_limit=fuel_limit,
            ns_per_1000_fuel=ns_per_1000_fuel,
        )

    def result(self, finished: Finished) -> RunCommandResult:
        """Keep the result folders, and say how it ended."""
        self._root.move_results()
        result = self._output.result(finished.exit_code, finished.error_msg)
        return self._writes.with_first_only(result) if self._behaviour.on("wasm-first-write-only") else result

    @property
    def has_files(self) -> bool:
        """Whether there is anything to lay out, or to keep."""
        return bool(self._request.inputs or self._request.task.result_paths)

    def remove(self) -> None:
        """Take away the module's own folder."""
        self._root.remove()

    def remove_if_empty(self) -> bool:
        """The same at once, if the module has left nothing in it; whether it is gone."""
        return self._root.remove_if_empty()

    def _layout(self) -> Layout:
        return Layout.of(
            self._request.inputs,
            self._request.task.result_paths,
            results_by_name=self._behaviour.on("wasm-results-by-name"),
            url_input_at_target=self._behaviour.on("wasm-url-input-at-target"),
        )

    def _program(self) -> Program:
        request, spec, behaviour = self._request, self._spec, self._behaviour
        modules = _module_files(request, spec)
        no_entry_point = "" if behaviour.on("wasm-entry-point-required") else _DEFAULT_ENTRY_POINT
        return Program(
            modules[0],
            tuple(modules[1:]),
            {one.target: one.path for one in request.inputs} | {one.alias: one.path for one in request.inputs},
            spec.entry_point or no_entry_point,
            spec.parameters,
            self._environment(),
            self._root.path,
            self._memory_bytes,
            return_code=-1 if behaviour.on("wasm-return-is-minus-one") else 0,
            needs_name_section=behaviour.on("wasm-name-section-required"),
        )

    def _environment(self) -> tuple[tuple[str, str], ...]:
        of_task = {} if self._behaviour.on("task-env-ignored") else self._request.environment
        return tuple(sorted({**self._spec.environment, **of_task}.items()))


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
