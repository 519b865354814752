"""The live shell with engines, sources and publishers that behave but touch nothing outside a temporary folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing

from devstack.compute.actions import (
    Assess,
    Assessed,
    BidFacts,
    Discard,
    Prepare,
    Prepared,
    Publish,
    Published,
    StartRun,
    StepFailed,
    StopRun,
)
from devstack.compute.bidding import Answer
from devstack.errors import AdapterError
from devstack.kernel import Kernel, Seed
from devstack.models.execution import RunCommandResult
from devstack.models.job import InputSource, Job, SpecConfig, Task
from devstack.models.resources import NO_RESOURCES, Resources
from devstack.runtime.logs import LogBook
from devstack.runtime.ports import STDOUT, Output, PreparedInput, RunRequest
from devstack.runtime.shell import LiveShell

NODE = "node-1"


class Machine:
    """An engine whose program says hello, and goes on until it may end."""

    key = "machine"

    def __init__(self) -> None:
        self.may_end = trio.Event()
        self.may_end.set()
        self.requests: list[RunRequest] = []
        self.killed = 0
        self.refusal = ""
        self.breaks: Exception | None = None

    async def unavailable_reason(self) -> str:
        return ""

    async def assess(self, task: Task, resources: Resources) -> str:
        if self.breaks is not None:
            raise self.breaks
        return self.refusal

    async def run(self, request: RunRequest, output: Output) -> RunCommandResult:
        self.requests.append(request)
        output.write(STDOUT, b"hello\n")
        try:
            await self.may_end.wait()
        except trio.Cancelled:
            self.killed += 1
            raise
        if self.breaks is not None:
            raise self.breaks
        return output.result(3)


class Shelf:
    """A source of files of four bytes; `names` that begin with `no` are not there, `slow` ones never come."""

    key = "shelf"

    def __init__(self) -> None:
        self.taken_back: list[str] = []

    async def size_bytes(self, source: SpecConfig) -> int:
        self._look(source)
        return 4

    async def has_locally(self, source: SpecConfig) -> bool:
        return not source.params["name"].startswith("far")

    async def prepare(self, source: InputSource, directory: Path) -> PreparedInput:
        assert source.source is not None
        name = self._look(source.source)
        if name.startswith("slow"):
            try:
                await trio.sleep_forever()
            finally:
                self.taken_back.append(name)
        path = directory / name
        path.write_bytes(b"four")
        return PreparedInput(path, source.target)

    def _look(self, source: SpecConfig) -> str:
        name = str(source.params["name"])
        if name.startswith("no"):
            raise AdapterError(f"{name} is not on the shelf", "look elsewhere")
        return name


class Board:
    """A publisher that remembers what it saw of the results."""

    key = "board"

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self.breaks: Exception | None = None

    async def publish(
        self, spec: SpecConfig, execution_id: str, job_id: str, node_id: str, results_dir: Path
    ) -> SpecConfig:
        if self.breaks is not None:
            raise self.breaks
        self.seen = {path.name: path.read_text() for path in sorted(results_dir.iterdir()) if path.is_file()}
        return SpecConfig("urlDownload", {"URL": f"http://board/{execution_id}"})


class World:
    """A shell, what it works with, and what it reports."""

    def __init__(self, nursery: trio.Nursery, root: Path, **settings: Any) -> None:
        self.kernel = Kernel(Seed(0), 0)
        self.machine, self.shelf, self.board, self.logs, self.root = Machine(), Shelf(), Board(), LogBook(), root
        self.events: list[Any] = []
        pace: Any = SimpleNamespace(cluster=SimpleNamespace(kernel=self.kernel), post=self._post)
        self.shell = LiveShell(
            pace, nursery, root, "stack-1", {"machine": self.machine}, {"shelf": self.shelf}, {"board": self.board},
            self.logs, **settings,
        )  # fmt: skip

    def _post(self, node_id: str, event: Any) -> None:
        assert node_id == NODE
        self.events.append(event)

    async def do(self, action: Any) -> Any:
        """Have it performed, and wait for what it reports."""
        count = len(self.events)
        self.shell.perform(NODE, action)
        with trio.fail_after(60):
            while len(self.events) == count:
                await trio.sleep(0.001)
        return self.events[-1]

    async def settle(self, condition: Callable[[], object]) -> None:
        with trio.fail_after(60):
            while not condition():
                await trio.sleep(0.001)

    @property
    def folder(self) -> Path:
        return self.root / NODE / "e-1"


@pytest.fixture
def world(nursery: trio.Nursery, tmp_path: Path) -> World:
    return World(nursery, tmp_path)


def job(*inputs: str, engine: str = "machine", publisher: str = "board", **task: Any) -> Job:
    sources = tuple(InputSource(SpecConfig("shelf", {"name": name}), target=f"/{name}") for name in inputs)
    return Job(
        id="j-1", tasks=(Task("main", SpecConfig(engine), SpecConfig(publisher), input_sources=sources, **task),)
    )


def prepare(a_job: Job) -> Prepare:
    return Prepare("e-1", a_job, NO_RESOURCES)


def start(a_job: Job) -> StartRun:
    return StartRun("e-1", a_job, NO_RESOURCES)


# ---- bidding -----------------------------------------------------------------------------------------------


async def test_the_facts_of_a_job_are_its_inputs_and_the_engines_word(world: World):
    """Sizes are summed, inputs that must be fetched are counted, and the engine may refuse."""
    world.machine.refusal = "have that image"
    told = await world.do(Assess("e-1", job("a", "far-b"), NO_RESOURCES))
    assert Assessed("e-1", BidFacts("have that image", input_bytes=8, remote_inputs=1)) == told


async def test_an_input_that_cannot_be_measured_is_a_fact_of_its_own(world: World):
    """The node may refuse the job for another reason first."""
    told = await world.do(Assess("e-1", job("none"), NO_RESOURCES))
    assert told.facts.size_error.endswith("none is not on the shelf")
    assert "look elsewhere" == told.facts.hint


async def test_an_engine_that_cannot_say_fails_the_bid_with_its_words(world: World):
    """Message and hint are the engine's."""
    world.machine.breaks = AdapterError("nobody knows", "ask again")
    told = await world.do(Assess("e-1", job(), NO_RESOURCES))
    assert BidFacts(error="nobody knows", hint="ask again") == told.facts


