"""Faults of a live stack: from the command line, through the API, from a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.stacks import Stack, job, noop, running

pytestmark = pytest.mark.live


def cli(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devstack", *words, "--api-host", "127.0.0.1", "--api-port", str(stack.port)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_faults_are_injected_listed_and_cleared_from_the_command_line():
    """A node crashes, its execution is lost with it, and it comes back when the fault is cleared."""
    with running("--nodes", "2", "--docker", "off", "--speed", "60") as stack:
        submitted = stack.submit(job(noop(RunsFor="10h"), type="service"))
        stack.wait_running(submitted)
        node = stack.executions(submitted)[0]["NodeID"]
        done = cli(stack, "fault", "inject", "crash", node)
        assert (0, f"Fault 1 is active on {node}: crash {node}\n") == (done.returncode, done.stdout)
        stack.wait(lambda: len(stack.executions(submitted)) > 1, "another execution")
        listed = cli(stack, "fault", "list", "--output", "csv").stdout.splitlines()
        assert "id,state,begins,strikes,machines,fault" == listed[0]
        assert listed[1].startswith("1,active,") and listed[1].endswith(f"1,{node},crash {node}")

        def is_connected() -> bool:
            return stack.call("GET", f"/orchestrator/nodes/{node}")[1]["Node"]["Connection"] == "CONNECTED"

        stack.wait(lambda: not is_connected(), "the loss of the node")
        assert "Cleared: 1\n" == cli(stack, "fault", "clear").stdout
        stack.wait(is_connected, "the node's return")


def test_words_that_are_wrong_are_refused_in_one_line(stack: Stack):
    """Unknown words here, unknown targets by the stack; both name what is known."""
    for words, said in (("crsh node-1", "did you mean crash?"), ("crash node-99", "node-1, node-2"),
                        ("crash node-1 aftr=3s", "restart_after")):  # fmt: skip
        done = cli(stack, "fault", "inject", *words.split())
        assert 1 == done.returncode
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr == cli(stack, "fault", "inject", words).stderr  # Quotes around it all change nothing.
    assert "Cleared: there was none\n" == cli(stack, "fault", "clear").stdout
    assert 1 == cli(stack, "fault", "clear", "7").returncode
    assert "hang_executor" in cli(stack, "fault", "words").stdout


def test_the_requester_can_lose_its_power():
    """While it is down the API says so; afterwards the job is there and goes on."""
    with running("--nodes", "2", "--docker", "off") as stack:
        submitted = stack.submit(job(noop(RunsFor="10h"), type="service"))
        stack.wait_running(submitted)
        assert 200 == stack.call("POST", "/devstack/faults", {"crash": "requester", "restart_after": "1s"})[0]
        status, answer = stack.call("GET", f"/orchestrator/jobs/{submitted}")
        assert (409, True) == (status, "it is down" in answer["message"])
        stack.wait(lambda: stack.call("GET", f"/orchestrator/jobs/{submitted}")[0] == 200, "the requester")
        assert "Running" == stack.job(submitted)["State"]["StateType"]
        other = stack.submit(job(noop()))
        assert "Completed" == stack.wait_over(other)["State"]["StateType"]


def test_a_stack_may_begin_with_the_faults_of_a_file(tmp_path: Path):
    """They count from when the stack is ready."""
    file = tmp_path / "faults.yaml"
    file.write_text("- {slow: {node: node-1, factor: x4}, for: 1h}\n- {at: 1h, crash: node-1}\n")
    with running("--nodes", "1", "--docker", "off", "--faults", str(file)) as stack:
        faults = stack.call("GET", "/devstack/faults")[1]["Faults"]
        assert [("slow", "active"), ("crash", "waiting")] == [(one["Text"][:5].strip(), one["State"]) for one in faults]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {crsh: node-1}\n", "unknown fault 'crsh'"),
        ("- {crash: node-7}\n", "no machine matches 'node-7'"),
        ("crash: node-1\n", "list of faults"),
    ],
)
def test_a_file_that_cannot_be_followed_ends_the_start(tmp_path: Path, text: str, said: str):
    """One line, exit 1."""
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    command = [sys.executable, "-m", "devstack", "up", "--nodes", "1", "--docker", "off", "--port", "0"]
    done = subprocess.run([*command, "--faults", str(file)], capture_output=True, text=True, check=False, timeout=60)
    assert 1 == done.returncode
    assert said in done.stderr
    assert "Traceback" not in done.stderr
