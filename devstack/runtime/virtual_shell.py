"""The shell of virtual time: simulated programs as ever, real wasm modules, and containers from cassettes.

What really runs here runs at one instant of virtual time, while everything else stands still: a wasm guest to its next
sleep or its end, a container that is recorded to its end. What came of it enters the queue at its own virtual time.

What the world remembers of such a run is plain data: the job, when it began, and how many steps it has taken. A module
learns nothing but its inputs, its own time and its own stream of chance, so a copy of the world runs it again to where
it was.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from devstack.adapters.object_store import objects_of, transfer_ns
from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.compute.actions import (
    Assess,
    Assessed,
    BidFacts,
    Discard,
    Prepare,
    Prepared,
    Publish,
    RunFinished,
    StartRun,
    StepFailed,
    StopRun,
)
from devstack.errors import AdapterError, UsageError
from devstack.kernel import Kernel
from devstack.models.event import Event, Topic
from devstack.models.job import Job, Task
from devstack.models.resources import Resources
from devstack.runtime.published import PublishedResults
from devstack.runtime.simulated import LOCAL, NOOP, SimulatedShell

if TYPE_CHECKING:
    from devstack.adapters.cassette import Deck
    from devstack.cluster import Cluster
    from devstack.compute.config import ComputeConfig
    from devstack.models.execution import RunCommandResult
    from devstack.runtime.ports import RunRequest
    from devstack.runtime.workshop import Bench, LiveGuest, Workshop

__all__ = ["VirtualShell", "check_mode"]

# The target of our timers: no machine has this name.
SHELL: Final = "shell"
WASM: Final = "wasm"
DOCKER: Final = "docker"
MODES: Final = ("replay", "record", "off")


@attrs.define
class RealRun:
    """An execution that is more than a simulated program; `sequence` cancels what will be reported of it."""

    node_id: str
    job: Job
    resources: Resources
    started_ns: int = 0
    steps: int = 0
    results: bytes = b""  # Packed at its end, if they are to be published.
    sequence: int | None = None


class VirtualShell:
    """Performs the actions of all nodes of one simulated world.

    Args:
        docker: `replay`, `record` or `off`.
        cassettes: The folder of cassettes.
        scenario: The scenario's file, for the command that records what is missing.
        fuel_limit: Units that a wasm module may burn between two host calls before it is taken as endless.

    Raises:
        UsageError: containers cannot be run like that in virtual time.
    """

    def __init__(
        self,
        cluster: Cluster,
        behaviour: Behaviour = DOCUMENTED,
        *,
        docker: str = "replay",
        cassettes: Path = Path("cassettes"),
        scenario: str = "FILE",
        fuel_limit: int | None = None,
    ) -> None:
        check_mode(docker)
        self._cluster = cluster
        self._kernel: Kernel = cluster.kernel
        self._behaviour, self._fuel_limit = behaviour, fuel_limit
        self._docker, self._cassettes, self._scenario = docker, cassettes, scenario
        self._simulated = SimulatedShell(cluster.kernel)
        self._runs: dict[str, RealRun] = {}
        self._open_workshop: Workshop | None = None
        self.published = PublishedResults()
        self.missing = ""  # The first cassette that was asked for and is not there, in a sentence.
        cluster.wake(SHELL, self.wake)

    def perform(self, node_id: str, action: Any) -> None:
        """Begin the action; its event is posted at its virtual time."""
        kind = type(action)
        if kind is Assess:
            if _is_plain(action.job.task):
                self._simulated.perform(node_id, action)
            else:
                self._assess(node_id, action)
        elif kind is Prepare:
            self._prepare(node_id, action)
        elif action.execution_id not in self._runs:
            self._simulated.perform(node_id, action)
        elif kind is StartRun:
            self._start(node_id, action)
        else:
            self._end(node_id, action)

    def power_cut(self, node_id: str) -> None:
        """What runs on the node is gone at once."""
        self._simulated.power_cut(node_id)
        for execution_id in [key for key, run in self._runs.items() if run.node_id == node_id]:
            self._forget(execution_id)

    def wake(self, execution_id: Hashable) -> None:
        """The sleep of a wasm guest is over."""
        assert isinstance(execution_id, str)
        run = self._runs.get(execution_id)
        if run is not None:
            self._try(run, execution_id, self._step)

    def close(self) -> None:
        """End all guests and remove all files."""
        if self._open_workshop is not None:
            self._open_workshop.close()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open_workshop": None}

    @property
    def _workshop(self) -> Workshop:
        if self._open_workshop is None:
            from devstack.runtime.workshop import Workshop

            self._open_workshop = Workshop(self.published)
        return self._open_workshop

    # ---- bidding -------------------------------------------------------------------------------------------

    def _assess(self, node_id: str, action: Assess) -> None:
        try:
            facts = self._facts(node_id, action)
        except AdapterError as exc:
            facts = BidFacts(error=exc.message, hint=exc.hint)
        self._kernel.post(node_id, Assessed(action.execution_id, facts))

    def _facts(self, node_id: str, action: Assess) -> BidFacts:
        task = action.job.task
        from devstack.runtime.workshop import check_sources, input_facts

        check_sources(task, self.published)
        refusal = self._engine_refusal(action)
        try:
            size_bytes, remote = input_facts(task, self.published, self._config(node_id).node_id)
            return BidFacts(engine_refusal=refusal, input_bytes=size_bytes, remote_inputs=remote)
        except AdapterError as exc:
            prefix = "calculating resource usage of job: error getting job disk space requirements"
            return BidFacts(engine_refusal=refusal, size_error=f"{prefix}: {exc.message}", hint=exc.hint)

    def _engine_refusal(self, action: Assess) -> str:
        """Why the engine does not take the task; empty if it does. Raises AdapterError: it cannot be run at all."""
        task = action.job.task
        key = _engine(task)
        if key == WASM:
            from devstack.adapters.wasm.spec import read_spec

            read_spec(task)
        elif key == DOCKER and self._docker != "off":
            return self._docker_refusal(action)
        else:
            error = self._simulated.facts(_without_inputs(action.job)).error
            if error:
                raise AdapterError(error)
        return ""

    def _docker_refusal(self, action: Assess) -> str:
        """A cassette that is missing fails the bid: no node could run it."""
        deck = self._deck()
        if deck.records:
            return deck.refusal(action.job.task, action.resources)
        from devstack.adapters.cassette import MissingCassetteError

        bench = self._workshop.bench(action.execution_id, action.job)
        try:
            deck.check(self._request(bench, "", action.execution_id, action.job, action.resources))
        except MissingCassetteError as exc:
            self.missing = self.missing or exc.message
            raise
        finally:
            self._workshop.clear(action.execution_id)
        return ""

    # ---- running -------------------------------------------------------------------------------------------

    def _prepare(self, node_id: str, action: Prepare) -> None:
        run = self._runs[action.execution_id] = RealRun(node_id, action.job, action.resources)
        try:
            self._workshop.bench(action.execution_id, action.job)
        except AdapterError as exc:
            self._workshop.clear(action.execution_id)
            self._fail(run, action.execution_id, f"preparing arguments: {exc.message}", exc.hint)
        else:
            at_ns = self._kernel.now_ns + self._transfer_ns(node_id, action.job.task)
            run.sequence = self._kernel.post(node_id, Prepared(action.execution_id), at_ns)

    def _transfer_ns(self, node_id: str, task: Task) -> int:
        """How long simulated inputs that the node does not hold are on their way, one after the other."""
        config = self._config(node_id)
        return sum(
            transfer_ns(one.size_bytes, config.storage_latency_ns, config.storage_bytes_per_s)
            for one in objects_of(task)
            if config.node_id not in one.held_by
        )

    def _config(self, node_id: str) -> ComputeConfig:
        """The machine's settings; a second node of one id is a machine of its own."""
        config: ComputeConfig = self._cluster.machine(node_id).config
        return config

    def _start(self, node_id: str, action: StartRun) -> None:
        run = self._runs[action.execution_id]
        run.started_ns, run.sequence = self._kernel.now_ns, None
        match _engine(action.job.task):
            case "wasm":
                self._try(run, action.execution_id, self._step)
            case "docker":
                self._try(run, action.execution_id, self._play)
            case _:
                self._simulated.perform(node_id, action)

    def _try(self, run: RealRun, execution_id: str, work: Callable[[RealRun, str], None]) -> None:
        try:
            work(run, execution_id)
        except AdapterError as exc:
            self._workshop.clear(execution_id)
            self._fail(run, execution_id, exc.message, exc.hint)

    def _request(self, bench: Bench, node_id: str, execution_id: str, job: Job, resources: Resources) -> RunRequest:
        task_env = not self._behaviour.on("task-env-ignored")
        return bench.request(node_id, execution_id, job, resources, task_env=task_env)

    def _finish(self, run: RealRun, execution_id: str, result: RunCommandResult, at_ns: int) -> None:
        """Report the end when its time has come; nothing of the run is needed any more."""
        text = self._workshop.without_paths(result.error_msg)
        event = RunFinished(execution_id, attrs.evolve(result, error_msg=text))
        run.sequence = self._kernel.post(run.node_id, event, at_ns)
        publisher = run.job.task.publisher
        if publisher is not None and publisher.key == LOCAL:
            run.results = self._workshop.packed_results(execution_id)
        self._workshop.clear(execution_id)

    def _fail(self, run: RealRun, execution_id: str, reason: str, hint: str) -> None:
        reason = self._workshop.without_paths(reason)
        details = Event.of_error(reason, Topic.RUNNING, 0, hint=hint).details
        run.sequence = self._kernel.post(run.node_id, StepFailed(execution_id, Topic.RUNNING, reason, details))

    def _goes_on(self, run: RealRun, execution_id: str, why: str) -> None:
        """It does not end by itself: its timeout or a cancel will end it."""
        self._kernel.trace.add(self._kernel.now_ns, "endless", run.node_id, f"{execution_id} {why}")
        self._workshop.clear(execution_id)

    # ---- wasm ----------------------------------------------------------------------------------------------

    def _step(self, run: RealRun, execution_id: str) -> None:
        from devstack.adapters.wasm.guest import Finished, Sleeping

        bench = self._workshop.bench(execution_id, run.job)
        live = bench.live
        if live is None:
            live = bench.live = self._begin_guest(run, execution_id, bench)
            for _ in range(run.steps):  # This world is a copy: the guest goes again to where it was.
                live.next_step()
        step = live.next_step()
        run.steps += 1
        if isinstance(step, Sleeping):
            self._kernel.set_timer(SHELL, execution_id, step.until_ns)
        elif isinstance(step, Finished):
            self._finish(run, execution_id, live.result(step), run.started_ns + step.used_ns)
        else:
            self._goes_on(run, execution_id, "the wasm module burns fuel without end")

    def _begin_guest(self, run: RealRun, execution_id: str, bench: Bench) -> LiveGuest:
        from devstack.adapters.wasm.run import DEFAULT_FUEL_LIMIT, WasmRun, stream_of_execution
        from devstack.runtime.output import RunOutput
        from devstack.runtime.workshop import LiveGuest

        request = self._request(bench, run.node_id, execution_id, run.job, run.resources)
        output = RunOutput(bench.results)
        wasm = WasmRun(request, output, self._behaviour)
        guest = None
        try:
            wasm.lay_out()
            guest = wasm.guest(
                start_ns=run.started_ns,
                random=stream_of_execution(execution_id),
                fuel_limit=self._fuel_limit or DEFAULT_FUEL_LIMIT,
            )
        finally:
            if guest is None:
                output.close()
                wasm.remove()
        return LiveGuest(wasm, guest, output)

    # ---- docker --------------------------------------------------------------------------------------------

    def _deck(self) -> Deck:
        from devstack.adapters.cassette import CassetteLibrary, Deck

        command = f"devstack scenario run {self._scenario} --docker record"
        return Deck(CassetteLibrary(self._cassettes, command), self._behaviour, self._docker == "record")

    def _play(self, run: RealRun, execution_id: str) -> None:
        from devstack.adapters.cassette import play
        from devstack.runtime.output import RunOutput

        bench = self._workshop.bench(execution_id, run.job)
        request = self._request(bench, run.node_id, execution_id, run.job, run.resources)
        with RunOutput(bench.results) as output:
            recorded = self._deck().outcome(request, output)
        if not recorded.ends:
            self._goes_on(run, execution_id, "the container was still running when its recording ended")
            return
        self._workshop.empty_results(execution_id)  # After a recording; only what is on the cassette counts.
        with RunOutput(bench.results) as output:
            result = play(recorded, bench.results, output)
        self._finish(run, execution_id, result, run.started_ns + recorded.duration_ns)

    # ---- ending --------------------------------------------------------------------------------------------

    def _end(self, node_id: str, action: Publish | StopRun | Discard) -> None:
        self._simulated.perform(node_id, action)
        run = self._runs[action.execution_id]
        if isinstance(action, StopRun) and run.sequence is not None:
            self._kernel.cancel(run.sequence)
        run.sequence = None
        if not isinstance(action, Publish):
            self._forget(action.execution_id)
        elif run.results:
            self.published.keep(action.execution_id, run.results)

    def _forget(self, execution_id: str) -> None:
        del self._runs[execution_id]
        self._kernel.cancel_timer(SHELL, execution_id)
        self._workshop.clear(execution_id)


def check_mode(docker: str) -> None:
    """Refuse what virtual time cannot have of containers. Raises UsageError."""
    if docker == "live":
        raise UsageError(
            "a live container takes real time, and virtual time stands still meanwhile",
            "run the scenario with --engines real, or keep what its containers do with --docker record",
        )
    if docker not in MODES:
        raise UsageError(
            f"containers cannot be had {docker!r} in virtual time",
            f"use one of {', '.join(MODES)}, or run the scenario with --engines real",
        )


def _engine(task: Task) -> str:
    return task.engine.key if task.engine is not None else ""


def _is_plain(task: Task) -> bool:
    """Whether nothing real is needed."""
    return not task.input_sources and task.engine is not None and task.engine.key == NOOP


def _without_inputs(job: Job) -> Job:
    return attrs.evolve(job, tasks=(attrs.evolve(job.task, input_sources=()),))
