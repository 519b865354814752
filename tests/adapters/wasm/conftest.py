"""Runs modules written as WAT through the real executor, by default in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import wasmtime

from devstack.adapters.wasm import WasmExecutor
from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.models.execution import RunCommandResult
from devstack.models.job import Job, ResultPath, SpecConfig, Task
from devstack.models.resources import Resources
from devstack.runtime.ports import STDERR, STDOUT, PreparedInput, RunRequest


@attrs.define
class VirtualPace:
    """Time that jumps to whatever is waited for."""

    time_ns: int = 0
    is_virtual: bool = True

    def now_ns(self) -> int:
        return self.time_ns

    async def sleep_until(self, instant_ns: int) -> None:
        self.time_ns = max(self.time_ns, instant_ns)


@attrs.define
class MemoryOutput:
    """Keeps what was written, write by write."""

    writes: list[tuple[int, bytes]] = attrs.field(factory=list)

    def write(self, stream: int, data: bytes) -> None:
        self.writes.append((stream, data))

    def text(self, stream: int) -> str:
        return b"".join(data for kind, data in self.writes if kind == stream).decode(errors="replace")

    def result(self, exit_code: int, error_msg: str = "") -> RunCommandResult:
        return RunCommandResult(self.text(STDOUT), False, self.text(STDERR), False, exit_code, error_msg)


@attrs.frozen
class Ran:
    result: RunCommandResult
    output: MemoryOutput
    elapsed_ns: int
    results_dir: Path


@attrs.define
class Bench:
    """Where modules are put and run."""

    folder: Path
    pace: VirtualPace = attrs.field(factory=VirtualPace)
    modules: int = 0

    def module(self, wat: str, alias: str = "") -> PreparedInput:
        self.modules += 1
        path = self.folder / f"module-{self.modules}.wasm"
        path.write_bytes(wasmtime.wat2wasm(wat))
        return PreparedInput(path, "", alias)

    def request(
        self,
        *wats: str,
        params: dict[str, Any] | None = None,
        aliases: tuple[str, ...] = (),
        execution_id: str = "e-1",
        results: tuple[ResultPath, ...] = (),
        inputs: tuple[PreparedInput, ...] = (),
        memory_bytes: int = 0,
        environment: dict[str, str] | None = None,
    ) -> RunRequest:
        sources = [
            {"Source": {"Type": "inline", "Params": {"URL": "data:"}}, "Alias": alias}
            for alias in aliases or ("",) * len(wats)
        ]
        all_params = {"EntryModule": sources[0] if sources else None, "ImportModules": sources[1:], **(params or {})}
        results_dir = self.folder / execution_id
        results_dir.mkdir(exist_ok=True)
        return RunRequest(
            "stack",
            "node-1",
            execution_id,
            Job(tasks=(Task(engine=SpecConfig("wasm", all_params), result_paths=results),)),
            Resources(memory_bytes=memory_bytes),
            results_dir,
            inputs,
            tuple(self.module(wat) for wat in wats),
            environment or {},
        )

    async def run(self, *wats: str, behaviour: Behaviour = DOCUMENTED, **wanted: Any) -> Ran:
        return await self.run_request(self.request(*wats, **wanted), behaviour)

    async def run_request(
        self, request: RunRequest, behaviour: Behaviour = DOCUMENTED, modules: tuple[PreparedInput, ...] | None = None
    ) -> Ran:
        started_ns = self.pace.now_ns()
        output = MemoryOutput()
        request = attrs.evolve(request, modules=request.modules if modules is None else modules)
        result = await WasmExecutor(behaviour, self.pace).run(request, output)
        return Ran(result, output, self.pace.now_ns() - started_ns, request.results_dir)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def memory_output() -> MemoryOutput:
    return MemoryOutput()


_PRELUDE = """
(module $test
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_res_get" (func $resolution (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func $say_to (param $stream i32) (param $text i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $text))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $say (param $text i32) (param $length i32)
    (call $say_to (i32.const 1) (local.get $text) (local.get $length)))
  (func $sleep (param $ns i64)
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (local.get $ns))
    (drop (call $poll (i32.const 128) (i32.const 192) (i32.const 1) (i32.const 16))))
  (func $say_time
    (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 32)))
    (call $say (i32.const 32) (i32.const 8)))
  (func $open (param $path i32) (param $length i32) (param $flags i32) (param $rights i64) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $path) (local.get $length)
          (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 16))
      (then (call $exit (i32.const 44))))
    (i32.load (i32.const 16)))
"""


@pytest.fixture
def program() -> Callable[[str], str]:
    """The WAT of a module with that body of `_start`, some helpers, and more definitions if needed."""

    def wat(body: str, more: str = "") -> str:
        return f'{_PRELUDE}{more}(func $main (export "_start") {body}))'

    return wat
