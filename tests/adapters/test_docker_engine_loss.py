"""An engine that is not there, and one that goes away while a program runs."""

import contextlib
import os
import re
import socket
import threading

import pytest
import trio

from devstack.adapters.docker import DockerExecutor, this_stack_id
from devstack.behaviour import DOCUMENTED
from devstack.errors import AdapterError
from devstack.models.resources import NO_RESOURCES


class WireToEngine:
    """A socket that passes everything on to the engine's until it is cut."""

    def __init__(self, path, engine_path):
        self.engine_path = engine_path
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.sockets = [self.server]
        self.threads = []
        self._start(self._accept)

    def _start(self, work, *args):
        self.threads.append(threading.Thread(target=work, args=args))
        self.threads[-1].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.server.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.engine_path)
                self.sockets += [near, far]
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    def _pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self):
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for sock in self.sockets:
            sock.close()


@pytest.fixture
def no_engine(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    return f"Cannot connect to the Docker daemon at unix://{tmp_path}/none.sock (No such file or directory)"


async def test_a_missing_engine_is_told_in_one_line(no_engine):
    """The reason names the address and the cause."""
    executor = DockerExecutor(this_stack_id(), DOCUMENTED)
    assert f"no Docker engine answers: {no_engine}" == await executor.unavailable_reason()
    await executor.close()


async def test_without_an_engine_nothing_can_be_asked_or_run(no_engine, docker_runs_without_engine):
    """Each question and each run fails with the reason."""
    executor, request = docker_runs_without_engine.executor, docker_runs_without_engine.request("true")
    for call in (
        lambda: executor.engine_version(),
        lambda: executor.assess(request.task, NO_RESOURCES),
        lambda: executor.run(request, docker_runs_without_engine.output()),
    ):
        with pytest.raises(AdapterError, match=re.escape(no_engine)):
            await call()


@pytest.mark.docker
async def test_an_engine_that_goes_away_ends_the_run_with_the_reason(docker_runs, monkeypatch, tmp_path):
    """The run of a program whose engine is lost comes to an end, and its error says what happened."""
    engine_path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    path = tmp_path / "wire.sock"
    wire = WireToEngine(path, engine_path)
    output, results = docker_runs.output(), []

    async def run():
        results.append(await docker_runs.executor.run(docker_runs.request("sh", "-c", "echo up; sleep 600"), output))

    with monkeypatch.context() as patched, trio.fail_after(60):
        patched.setenv("DOCKER_HOST", f"unix://{path}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await output.wait_first_byte()
            await trio.to_thread.run_sync(wire.cut)
        await docker_runs.executor.close()
    [result] = results
    assert -1 == result.exit_code
    expected = "received error response from docker client while waiting on container: Cannot connect to the Docker"
    assert result.error_msg.startswith(expected)
    # The engine is back: closing again removes what could not be removed without it.
    assert "" == await docker_runs.executor.unavailable_reason()
