"""The live shell: it performs each action with the adapters, one task an action, and posts what came of it.

It decides nothing. Cancelling a task ends what it was doing: an engine kills its program, a source removes what it
had fetched.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from devstack.compute.actions import (
    Assess,
    Assessed,
    BidFacts,
    Discard,
    Prepare,
    Prepared,
    Publish,
    Published,
    RunFinished,
    StartRun,
    StepFailed,
    StopRun,
)
from devstack.compute.bidding import Answer
from devstack.errors import AdapterError
from devstack.machine import remove_tree
from devstack.models.event import Event, Topic
from devstack.models.job import InputSource, Job, Task
from devstack.models.sources import module_sources
from devstack.runtime.logs import LogBook
from devstack.runtime.output import RunOutput, write_result_files
from devstack.runtime.pace import RealTimePace
from devstack.runtime.ports import STDERR, STDOUT, Executor, PreparedInput, Probe, Publisher, RunRequest, Storage
from devstack.runtime.simulated import NOOP, SimulatedShell

__all__ = ["LiveShell"]

Step = Callable[[str, "Workspace", Any], Awaitable[None]]

RESULTS_MODE: Final = 0o777
_log: Final = logging.getLogger("devstack.runtime")


@attrs.define
class Workspace:
    """What one execution has on this machine while it lives."""

    node_id: str
    directory: Path
    inputs: tuple[PreparedInput, ...] = ()
    modules: tuple[PreparedInput, ...] = ()
    scope: trio.CancelScope | None = None
    steps_under_way: int = 0
    is_discarded: bool = False
    keeps_results: bool = False

    @property
    def results(self) -> Path:
        return self.directory / "results"


class LiveShell:
    """Performs the actions of all nodes of one stack."""

    def __init__(
        self,
        pace: RealTimePace,
        nursery: trio.Nursery,
        root: Path,
        stack_id: str,
        engines: Mapping[str, Executor],
        storages: Mapping[str, Storage],
        publishers: Mapping[str, Publisher],
        logs: LogBook,
        task_env_reaches_program: bool = True,
        probes: Mapping[str, Sequence[Probe]] | None = None,
    ) -> None:
        self._pace, self._nursery, self._root, self._stack_id = pace, nursery, root, stack_id
        self._engines, self._storages, self._publishers, self._logs = engines, storages, publishers, logs
        self._task_env = task_env_reaches_program
        self._probes = probes or {}
        self._simulated = SimulatedShell(pace.cluster.kernel)
        self._workspaces: dict[str, Workspace] = {}
        self._power_cuts = 0

    def perform(self, node_id: str, action: Any) -> None:
        """Begin the action."""
        match action:
            case Assess():
                self._assess(node_id, action)
            case Prepare():
                self._begin(node_id, action.execution_id, self._prepare, action)
            case StartRun():
                self._start(node_id, action)
            case Publish():
                self._begin(node_id, action.execution_id, self._publish, action)
            case StopRun():
                self._stop(node_id, action)
            case Discard():
                self._discard(node_id, action)

    def power_cut(self, node_id: str) -> None:
        """End everything that runs on the node; nothing of it is reported."""
        self._simulated.power_cut(node_id)
        # What the node begins after a restart gets folders of its own: the old ones are still being removed.
        self._power_cuts += 1
        for execution_id in [key for key, one in self._workspaces.items() if one.node_id == node_id]:
            workspace = self._workspaces.pop(execution_id)
            if workspace.scope is not None:
                workspace.scope.cancel()
            self._forget(execution_id, workspace)

    # ---- bidding -------------------------------------------------------------------------------------------

    def _assess(self, node_id: str, action: Assess) -> None:
        task = action.job.task
        if self._is_simulated(task) and not task.input_sources and node_id not in self._probes:
            self._simulated.perform(node_id, action)
        else:
            self._nursery.start_soon(self._assess_outside, node_id, action)

    async def _assess_outside(self, node_id: str, action: Assess) -> None:
        try:
            facts = await self._facts(node_id, action)
        except AdapterError as exc:
            facts = BidFacts(error=exc.message, hint=exc.hint)
        except Exception as exc:
            facts = BidFacts(error=_internal_error(action, exc))
        self._pace.post(node_id, Assessed(action.execution_id, facts))

    async def _facts(self, node_id: str, action: Assess) -> BidFacts:
        task, refusal = action.job.task, ""
        assert task.engine is not None
        if self._is_simulated(task):
            facts = self._simulated.facts(attrs.evolve(action.job, tasks=(attrs.evolve(task, input_sources=()),)))
            if facts.error:
                return facts
        elif (engine := self._engines.get(task.engine.key)) is not None:
            refusal = await engine.assess(task, action.resources)
        probe = await self._probe(node_id, action.job)
        return attrs.evolve(await self._input_facts(task), engine_refusal=refusal, probe=probe)

    async def _probe(self, node_id: str, job: Job) -> Answer | None:
        """What the probes say together: the first that does not take the job decides."""
        answer = None
        for probe in self._probes.get(node_id, ()):
            answer = await probe.ask(node_id, job)
            if answer.waits or not answer.bids:
                return answer
        return answer

    async def _input_facts(self, task: Task) -> BidFacts:
        """How big the inputs are, and how many would have to be fetched. A source that is not here is refused later."""
        size_bytes, remote = 0, 0
        sources = [source.source for source in task.input_sources if source.source is not None]
        for source in sources:
            if (storage := self._storages.get(source.key)) is not None:
                remote += not await storage.has_locally(source)
        try:
            for source in sources:
                if (storage := self._storages.get(source.key)) is not None:
                    size_bytes += await storage.size_bytes(source)
        except AdapterError as exc:
            prefix = "calculating resource usage of job: error getting job disk space requirements"
            return BidFacts(remote_inputs=remote, size_error=f"{prefix}: {exc.message}", hint=exc.hint)
        return BidFacts(input_bytes=size_bytes, remote_inputs=remote)

    # ---- running -------------------------------------------------------------------------------------------

    def _begin(self, node_id: str, execution_id: str, step: Step, action: Any) -> None:
        workspace = self._workspaces.get(execution_id)
        if workspace is None:
            folder = f"{execution_id}.{self._power_cuts}" if self._power_cuts else execution_id
            workspace = self._workspaces[execution_id] = Workspace(node_id, self._root / node_id / folder)
        workspace.scope = trio.CancelScope()
        workspace.steps_under_way += 1
        self._nursery.start_soon(self._step, node_id, workspace, workspace.scope, step, action)

    async def _step(self, node_id: str, workspace: Workspace, scope: trio.CancelScope, step: Step, action: Any) -> None:
        try:
            with scope:
                await step(node_id, workspace, action)
        except Exception as exc:
            # A mistake of ours costs the execution, not the stack.
            topic = Topic.PUBLISHING if isinstance(action, Publish) else Topic.RUNNING
            self._fail(node_id, action.execution_id, topic, _internal_error(action, exc))
        finally:
            workspace.steps_under_way -= 1
            if workspace.is_discarded:
                await self._remove(workspace)

    async def _prepare(self, node_id: str, workspace: Workspace, action: Prepare) -> None:
        try:
            if workspace.directory.exists():  # Left by a killed stack of the same seed.
                await trio.to_thread.run_sync(remove_tree, workspace.directory)
            await self._make_folders(workspace)
            task = action.job.task
            modules = module_sources(task)
            wanted = [*modules, *task.input_sources]
            prepared = await self._prepare_inputs(wanted, workspace.directory / "inputs")
        except AdapterError as exc:
            self._fail(node_id, action.execution_id, Topic.RUNNING, f"preparing arguments: {exc.message}", exc.hint)
            return
        workspace.modules = prepared[: len(modules)]
        workspace.inputs = prepared[len(modules) :]
        self._pace.post(node_id, Prepared(action.execution_id))

    async def _make_folders(self, workspace: Workspace) -> None:
        try:
            workspace.results.mkdir(parents=True, exist_ok=True)
            workspace.results.chmod(RESULTS_MODE)  # A container's user writes here.
        except OSError as exc:
            raise AdapterError(f"preparing results path: {exc}") from None

    async def _prepare_inputs(self, sources: list[InputSource], directory: Path) -> tuple[PreparedInput, ...]:
        prepared: list[PreparedInput | None] = [None] * len(sources)
        errors: list[tuple[int, AdapterError]] = []

        async def prepare(index: int, source: InputSource, nursery: trio.Nursery) -> None:
            try:
                prepared[index] = await self._prepare_one(source, directory / str(index))
            except AdapterError as exc:
                errors.append((index, exc))
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for index, source in enumerate(sources):
                nursery.start_soon(prepare, index, source, nursery)
        if errors:
            raise min(errors, key=lambda error: error[0])[1]
        return tuple(one for one in prepared if one is not None)

    async def _prepare_one(self, source: InputSource, directory: Path) -> PreparedInput:
        assert source.source is not None
        storage = self._storages.get(source.source.key)
        if storage is None:
            known = " ".join(sorted(self._storages))
            raise AdapterError(f"no matching key found on this server: {source.source.key}. Only supports [{known}]")
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise AdapterError(f"making room for the input {source.target}: {exc}") from None
        return await storage.prepare(source, directory)

    def _start(self, node_id: str, action: StartRun) -> None:
        task = action.job.task
        if self._is_simulated(task):
            self._simulated.perform(node_id, action)
            outcome = self._simulated.outcome(action.execution_id)
            if outcome is not None:
                log = self._logs.open(action.execution_id)
                log.write(STDOUT, outcome.stdout.encode())
                log.write(STDERR, outcome.stderr.encode())
        else:
            self._begin(node_id, action.execution_id, self._run, action)

    async def _run(self, node_id: str, workspace: Workspace, action: StartRun) -> None:
        task = action.job.task
        assert task.engine is not None
        engine = self._engines[task.engine.key]
        request = RunRequest(
            stack_id=self._stack_id,
            node_id=node_id,
            execution_id=action.execution_id,
            job=action.job,
            resources=action.resources,
            results_dir=workspace.results,
            inputs=workspace.inputs,
            modules=workspace.modules,
            environment=dict(task.env) if self._task_env else {},
        )
        log = self._logs.open(action.execution_id)
        try:
            with RunOutput(workspace.results, log) as output:
                result = await engine.run(request, output)
            self._pace.post(node_id, RunFinished(action.execution_id, result))
        except AdapterError as exc:
            self._fail(node_id, action.execution_id, Topic.RUNNING, exc.message, exc.hint)
        finally:
            log.close()

    async def _publish(self, node_id: str, workspace: Workspace, action: Publish) -> None:
        spec = action.job.task.publisher
        assert spec is not None
        publisher = self._publishers.get(spec.key)
        if publisher is None:
            reason = f"failed to get publisher {spec.type}: key is not installed: {spec.key}"
            self._fail(node_id, action.execution_id, Topic.PUBLISHING, reason)
            return
        try:
            if self._is_simulated(action.job.task):
                await self._write_simulated(workspace, action)
            published = await publisher.publish(spec, action.execution_id, action.job.id, node_id, workspace.results)
        except AdapterError as exc:
            reason = f"failed to publish result: {exc.message}"
            self._fail(node_id, action.execution_id, Topic.PUBLISHING, reason, exc.hint)
        else:
            self._pace.post(node_id, Published(action.execution_id, published))

    async def _write_simulated(self, workspace: Workspace, action: Publish) -> None:
        """The result files of a program that never ran."""
        outcome = self._simulated.outcome(action.execution_id)
        texts = (outcome.stdout, outcome.stderr) if outcome is not None else (None, None)
        await self._make_folders(workspace)
        await trio.to_thread.run_sync(write_result_files, workspace.results, action.result, *texts)

    def _fail(self, node_id: str, execution_id: str, topic: str, reason: str, hint: str = "") -> None:
        details = Event.of_error(reason, topic, 0, hint=hint).details
        self._pace.post(node_id, StepFailed(execution_id, topic, reason, details))

    # ---- ending --------------------------------------------------------------------------------------------

    def _stop(self, node_id: str, action: StopRun) -> None:
        self._simulated.perform(node_id, action)
        workspace = self._workspaces.get(action.execution_id)
        if workspace is not None and workspace.scope is not None:
            workspace.scope.cancel()

    def _discard(self, node_id: str, action: Discard) -> None:
        self._simulated.perform(node_id, action)
        workspace = self._workspaces.pop(action.execution_id, None)
        if workspace is not None:
            workspace.keeps_results = action.keep_results
        self._forget(action.execution_id, workspace)

    def _forget(self, execution_id: str, workspace: Workspace | None) -> None:
        """Close the execution's log, and remove its folders as soon as nothing uses them."""
        if (log := self._logs.get(execution_id)) is not None:
            log.close()
        if workspace is None:
            return
        workspace.is_discarded = True
        if not workspace.steps_under_way:
            self._nursery.start_soon(self._remove, workspace)

    @staticmethod
    async def _remove(workspace: Workspace) -> None:
        with trio.CancelScope(shield=True):
            unwanted = workspace.directory / "inputs" if workspace.keeps_results else workspace.directory
            await trio.to_thread.run_sync(remove_tree, unwanted)

    @staticmethod
    def _is_simulated(task: Task) -> bool:
        return task.engine is not None and task.engine.key == NOOP


def _internal_error(action: Any, error: Exception) -> str:
    """What the client reads of a mistake of ours, which is also put into the log."""
    _log.error("internal error in %s of %s", type(action).__name__, action.execution_id, exc_info=error)
    return f"internal error: {type(error).__name__}: {error}"
