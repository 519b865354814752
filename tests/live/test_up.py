"""`up` from the first line to the last: banner, ports, signals, and nothing left behind."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.live.stacks import Stack, containers, docker, job, noop, running, start, working_directory

pytestmark = pytest.mark.live


def up(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devstack", "up", *flags], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_banner_tells_what_runs_and_how_to_reach_it(stack: Stack):
    """Nodes, seed, pace, engines, address and the two exports."""
    text = "\n".join(stack.banner)
    assert re.search(r"1 requester, 5 compute nodes · seed \d+ · real-time pace", text)
    assert f"http://127.0.0.1:{stack.port}" in text
    assert f"export BACALHAU_API_HOST=127.0.0.1 BACALHAU_API_PORT={stack.port}" in text


def test_without_docker_the_stack_starts_and_says_why(stack: Stack):
    """Nodes do not offer docker, and the banner has the reason."""
    assert any(line.startswith("no docker") for line in stack.banner)
    nodes = stack.call("GET", "/orchestrator/nodes")[1]["Nodes"]
    engines = {tuple(node["Info"]["ComputeNodeInfo"]["ExecutionEngines"]) for node in nodes[1:]}
    assert {("wasm",)} == engines


def test_an_engine_that_does_not_answer_is_named_in_the_banner(tmp_path: Path):
    """A Docker host that is none is no reason not to start."""
    with running("--nodes", "1", environment={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}) as stack:
        assert any(re.match(r"no docker\s+no Docker engine answers", line) for line in stack.banner)


def test_it_listens_on_this_machine_only(stack: Stack):
    """No socket of the process is open to others."""
    process = Path(f"/proc/{stack.process.pid}")
    own = {str(descriptor.readlink()) for descriptor in (process / "fd").iterdir()}
    tables = [(process / "net" / name).read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    # Address, state and inode, as the kernel prints them: 0A listens, 0100007F is 127.0.0.1.
    listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own]
    assert len(listening) == 2  # The API, and the results of the local publisher.
    assert all(address.startswith("0100007F:") for address in listening)


def test_a_taken_port_is_named_with_what_to_do():
    """One line, exit 1, and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = up("--nodes", "1", "--docker", "off", "--port", str(port))
    assert 1 == done.returncode
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port 0" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--nodes", "-1"], "--nodes"),
        (["--nodes", "many"], "--nodes"),
        (["--speed", "0"], "--speed"),
        (["--port", "70000"], "70000"),
        (["--cpu", "much"], "invalid CPU value"),
        (["--memory", "9zb"], "invalid memory value"),
        (["--behaviour", "v9"], "unknown behaviour"),
        (["--bad-compute-actors", "4"], "more bad compute actors (4) than there are nodes (3)"),
        (["--host", "203.0.113.7"], "203.0.113.7"),
        (["--default-publisher", "ftp"], "ftp"),
        (["--max-job-execution-timeout", "soon"], "soon"),
        (["surplus"], "accepts 0 arg(s), received 1"),
    ],
)
def test_a_wrong_flag_is_answered_in_words(flags: list[str], words: str):
    """Exit 1, the flag's name or value, no traceback."""
    done = up(*flags)
    assert 1 == done.returncode, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_idle_stack_at_once(number: signal.Signals):
    """Exit code 0, port free again."""
    stack = start("--nodes", "2", "--docker", "off")
    stack.stop(number)
    assert 0 == stack.process.returncode
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", stack.port), timeout=1)


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.2, 0.3, 0.4, 0.6])
def test_a_signal_while_it_starts_ends_it_too(delay_s: float):
    """At any moment, without a traceback; what Python says before the first line of ours runs is its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "devstack", "up", "--nodes", "5", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # Tests in the background inherit another.
    )  # fmt: skip
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said or "devstack/cli" not in said


def test_a_signal_ends_a_runaway_module_and_waiting_clients():
    """An endless loop and a client that waits for a log do not hold a stack back."""
    loop = "data:application/wasm;base64,AGFzbQEAAAABBAFgAAADAgEABwoBBl9zdGFydAAACgkBBwADQAwACws="
    module = {"Source": {"Type": "inline", "Params": {"URL": loop}}, "Alias": "loop", "Target": "/loop.wasm"}
    with running("--nodes", "2", "--docker", "off") as stack:
        job_id = stack.submit(job({"Type": "wasm", "Params": {"EntryModule": module, "EntryPoint": "_start"}}))
        stack.wait_running(job_id)
        connection = http.client.HTTPConnection("127.0.0.1", stack.port)
        connection.request(
            "GET",
            f"/api/v1/orchestrator/jobs/{job_id}/logs?follow=true",
            headers={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                     "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="},
        )  # fmt: skip
        assert 101 == connection.getresponse().status
        other = stack.submit(job(noop()))
        assert "Completed" == stack.wait_over(other)["State"]["StateType"]
    connection.close()


@pytest.mark.docker
def test_running_containers_are_removed_at_the_end(docker_engine: object):
    """None is left, running or stopped."""
    with running("--nodes", "3") as stack:
        job_id = stack.submit(job(docker("sleep", "300"), type="ops"))
        stack.wait(lambda: len(containers(stack)) == 3, f"three containers of {job_id}")
    assert [] == containers(stack)


@pytest.mark.docker
def test_what_a_killed_stack_leaves_is_removed_at_the_next_start(docker_engine: object):
    """A power cut leaves containers; the next stack takes them away, and not those of a stack that lives."""
    with running("--nodes", "1") as living:
        living.wait_running(living.submit(job(docker("sleep", "300"))))
        killed = start("--nodes", "1")
        killed.wait_running(killed.submit(job(docker("sleep", "300"))))
        killed.wait(lambda: containers(killed), "its container")
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait(60)
        assert 1 == len(containers(killed))
        with running("--nodes", "1") as next_one:
            next_one.wait(lambda: not containers(killed), "the leftovers to go")
            assert 1 == len(containers(living))


def test_a_stack_keeps_its_files_in_its_folder_and_removes_a_temporary_one(tmp_path: Path):
    """No folder of ours is left in the temporary directory."""
    with running("--nodes", "2", "--docker", "off", environment={"TMPDIR": str(tmp_path)}) as stack:
        stack.wait_over(stack.submit(job(noop(Stdout="x"), task_Publisher={"Type": "local"})))
        assert list(tmp_path.iterdir())
    assert [] == list(tmp_path.iterdir())


def test_the_same_seed_gives_the_same_ids_and_placements():
    """What a stack decides comes from its seed."""

    def one_run() -> list[tuple[str, str]]:
        with running("--nodes", "5", "--docker", "off", "--seed", "7") as stack:
            job_id = stack.submit(job(noop(), count=3))
            stack.wait_over(job_id)
            return sorted((e["ID"], e["NodeID"]) for e in stack.executions(job_id))

    assert one_run() == one_run()


def test_the_list_of_switches_is_printed():
    """`--behaviour help` names every switch, by mode."""
    done = up("--behaviour", "help")
    assert 0 == done.returncode
    assert "priority-not-copied" in done.stdout
    assert "compat-keys" in done.stdout


def test_speed_makes_simulated_time_pass_faster():
    """A simulated hour at 10,000 times real-time takes a third of a second."""
    with running("--nodes", "1", "--docker", "off", "--speed", "10000") as stack:
        timeouts = {"TotalTimeout": 7200}
        job_id = stack.submit(job(noop(RunsFor="1h"), task_Timeouts=timeouts))
        assert "Completed" == stack.wait_over(job_id)["State"]["StateType"]


def test_the_environment_file_holds_the_exports_while_the_stack_runs(tmp_path: Path):
    """Scripts read it; it goes with the stack."""
    path = tmp_path / "env"
    with running("--nodes", "1", "--docker", "off", environment={"DEVSTACK_ENV_FILE": str(path)}) as stack:
        assert f"export BACALHAU_API_PORT={stack.port}" in path.read_text()
    assert not path.exists()


def test_an_allowed_path_may_be_relative_to_where_the_stack_starts(tmp_path: Path):
    """`./data` means the folder that the person sees."""
    (tmp_path / "data").mkdir()
    with (
        working_directory(tmp_path),
        running("--nodes", "1", "--docker", "off", "--allow-listed-local-paths", "./data") as stack,
    ):
        source = {"Type": "localDirectory", "Params": {"SourcePath": str(tmp_path / "data")}}
        job_id = stack.submit(job(noop(), task_InputSources=[{"Source": source, "Target": "/data"}]))
        assert "Completed" == stack.wait_over(job_id)["State"]["StateType"]


def test_a_command_decides_which_jobs_the_nodes_take():
    """Its stderr is the reason of a refusal; it is asked about simulated jobs too."""
    command = 'if grep -q \'"Name":"bad"\'; then echo bad name 1>&2; exit 1; fi'
    with running("--nodes", "1", "--docker", "off", "--job-selection-probe-exec", command) as stack:
        assert "Completed" == stack.wait_over(stack.submit(job(noop(), Name="good")))["State"]["StateType"]
        refused = stack.wait_over(stack.submit(job(noop(), Name="bad")))
        assert "Failed" == refused["State"]["StateType"]
        messages = [e["ComputeState"].get("Message", "") for e in stack.executions(refused["ID"])]
        assert any("this node does not accept this job: bad name" in message for message in messages), messages


def test_threads_do_not_pile_up(stack: Stack):
    """After fifty jobs there are as many threads as before, but for a pool of a fixed size."""
    tasks = Path(f"/proc/{stack.process.pid}/task")
    for _ in range(50):
        stack.wait_over(stack.submit(job(noop(), task_Publisher={"Type": "local"})))
    assert len(os.listdir(tasks)) < 45
