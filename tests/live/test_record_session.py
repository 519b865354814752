"""Sessions that are kept, containers that are recorded and replayed, and power cuts, on a whole stack."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.scenario.run import Verdict, run
from devstack.scenario.yaml_form import read_sheet, read_yaml
from tests.live.stacks import containers, docker, job, noop, running

pytestmark = pytest.mark.live


def test_a_session_is_kept_and_played_again(tmp_path: Path) -> None:
    """What people did to a stack becomes a scenario with the same ends."""
    file = tmp_path / "session.yaml"
    with running("--nodes", "2", "--docker", "off", "--seed", "9", "--record", str(file)) as stack:
        first = stack.submit(job(noop(RunsFor="100ms", Stdout="hi"), count=2))
        stack.wait_over(first)
        lasting = stack.submit(job(noop(RunsFor="1h"), type="service"))
        stack.wait_running(lasting)
        stack.call("DELETE", f"/orchestrator/jobs/{lasting}")
        stack.call("POST", "/devstack/faults", {"crash": "node-2"})
    sheet = read_sheet(file)
    assert (2, 9, ["Completed", "Stopped"]) == (sheet.nodes, sheet.seed, [one.what["state"] for one in sheet.expect])
    assert (["stop"], ["crash"]) == ([one.verb for one in sheet.actions], [one.word for one in sheet.faults])
    outcome = run(read_yaml(file))
    assert Verdict.PASSED is outcome.verdict, outcome.message


def test_what_was_recorded_outlives_a_kill(tmp_path: Path) -> None:
    """The file is brought up to date within half a second, not at the end."""
    file = tmp_path / "session.yaml"
    with running("--nodes", "1", "--docker", "off", "--record", str(file)) as stack:
        stack.submit(job(noop()))
        stack.wait(lambda: re.search(r"^- name: job-1$", file.read_text(), re.MULTILINE), "the job in the file")
        assert ["job-1"] == [one.name for one in read_sheet(file).jobs]


def test_recording_and_replaying_exclude_each_other(tmp_path: Path) -> None:
    """There is nothing to be recorded in a replay."""
    command = [sys.executable, "-m", "devstack", "up", "--record", str(tmp_path / "s.yaml"), "--docker", "replay"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 != done.returncode
    assert "leave out one of them" in done.stderr


@pytest.mark.docker
def test_a_recorded_container_is_replayed_without_an_engine(docker_engine: object, tmp_path: Path) -> None:
    """The same job gives the same result, on a stack without Docker and in virtual time."""
    wanted = job(docker("sh", "-c", "echo once; exit 4"))
    file = tmp_path / "session.yaml"
    with running("--nodes", "1", "--record", str(file)) as stack:
        stack.wait_over(stack.submit(wanted))
    outcome = run(read_yaml(file))
    assert Verdict.PASSED is outcome.verdict, outcome.message
    nowhere = {"DOCKER_HOST": "tcp://127.0.0.1:9"}
    flags = ("--nodes", "1", "--docker", "replay", "--cassettes", str(tmp_path / "cassettes"))
    with running(*flags, environment=nowhere) as stack:
        job_id = stack.submit(wanted)
        stack.wait_over(job_id)
        (execution,) = stack.executions(job_id)
        output = execution["RunOutput"]
    assert ("once\n", 4) == (output["Stdout"], output["exitCode"])


@pytest.mark.docker
def test_a_power_cut_takes_the_nodes_containers(docker_engine: object) -> None:
    """What ran on the node is gone at once, and the job goes on elsewhere."""
    with running("--nodes", "2") as stack:
        job_id = stack.submit(job(docker("sleep", "1000")))
        stack.wait_running(job_id)
        stack.wait(lambda: len(containers(stack)) == 1, "the container")
        (execution,) = stack.executions(job_id)
        assert stack.call("POST", "/devstack/faults", {"crash": execution["NodeID"]})[0] < 300
        stack.wait(lambda: not containers(stack), "the container's end")
