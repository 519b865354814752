import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.adapters.docker import DockerExecutor, remove_leftovers, this_stack_id
from devstack.adapters.docker.leftovers import is_gone
from devstack.behaviour import DOCUMENTED


@pytest.fixture
def gone_stack_id():
    """The id of a stack whose process has ended."""
    program = "from devstack.adapters.docker import this_stack_id; print(this_stack_id())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_this_process_is_alive():
    """A stack lives as long as its process."""
    assert this_stack_id().startswith(f"{os.getpid()}-")
    assert not is_gone(this_stack_id())


def test_a_process_that_ended_is_gone(gone_stack_id):
    """No such process: the stack is gone."""
    assert is_gone(gone_stack_id)


def test_a_pid_that_was_given_away_again_is_gone():
    """The process lives, but it started at another time than the stack."""
    pid, _, started = this_stack_id().partition("-")
    assert is_gone(f"{pid}-{int(started) + 1}")


@pytest.mark.parametrize("stack_id", ["", "mine", "1", "1-", "-1", "a-1", "1-b", "1-2-3"])
def test_an_id_of_somebody_else_is_never_gone(stack_id):
    """What does not look like one of our ids is not ours to remove."""
    assert not is_gone(stack_id)


def test_a_process_that_waits_to_be_collected_is_gone():
    """A zombie runs nothing any more."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = _start_ticks_text(child.pid)
    assert not is_gone(f"{child.pid}-{started}")
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(f"{child.pid}-{started}")
    child.wait()


def _start_ticks_text(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


async def test_without_an_engine_nothing_is_left(monkeypatch, tmp_path):
    """No engine, no leftovers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert 0 == await remove_leftovers()


@pytest.mark.docker
async def test_leftovers_of_a_gone_stack_are_removed_and_those_of_a_live_one_kept(docker_engine, gone_stack_id):
    """Containers and networks go by whether their stack's process lives."""
    gone, live, network, foreign = (
        _sleeping_container(docker_engine, {"devstack.stack": gone_stack_id}),
        _sleeping_container(docker_engine, {"devstack.stack": this_stack_id()}),
        docker_engine.create_network("devstack-test-gone", internal=True, labels={"devstack.stack": gone_stack_id}),
        _sleeping_container(docker_engine, {"other": "label"}),
    )
    try:
        await remove_leftovers()
        left = {found["Id"] for found in docker_engine.containers(all=True)}
        assert {live, foreign} <= left
        assert gone not in left
        assert network["Id"] not in {found["Id"] for found in docker_engine.networks()}
    finally:
        for container_id in (live, foreign):
            docker_engine.remove_container(container_id, force=True)


@pytest.mark.docker
async def test_closing_one_executor_leaves_the_containers_of_another(docker_engine, docker_runs):
    """Two clusters in one process share their stack's id, and still keep apart."""
    other = DockerExecutor(this_stack_id(), DOCUMENTED)
    instance = docker_runs.executor._instance
    mine = _sleeping_container(docker_engine, {"devstack.stack": this_stack_id(), "devstack.instance": instance})
    assert "" == await other.unavailable_reason()
    await other.close()
    assert mine in {found["Id"] for found in docker_engine.containers(all=True)}
    assert "" == await docker_runs.executor.unavailable_reason()
    await docker_runs.executor.close()
    assert mine not in {found["Id"] for found in docker_engine.containers(all=True)}


def _sleeping_container(docker_engine, labels):
    container_id = docker_engine.create_container("busybox:latest", ["sleep", "600"], labels=labels)["Id"]
    docker_engine.start(container_id)
    return container_id
