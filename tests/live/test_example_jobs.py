"""Each file of `scenarios/jobs` does on a live stack what its comment says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.live.go_client import download
from tests.live.stacks import Stack, repository, running

pytestmark = pytest.mark.live

JOBS = repository() / "scenarios/jobs"
NODES = [f"node-{n}" for n in (1, 2, 3)]


@pytest.fixture(scope="module")
def fast() -> Iterator[Stack]:
    """Three nodes that take one CPU's work each; ten minutes of theirs are a second here."""
    with running("--nodes", "3", "--docker", "off", "--cpu", "1.5", "--speed", "600") as stack:
        yield stack


@pytest.fixture(scope="module")
def slower() -> Iterator[Stack]:
    """The same at a pace that leaves a busy machine time for what has to happen within seconds of theirs."""
    with running("--nodes", "3", "--docker", "off", "--cpu", "1.5", "--speed", "40") as stack:
        yield stack


def submit(stack: Stack, name: str) -> str:
    return stack.submit(yaml.safe_load((JOBS / f"{name}.yaml").read_text()))


def outcome(stack: Stack, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The job, once it is over, and its executions by the time they were made."""
    job_id = submit(stack, name)
    job = stack.wait_over(job_id)
    return job, sorted(stack.executions(job_id), key=lambda each: each["CreateTime"])


def state(job: dict[str, Any]) -> str:
    """The state, with the reason of a failure so that a red test tells it."""
    message = str(job["State"].get("Message", ""))
    return str(job["State"]["StateType"]) + (f": {message}" if job["State"]["StateType"] == "Failed" else "")


def test_no_example_is_left_out():
    """A new file wants a test here."""
    tested = {"constraints", "daemon", "docker_hello", "ops", "queue_high", "queue_low", "retry", "service", "timeout",
              "timeout_wasm", "wasm_files", "wasm_hello", "wasm_import", "wasm_sleep"}  # fmt: skip
    assert tested == {path.stem for path in JOBS.glob("*.yaml")}


def test_constraints(fast: Stack):
    """It runs on one of the two nodes that it names."""
    job, (execution,) = outcome(fast, "constraints")
    assert "Completed" == state(job)
    assert execution["NodeID"] in ("node-1", "node-2")


@pytest.mark.parametrize(("name", "count"), [("daemon", 3), ("service", 2)])
def test_daemon_and_service(fast: Stack, name: str, count: int):
    """On every node, or in two copies, until it is stopped; what it prints can be read meanwhile."""
    job_id = submit(fast, name)

    def run() -> list[dict[str, Any]]:
        return [e for e in fast.executions(job_id) if e["ComputeState"]["StateType"] == 5]

    fast.wait(lambda: len(run()) == count, f"{count} executions")
    assert count == len({execution["NodeID"] for execution in run()})
    assert "Running" == state(fast.job(job_id))
    assert 200 == fast.call("DELETE", f"/orchestrator/jobs/{job_id}", {"reason": "enough"})[0]
    fast.wait(lambda: not run(), "the end of all executions")
    assert "Stopped" == state(fast.job(job_id))


@pytest.mark.docker
def test_docker_hello(docker_stack: Stack):
    """A container's greeting, in its output and in the outputs folder of its results."""
    job, (execution,) = outcome(docker_stack, "docker_hello")
    assert ("Completed", "hello from docker\n") == (state(job), execution["RunOutput"]["Stdout"])
    (result,) = docker_stack.call("GET", f"/orchestrator/jobs/{job['ID']}/results")[1]["Items"]
    assert b"hello from docker\n" == download(result["Params"]["URL"])[1]["outputs/hello.txt"]


def test_ops(fast: Stack):
    """One execution a node, each with its greeting."""
    job, executions = outcome(fast, "ops")
    assert "Completed" == state(job)
    assert NODES == sorted(execution["NodeID"] for execution in executions)
    assert ["hello from wasm\n"] * 3 == [execution["RunOutput"]["Stdout"] for execution in executions]


def test_queue_low_and_high(slower: Stack):
    """The urgent job starts on its node before all that wait there."""
    waiting = [submit(slower, "queue_low") for _ in range(2)]
    high = submit(slower, "queue_high")
    assert "Completed" == state(slower.wait_over(high))
    (urgent,) = slower.executions(high)
    assert all("Completed" == state(slower.wait_over(job_id)) for job_id in waiting)
    others = [e for job_id in waiting for e in slower.executions(job_id) if e["NodeID"] == urgent["NodeID"]]
    ended_between = [e for e in others if urgent["CreateTime"] < e["ModifyTime"] < urgent["ModifyTime"]]
    ended_after = [e for e in others if e["ModifyTime"] > urgent["ModifyTime"]]
    assert len(ended_between) <= 1, "only what ran already when it came"
    assert ended_after, "nothing waited"


def test_retry(fast: Stack):
    """Every failed attempt was on one of two nodes, and the last one completed elsewhere."""
    job, executions = outcome(fast, "retry")
    assert "Completed" == state(job)
    *failed, completed = executions
    assert {e["NodeID"] for e in failed} <= {"node-1", "node-2"}
    assert all("the disk is broken" in e["ComputeState"]["Message"] for e in failed)
    assert ("node-3", 7) == (completed["NodeID"], completed["ComputeState"]["StateType"])


@pytest.mark.parametrize(("pace", "name", "limit"), [("fast", "timeout", "1m0s"), ("slower", "timeout_wasm", "5s")])
def test_timeouts(pace: str, name: str, limit: str, request: pytest.FixtureRequest):
    """Each attempt times out with the reason, and the job fails; the nodes go on working."""
    stack: Stack = request.getfixturevalue(pace)
    job, executions = outcome(stack, name)
    assert state(job).startswith("Failed")
    messages = {e["ComputeState"]["Message"] for e in executions}
    assert len(executions) > 1
    assert all(f"timed out after {limit}" in message for message in messages), messages
    assert "Completed" == state(outcome(stack, "wasm_hello")[0])


def test_wasm_files(fast: Stack):
    """The input comes back as a result."""
    job, _ = outcome(fast, "wasm_files")
    (result,) = fast.call("GET", f"/orchestrator/jobs/{job['ID']}/results")[1]["Items"]
    assert b"carried from here to there\n" == download(result["Params"]["URL"])[1]["outputs/copy.txt"]


@pytest.mark.parametrize(
    ("name", "stdout", "exit_code"), [("wasm_hello", "hello from wasm\n", 0), ("wasm_import", "", 7)]
)
def test_wasm_hello_and_import(fast: Stack, name: str, stdout: str, exit_code: int):
    """Completed, with the module's output and exit code."""
    job, (execution,) = outcome(fast, name)
    assert "Completed" == state(job)
    assert (stdout, exit_code) == (execution["RunOutput"]["Stdout"], execution["RunOutput"]["ExitCode"])


def test_wasm_sleep(fast: Stack):
    """An hour of ticks takes six seconds at this speed, and not less."""
    started = time.monotonic()
    job, (execution,) = outcome(fast, "wasm_sleep")
    assert "Completed" == state(job), json.dumps(execution)
    assert 5.5 < time.monotonic() - started
    assert 6 == execution["RunOutput"]["Stdout"].count("\n")
