"""One scenario on a network through its API, and in process with real engines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.stacks import Stack

pytestmark = pytest.mark.live

SCENARIO = '''
from devstack.faults import crash
from devstack.scenario import batch, noop, scenario, service


@scenario(nodes=3)
async def everyday(cluster):
    """A batch job, and a service that is stopped."""
    job = await cluster.submit(batch(noop(runs_for="200ms", stdout="hi"), count=2))
    server = await cluster.submit(service(noop(runs_for="1h")))
    await server.wait_running(within="20s")
    await job.wait("Completed", within="20s")
    assert ["hi", "hi"] == [one.stdout for one in job.completed]
    assert len(cluster.nodes) >= 3
    await server.stop("enough")
    await server.wait("Stopped", within="20s")
    await server.wait_executions(1, "Cancelled", within="20s")


@scenario(nodes=3)
async def with_a_fault(cluster):
    cluster.inject(crash("node-1"))


@scenario(nodes=3)
async def with_time(cluster):
    await cluster.advance("1s")


@scenario(nodes=3)
async def with_a_snapshot(cluster):
    cluster.snapshot()


@scenario(nodes=3)
async def refused(cluster):
    await cluster.submit(batch(noop(), count=-1))


@scenario(nodes=3)
async def untrue(cluster):
    job = await cluster.submit(batch(noop(exit_code=3)))
    await job.wait("Failed", within="20s")
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "everyday.py"
    path.write_text(SCENARIO)
    return path


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devstack", "scenario", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_scenario_runs_on_a_network(stack: Stack, file: Path):
    """Jobs, waits and assertions work through the API."""
    done = command("run", f"{file}::everyday", "--api-port", str(stack.port))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert f"on the network at http://127.0.0.1:{stack.port}" in done.stdout
    assert "batch    Completed  2 Completed" in done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("with_a_fault", "the fault crash is not possible on the network"),
        ("with_time", "clock control (`advance`) is not possible on the network"),
        ("with_a_snapshot", "a snapshot is not possible on the network"),
        ("refused", "job count must be >= 0"),
    ],
)
def test_what_a_network_cannot_do_is_refused_by_name(stack: Stack, file: Path, name: str, words: str):
    """Broken, with the line of the script."""
    done = command("run", f"{file}::{name}", "--api-port", str(stack.port))
    assert 2 == done.returncode, done.stdout + done.stderr
    assert words in done.stdout


def test_a_wait_that_does_not_come_true_fails_with_how_the_job_stood(stack: Stack, file: Path):
    """Exit code 1 and the states."""
    done = command("run", f"{file}::untrue", "--api-port", str(stack.port))
    assert 1 == done.returncode, done.stdout + done.stderr
    assert "was to be Failed and is Completed" in done.stdout


def test_two_backends_are_shown_side_by_side(stack: Stack, file: Path):
    """Simulated and the network agree on this one."""
    done = command("compare", f"{file}::everyday", "--with", "api", "--api-port", str(stack.port))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "simulated" in done.stdout
    assert "no differences" in done.stdout


def test_a_difference_is_marked(stack: Stack, file: Path):
    """A fault works simulated, and not on a network."""
    done = command("compare", f"{file}::with_a_fault", "--with", "api", "--api-port", str(stack.port))
    assert 1 == done.returncode
    assert any(line.startswith("!  verdict") and line.split()[2:] == ["passed", "broken"]
               for line in done.stdout.splitlines())  # fmt: skip


def test_a_scenario_runs_in_process_with_real_engines(file: Path):
    """In real time; faults work there."""
    done = command("run", f"{file}::everyday", f"{file}::with_a_fault", "--engines", "real", "--docker", "off")
    assert 0 == done.returncode, done.stdout + done.stderr
    assert 2 == done.stdout.count("on real engines in this process")


def test_a_network_that_does_not_answer_is_one_line(file: Path):
    """Broken, and no traceback."""
    done = command("run", f"{file}::everyday", "--api-port", "1")
    assert 2 == done.returncode
    assert "cannot reach http://127.0.0.1:1" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
