"""The shell of a simulated world: answers at the instant of the question, ends at their virtual time."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.compute.actions import (
    Assess,
    Assessed,
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
from devstack.kernel import Kernel, Seed
from devstack.models.execution import RunCommandResult
from devstack.models.job import InputSource, Job, SpecConfig, Task
from devstack.models.resources import NO_RESOURCES
from devstack.runtime.simulated import SimulatedShell

NODE = "node-1"
SECOND = 1_000_000_000


class Desk:
    """The kernel's host: notes what is reported, and when."""

    def __init__(self) -> None:
        self.kernel = Kernel(Seed(0), 0)
        self.shell = SimulatedShell(self.kernel)
        self.heard: list[tuple[int, str, Any]] = []

    def post(self, target: str, event: Any) -> None:
        self.heard.append((self.kernel.now_ns, target, event))

    def deliver(self, target: str, source: str, message: Any) -> None:
        raise AssertionError(message)

    def fire(self, target: str, key: Any) -> None:
        raise AssertionError(key)

    def do(self, *actions: Any, until_ns: int = 10**18) -> list[Any]:
        """What is reported of the actions."""
        for action in actions:
            self.shell.perform(NODE, action)
        self.kernel.run_until(until_ns, self)
        return [event for _, _, event in self.heard]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def job(engine: str = "noop", publisher: str = "", inputs: int = 0, **params: Any) -> Job:
    sources = tuple(InputSource(SpecConfig("inline"), target=f"/{number}") for number in range(inputs))
    return Job(
        id="j-1", tasks=(Task("main", SpecConfig(engine, params), SpecConfig(publisher), input_sources=sources),)
    )


def start(a_job: Job, execution_id: str = "e-1") -> StartRun:
    return StartRun(execution_id, a_job, NO_RESOURCES)


def publish(publisher: str) -> Publish:
    return Publish("e-1", job(publisher=publisher), RunCommandResult(exit_code=0))


@given(st.integers(0, 10**12), st.integers(-1000, 1000), st.text(max_size=50), st.text(max_size=50))
def test_a_program_ends_when_and_how_its_parameters_say(duration_us: int, exit_code: int, stdout: str, stderr: str):
    """After its duration, with its exit code and output."""
    desk = Desk()
    desk.do(start(job(RunsFor=f"{duration_us}us", ExitCode=exit_code, Stdout=stdout, Stderr=stderr)), until_ns=10**19)
    [(at_ns, target, event)] = desk.heard
    assert (duration_us * 1000, NODE) == (at_ns, target)
    assert (exit_code, "") == (event.result.exit_code, event.result.error_msg)
    if len(stdout.encode(errors="replace")) <= 2048:
        assert stdout.encode(errors="replace").decode() == event.result.stdout


def test_a_program_may_fail_on_some_nodes_only(desk: Desk):
    """`FailsOn` names them."""
    events = desk.do(start(job(FailsOn=[NODE], Fails="bad disk")), start(job(FailsOn=["node-2"]), "e-2"))
    assert ["bad disk", ""] == [event.result.error_msg for event in events]


@pytest.mark.parametrize("end", [StopRun("e-1"), Discard("e-1")])
def test_a_run_that_is_ended_leaves_no_outcome(desk: Desk, end: Any):
    """What it would have come to is forgotten; a stopped one reports nothing."""
    desk.shell.perform(NODE, start(job(RunsFor="1h", Stdout="x")))
    outcome = desk.shell.outcome("e-1")
    assert outcome is not None
    assert "x" == outcome.stdout
    desk.shell.perform(NODE, end)
    assert desk.shell.outcome("e-1") is None
    if isinstance(end, StopRun):
        assert [] == desk.do()


def test_ending_what_never_ran_does_nothing(desk: Desk):
    """Neither does ending it twice."""
    assert [] == desk.do(StopRun("e-9"), Discard("e-9"), StopRun("e-9"))


def test_a_power_cut_forgets_what_ran_on_that_node_alone(desk: Desk):
    """Another node's programs go on."""
    desk.shell.perform(NODE, start(job(RunsFor="1s")))
    desk.shell.perform("node-2", start(job(RunsFor="1s"), "e-2"))
    desk.shell.power_cut(NODE)
    assert (True, False) == (desk.shell.outcome("e-1") is None, desk.shell.outcome("e-2") is None)


def test_preparing_takes_no_time(desk: Desk):
    """There is nothing to fetch."""
    assert [Prepared("e-1")] == desk.do(Prepare("e-1", job(), NO_RESOURCES), until_ns=0)


@pytest.mark.parametrize(
    ("a_job", "words"),
    [
        (job(), ""),
        (job(engine="docker"), "'docker' cannot run here"),
        (Job(tasks=(Task("main"),)), "'' cannot run here"),
        (job(inputs=1), "inputs cannot be fetched here"),
        (job(RunsFor="soon"), "RunsFor"),
        (job(Surprise=1), "Surprise"),
    ],
)
def test_what_needs_the_outside_is_refused_with_the_reason(desk: Desk, a_job: Job, words: str):
    """The facts of the bid say it."""
    [told] = desk.do(Assess("e-1", a_job, NO_RESOURCES))
    assert isinstance(told, Assessed)
    assert (bool(words), True) == (bool(told.facts.error), words in told.facts.error)


def test_publishing_nowhere_is_done_at_once(desk: Desk):
    """No publisher, and the one that does nothing."""
    expected = [Published("e-1", SpecConfig())] * 2
    assert expected == desk.do(publish(""), publish("noop"))


def test_the_local_publisher_gives_an_address_that_is_nobodys(desk: Desk):
    """Results have a place in a simulated world as well."""
    [told] = desk.do(publish("local"))
    assert ("urlDownload", "http://results.invalid/e-1.tar.gz") == (told.published.type, told.published.params["URL"])


def test_a_publisher_of_the_outside_fails(desk: Desk):
    """With its name."""
    [told] = desk.do(publish("s3"))
    assert isinstance(told, StepFailed)
    assert "failed to get publisher s3: this run has no real publishers" == told.reason


def test_a_copied_world_goes_on_as_the_original(desk: Desk):
    """A shell holds nothing that cannot be copied, and a copy's end does not touch the other's."""
    desk.shell.perform(NODE, start(job(RunsFor="1s", Stdout="x")))
    twin: Desk = pickle.loads(pickle.dumps(desk))
    twin.do(StopRun("e-1"))
    assert [] == [event for event in twin.heard if isinstance(event[2], RunFinished)]
    [told] = desk.do()
    assert ("x", SECOND) == (told.result.stdout, desk.heard[0][0])