async def test_a_mistake_of_ours_fails_the_bid_and_not_the_stack(world: World, caplog: pytest.LogCaptureFixture):
    """The client reads one line, the log has the whole."""
    world.machine.breaks = KeyError("oops")
    told = await world.do(Assess("e-1", job(), NO_RESOURCES))
    assert "internal error: KeyError: 'oops'" == told.facts.error
    assert "internal error in Assess of e-1" in caplog.text


class Gate:
    """A probe with an answer of its own."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def ask(self, node_id: str, job: Job) -> Answer:
        self.asked.append(f"{node_id} {job.id}")
        return self.answer


@pytest.mark.parametrize("engine", ["machine", "noop"])
async def test_the_first_probe_that_does_not_take_the_job_decides(nursery: trio.Nursery, tmp_path: Path, engine: str):
    """Probes are asked in their order about every job, simulated ones too."""
    gates = [Gate(Answer(True)), Gate(Answer(False, True, "later")), Gate(Answer(False, False, "no"))]
    world = World(nursery, tmp_path, probes={NODE: gates})
    told = await world.do(Assess("e-1", job(engine=engine), NO_RESOURCES))
    assert Answer(False, True, "later") == told.facts.probe
    assert [["node-1 j-1"], ["node-1 j-1"], []] == [gate.asked for gate in gates]


# ---- a whole run -------------------------------------------------------------------------------------------


async def test_a_run_from_its_inputs_to_the_end_of_its_folders(world: World):
    """Prepared, run, published, discarded: each step is reported, and nothing is left."""
    a_job = job("a", "b", env={"KEY": "value"})
    assert Prepared("e-1") == await world.do(prepare(a_job))
    finished = await world.do(start(a_job))
    assert (3, "hello\n") == (finished.result.exit_code, finished.result.stdout)
    [request] = world.machine.requests
    assert ("stack-1", NODE, "e-1", {"KEY": "value"}) == (
        request.stack_id, request.node_id, request.execution_id, request.environment,
    )  # fmt: skip
    assert ["/a", "/b"] == [one.target for one in request.inputs]
    published = await world.do(Publish("e-1", a_job, finished.result))
    assert Published("e-1", SpecConfig("urlDownload", {"URL": "http://board/e-1"})) == published
    assert {"stdout": "hello\n", "stderr": "", "exitCode": "3"} == world.board.seen
    world.shell.perform(NODE, Discard("e-1"))
    await world.settle(lambda: not world.folder.exists())


async def test_kept_results_outlive_their_inputs(world: World):
    """`keep_results` leaves the results and only them."""
    await world.do(prepare(job("a")))
    await world.do(start(job("a")))
    world.shell.perform(NODE, Discard("e-1", keep_results=True))
    await world.settle(lambda: not (world.folder / "inputs").exists())
    assert "hello\n" == (world.folder / "results" / "stdout").read_text()


async def test_without_the_switch_the_tasks_environment_reaches_no_program(nursery: trio.Nursery, tmp_path: Path):
    """As in v1.4.0."""
    world = World(nursery, tmp_path, task_env_reaches_program=False)
    await world.do(prepare(job(env={"KEY": "value"})))
    await world.do(start(job(env={"KEY": "value"})))
    assert {} == world.machine.requests[0].environment


async def test_an_execution_starts_with_empty_folders(world: World):
    """What a killed stack of the same seed has left there is gone."""
    (world.folder / "results").mkdir(parents=True)
    (world.folder / "results" / "old").write_text("of another life")
    await world.do(prepare(job()))
    assert [] == list((world.folder / "results").iterdir())


async def test_a_log_is_open_while_the_program_runs(world: World):
    """Readers may follow it, and come to its end."""
    world.machine.may_end = trio.Event()
    await world.do(prepare(job()))
    world.shell.perform(NODE, start(job()))
    await world.settle(lambda: world.machine.requests)
    log = world.logs.get("e-1")
    assert log is not None
    assert (False, ("hello\n", "")) == (log.is_closed, log.text())
    world.machine.may_end.set()
    await world.settle(lambda: log.is_closed)


# ---- what goes wrong ---------------------------------------------------------------------------------------


async def test_the_first_input_that_fails_says_why_and_the_others_are_given_up(world: World):
    """The reason names the step; an input that is still on its way is cancelled."""
    told = await world.do(prepare(job("slow-a", "none", "slow-b")))
    assert isinstance(told, StepFailed)
    assert "preparing arguments: none is not on the shelf" == told.reason
    assert "look elsewhere" == told.details["Hint"]
    assert {"slow-a", "slow-b"} == set(world.shelf.taken_back)


async def test_a_source_that_nobody_has_is_named_with_those_that_there_are(world: World):
    """The client learns what it may use."""
    task = Task("main", SpecConfig("machine"), input_sources=(InputSource(SpecConfig("ftp"), target="/x"),))
    told = await world.do(prepare(Job(id="j-1", tasks=(task,))))
    assert told.reason.endswith("no matching key found on this server: ftp. Only supports [shelf]")


async def test_a_folder_that_cannot_be_made_is_the_executions_failure(world: World):
    """A full or read-only disk does not end the stack."""
    (world.root / NODE).write_text("a file where folders are wanted")
    told = await world.do(prepare(job()))
    assert told.reason.startswith("preparing arguments: preparing results path: ")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AdapterError("the engine is gone"), "the engine is gone"),
        (ValueError("embedded null byte"), "internal error: ValueError: embedded null byte"),
        (ExceptionGroup("several", [KeyError("a")]), "internal error: ExceptionGroup: several (1 sub-exception)"),
    ],
)
async def test_an_engine_that_fails_costs_the_execution_alone(world: World, error: Exception, reason: str):
    """Whatever it raises becomes one line, and the log of the run is closed."""
    world.machine.breaks = error
    await world.do(prepare(job()))
    assert reason == (await world.do(start(job()))).reason
    log = world.logs.get("e-1")
    assert log is not None
    assert log.is_closed


@pytest.mark.parametrize("error", [AdapterError("the disk is full"), OSError("the disk is full")])
async def test_a_publisher_that_fails_costs_the_execution_alone(world: World, error: Exception):
    """Its step is publishing."""
    world.board.breaks = error
    await world.do(prepare(job()))
    told = await world.do(Publish("e-1", job(), RunCommandResult(exit_code=0)))
    assert "Publishing Results" == told.topic
    assert told.reason.endswith("the disk is full")


async def test_a_publisher_that_nobody_has_is_named(world: World):
    """The name as the job has it."""
    await world.do(prepare(job(publisher="FTP")))
    told = await world.do(Publish("e-1", job(publisher="FTP"), RunCommandResult(exit_code=0)))
    assert "failed to get publisher FTP: key is not installed: ftp" == told.reason


# ---- being stopped -----------------------------------------------------------------------------------------


async def test_stopping_a_run_kills_its_program_and_reports_nothing(world: World):
    """The machine asked for it and knows."""
    world.machine.may_end = trio.Event()
    await world.do(prepare(job()))
    world.shell.perform(NODE, start(job()))
    await world.settle(lambda: world.machine.requests)
    world.shell.perform(NODE, StopRun("e-1"))
    await world.settle(lambda: world.machine.killed)
    world.shell.perform(NODE, Discard("e-1"))
    await world.settle(lambda: not world.folder.exists())
    assert [Prepared("e-1")] == world.events


async def test_folders_go_only_when_nothing_uses_them(world: World):
    """A discard while the program is still ending waits for its end."""
    world.machine.may_end = trio.Event()
    await world.do(prepare(job()))
    world.shell.perform(NODE, start(job()))
    await world.settle(lambda: world.machine.requests)
    world.shell.perform(NODE, Discard("e-1"))
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert world.folder.exists()
    world.machine.may_end.set()
    await world.settle(lambda: not world.folder.exists())


async def test_stopping_what_never_began_does_nothing(world: World):
    """As does discarding it."""
    world.shell.perform(NODE, StopRun("e-9"))
    world.shell.perform(NODE, Discard("e-9"))
    await trio.testing.wait_all_tasks_blocked()
    assert [] == world.events


async def test_a_power_cut_kills_what_runs_and_what_comes_later_has_folders_of_its_own(world: World):
    """Nothing is reported; the old folders go while the node may already be back."""
    world.machine.may_end = trio.Event()
    await world.do(prepare(job()))
    world.shell.perform(NODE, start(job()))
    await world.settle(lambda: world.machine.requests)
    world.shell.power_cut(NODE)
    await world.do(prepare(job()))
    await world.settle(lambda: not world.folder.exists())
    assert ["e-1.1"] == [path.name for path in (world.root / NODE).iterdir()]
    assert (1, 2) == (world.machine.killed, len(world.events))


# ---- simulated programs ------------------------------------------------------------------------------------


async def test_a_simulated_program_is_performed_by_the_kernel_and_has_a_log(world: World):
    """No engine is asked, no folder is needed; its output can be read at once."""
    task = Task("main", SpecConfig("noop", {"Stdout": "hi\n", "RunsFor": "1h"}), SpecConfig("board"))
    a_job = Job(id="j-1", tasks=(task,))
    world.shell.perform(NODE, Assess("e-1", a_job, NO_RESOURCES))
    world.shell.perform(NODE, start(a_job))
    log = world.logs.get("e-1")
    assert log is not None
    assert ("hi\n", "") == log.text()
    assert world.kernel.next_time_ns() is not None
    assert [] == world.machine.requests


async def test_the_results_of_a_simulated_program_can_be_published(world: World):
    """Its files are written when they are wanted."""
    task = Task("main", SpecConfig("noop", {"Stdout": "hi\n"}), SpecConfig("board"))
    a_job = Job(id="j-1", tasks=(task,))
    world.shell.perform(NODE, start(a_job))
    await world.do(Publish("e-1", a_job, RunCommandResult(stdout="hi\n", exit_code=0)))
    assert {"stdout": "hi\n", "stderr": "", "exitCode": "0"} == world.board.seen
