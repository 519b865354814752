"""Engines that keep what they do as cassettes, and one that only plays cassettes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs
import trio

from devstack.adapters.cassette.cassette import Recorded
from devstack.adapters.cassette.library import CassetteLibrary
from devstack.adapters.cassette.recipe import Recipe, recipe_of
from devstack.adapters.wasm.pace import Pace, TrioPace
from devstack.errors import AdapterError
from devstack.models.execution import RunCommandResult
from devstack.models.job import Task
from devstack.models.resources import Resources
from devstack.runtime.ports import STDERR, STDOUT, Executor, Output, RunRequest

__all__ = ["RecordingExecutor", "ReplayingExecutor", "play"]

MILLISECOND_NS: Final = 1_000_000
# What a cassette keeps: it is to be committed and read by people.
STREAM_BYTES: Final = 256 * 1024
FILE_BYTES: Final = 64 * 1024
FILES_BYTES: Final = 1024 * 1024


class RecordingExecutor:
    """An engine whose every run is kept; one that somebody ends is kept as a program that goes on.

    Args:
        inner: What really runs the task.
        image_id: Tells which image a reference means now.
    """

    def __init__(
        self, inner: Executor, library: CassetteLibrary, image_id: Callable[[str], Awaitable[str]] | None = None
    ) -> None:
        self._inner, self._library, self._image_id = inner, library, image_id

    @property
    def key(self) -> str:
        return self._inner.key

    async def unavailable_reason(self) -> str:
        return await self._inner.unavailable_reason()

    async def assess(self, task: Task, resources: Resources) -> str:
        return await self._inner.assess(task, resources)

    async def run(self, request: RunRequest, output: Output) -> RunCommandResult:
        recipe = await trio.to_thread.run_sync(recipe_of, request)
        tee = _Tee(output)
        started_ns = time.monotonic_ns()
        try:
            result = await self._inner.run(request, tee)
        except trio.Cancelled:
            if self._library.find(recipe) is None:
                with suppress(AdapterError):  # A full disk must not keep the program from being ended.
                    self._library.keep(recipe, tee.unended(_elapsed_ns(started_ns)))
            raise
        recorded = tee.recorded(result, _elapsed_ns(started_ns))
        await self._keep(recipe, request, recorded)
        return result

    async def _keep(self, recipe: Recipe, request: RunRequest, recorded: Recorded) -> None:
        files, left_out = await trio.to_thread.run_sync(_result_files, request)
        image_id = ""
        if self._image_id is not None:
            with suppress(AdapterError):
                image_id = await self._image_id(str(recipe.parts["image"]))
        whole = attrs.evolve(recorded, files=files, left_out=left_out, image_id=image_id)
        await trio.to_thread.run_sync(self._library.keep, recipe, whole)


class ReplayingExecutor:
    """The engine `docker` without an engine: each run takes as long as it took, and does what it did."""

    key: Final = "docker"

    def __init__(self, library: CassetteLibrary, pace: Pace | None = None) -> None:
        self._library = library
        self._pace: Pace = pace or TrioPace()

    async def unavailable_reason(self) -> str:
        return ""

    async def assess(self, task: Task, resources: Resources) -> str:
        return ""  # The inputs are part of the key, and are not here yet.

    async def run(self, request: RunRequest, output: Output) -> RunCommandResult:
        recorded = self._library.get(recipe_of(request))
        if not recorded.ends:
            await trio.sleep_forever()
        await self._pace.sleep_until(self._pace.now_ns() + recorded.duration_ns)
        return play(recorded, request.results_dir, output)


class _Tee:
    """Hands output on and keeps its beginning."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._kept = {STDOUT: bytearray(), STDERR: bytearray()}

    def write(self, stream: int, data: bytes) -> None:
        kept = self._kept[stream]
        kept += data[: STREAM_BYTES - len(kept)]
        self._output.write(stream, data)

    def result(self, exit_code: int, error_msg: str = "") -> RunCommandResult:
        return self._output.result(exit_code, error_msg)

    def recorded(self, result: RunCommandResult, duration_ns: int) -> Recorded:
        return Recorded(result.exit_code, duration_ns, *self._texts(), error=result.error_msg)

    def unended(self, duration_ns: int) -> Recorded:
        return Recorded(-1, duration_ns, *self._texts(), ends=False)

    def _texts(self) -> tuple[bytes, bytes]:
        return bytes(self._kept[STDOUT]), bytes(self._kept[STDERR])


def _elapsed_ns(started_ns: int) -> int:
    """Whole milliseconds, at least one: more digits would only look as if they meant something."""
    elapsed_ms = (time.monotonic_ns() - started_ns + MILLISECOND_NS // 2) // MILLISECOND_NS
    return max(1, elapsed_ms) * MILLISECOND_NS


def _result_files(request: RunRequest) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The contents of the small result files by path, and the paths of the others."""
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    room_bytes = FILES_BYTES
    for path in _paths(request):
        name = path.relative_to(request.results_dir).as_posix()
        data = _small(path, min(FILE_BYTES, room_bytes))
        if data is None:
            left_out.append(name)
        else:
            files[name] = data
            room_bytes -= len(data)
    return files, tuple(left_out)


def _small(path: Path, limit_bytes: int) -> bytes | None:
    try:
        return None if path.stat().st_size > limit_bytes else path.read_bytes()
    except OSError:  # The program's user may have closed it to others.
        return None


def _paths(request: RunRequest) -> Iterator[Path]:
    """The ordinary files in the result folders."""
    for result in sorted(request.task.result_paths, key=lambda one: one.name):
        folder = request.results_dir / result.name.lstrip("/")
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def play(recorded: Recorded, results_dir: Path, output: Output) -> RunCommandResult:
    """Leave what the program has left: its output, its files and its result.

    Raises:
        AdapterError: a file cannot be written.
    """
    output.write(STDOUT, recorded.stdout)
    output.write(STDERR, recorded.stderr)
    write_files(results_dir, recorded)
    return output.result(recorded.exit_code, recorded.error)


def write_files(results_dir: Path, recorded: Recorded) -> None:
    """Put the recorded result files in their places.

    Raises:
        AdapterError: one cannot be written, or would lie elsewhere.
    """
    try:
        for name, data in recorded.files.items():
            path = (results_dir / name).resolve()
            if not path.is_relative_to(results_dir.resolve()):
                raise AdapterError(f"a cassette's result file lies outside of the results: {name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as exc:
        raise AdapterError(f"cannot write the recorded result files: {exc}") from None
