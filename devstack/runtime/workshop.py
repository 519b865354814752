"""What real runs in virtual time have on this machine: folders, staged inputs and live wasm guests.

Nothing here is part of the simulated world: all of it can be made again from what the world remembers of a run, so a
copy of the world begins with an empty workshop.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from devstack.adapters.inline import InlineStorage
from devstack.adapters.object_store import SIMULATED, objects_of
from devstack.errors import AdapterError
from devstack.machine import remove_tree
from devstack.models.job import InputSource, Job, Task
from devstack.models.resources import Resources
from devstack.models.sources import module_sources
from devstack.runtime.output import RunOutput
from devstack.runtime.ports import PreparedInput, RunRequest
from devstack.runtime.published import PublishedResults, packed

if TYPE_CHECKING:
    from devstack.adapters.wasm.guest import Finished, Guest, Step
    from devstack.adapters.wasm.run import WasmRun
    from devstack.models.execution import RunCommandResult

__all__ = ["Bench", "LiveGuest", "Workshop", "check_sources", "input_facts"]

_INLINE: Final = InlineStorage()
_KILL_PATIENCE_S: Final = 1.0
_STACK_ID: Final = "scenario"


@attrs.define
class LiveGuest:
    """A wasm module under way, and what has to be cleared up after it."""

    run: WasmRun
    guest: Guest
    output: RunOutput

    def next_step(self) -> Step:
        """Let it go on to its next sleep or its end; everything else waits."""
        return self.guest.run_to_next()

    def result(self, finished: Finished) -> RunCommandResult:
        return self.run.result(finished)

    def end(self) -> None:
        """Stop it wherever it is."""
        if not self.guest.is_over:
            self.guest.kill()
            self.guest.join(_KILL_PATIENCE_S)
        self.output.close()
        self.run.remove()


@attrs.define
class Bench:
    """One execution's place: its folder, its inputs and, while it runs, its guest."""

    folder: Path
    inputs: tuple[PreparedInput, ...] = ()
    modules: tuple[PreparedInput, ...] = ()
    live: LiveGuest | None = None

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def request(
        self, node_id: str, execution_id: str, job: Job, resources: Resources, *, task_env: bool = True
    ) -> RunRequest:
        """What an engine is told of the run."""
        return RunRequest(
            stack_id=_STACK_ID,
            node_id=node_id,
            execution_id=execution_id,
            job=job,
            resources=resources,
            results_dir=self.results,
            inputs=self.inputs,
            modules=self.modules,
            environment=dict(job.task.env) if task_env else {},
        )


class Workshop:
    """The benches of one world; gone with it."""

    def __init__(self, published: PublishedResults) -> None:
        self._published = published
        self._benches: dict[str, Bench] = {}
        self._folders: list[Path] = []
        # A world that nobody closes still leaves nothing behind. (A frame that holds on to it may delay this.)
        self._end = weakref.finalize(self, _clear_up, self._benches, self._folders)

    def bench(self, execution_id: str, job: Job) -> Bench:
        """The execution's place, made and filled now if it is not there.

        Raises:
            AdapterError: an input cannot be had.
        """
        bench = self._benches.get(execution_id)
        if bench is None:
            bench = self._benches[execution_id] = Bench(self._new_folder(execution_id))
            bench.results.mkdir()
            modules = module_sources(job.task)
            sources = [*modules, *job.task.input_sources]
            staged = _stage(sources, bench.folder / "inputs", self._published)
            bench.modules, bench.inputs = staged[: len(modules)], staged[len(modules) :]
        return bench

    def empty_results(self, execution_id: str) -> None:
        """Take away what the program has left there so far."""
        results = self._benches[execution_id].results
        remove_tree(results)
        results.mkdir()

    def packed_results(self, execution_id: str) -> bytes:
        """The execution's results as a publisher packs them, without anything of this moment in it."""
        results = self._benches[execution_id].results
        _forget_times(results)
        os.utime(results, ns=(0, 0))
        return packed(results)

    def clear(self, execution_id: str) -> None:
        """End what runs there, and take its files away."""
        bench = self._benches.pop(execution_id, None)
        if bench is not None:
            _clear(bench)

    def close(self) -> None:
        """Leave nothing behind; the workshop may be used again."""
        _clear_up(self._benches, self._folders)

    def without_paths(self, text: str) -> str:
        """The text without the names of our folders, which no two runs share."""
        for folder in self._folders:
            text = text.replace(f"{folder}/", "").replace(str(folder), "")
        return text

    def _new_folder(self, execution_id: str) -> Path:
        try:
            if not self._folders:
                from devstack.folders import scenario_folder

                self._folders.append(scenario_folder())
            folder = self._folders[0] / execution_id
            folder.mkdir()
        except OSError as exc:
            raise AdapterError(f"cannot make a folder for a program's files: {exc.strerror}") from None
        return folder


def _clear(bench: Bench) -> None:
    if bench.live is not None:
        bench.live.end()
    remove_tree(bench.folder)


def _clear_up(benches: dict[str, Bench], folders: list[Path]) -> None:
    while benches:
        _clear(benches.popitem()[1])
    while folders:
        remove_tree(folders.pop())


def _stage(sources: Sequence[InputSource], folder: Path, published: PublishedResults) -> tuple[PreparedInput, ...]:
    staged = []
    for index, source in enumerate(sources):
        assert source.source is not None  # validation refuses an input without a source
        if source.source.key == SIMULATED:
            continue  # It has no bytes.
        place = folder / str(index)
        place.mkdir(parents=True)
        storage = published if published.holds(source.source) else _INLINE
        staged.append(storage.prepare_here(source, place))
        _forget_times(place)
    return tuple(staged)


def _forget_times(folder: Path) -> None:
    """Give all files the same time: a module may look at it, and no two runs are made at one."""
    for path in folder.rglob("*"):
        os.utime(path, ns=(0, 0), follow_symlinks=False)


def check_sources(task: Task, published: PublishedResults) -> None:
    """Refuse inputs that virtual time cannot have.

    Raises:
        AdapterError: one comes from a network or a disk, or is a simulated one that cannot be read.
    """
    objects_of(task)
    for one in (*module_sources(task), *task.input_sources):
        if (
            one.source is not None
            and one.source.key not in (_INLINE.key, SIMULATED)
            and not published.holds(one.source)
        ):
            raise AdapterError(
                f"an input of type {one.source.type!r} cannot be fetched in virtual time: it may be another one, or "
                "none, at the next run",
                "put it into the job as an inline source, take what a job of the scenario has published, or run the "
                "scenario with --engines real",
            )


def input_facts(task: Task, published: PublishedResults, node_id: str) -> tuple[int, int]:
    """The size of the inputs, and how many of them the node would have to fetch. Raises AdapterError."""
    objects = objects_of(task)
    sources: list[Any] = [
        one.source for one in task.input_sources if one.source is not None and one.source.key != SIMULATED
    ]
    remote = [source for source in sources if published.holds(source)]
    here = [source for source in sources if source not in remote]
    size_bytes = sum(published.size_bytes_here(source) for source in remote)
    size_bytes += sum(_INLINE.size_bytes_here(source) for source in here)
    size_bytes += sum(one.size_bytes for one in objects)
    return size_bytes, len(remote) + sum(node_id not in one.held_by for one in objects)
