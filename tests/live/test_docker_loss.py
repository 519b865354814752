"""A Docker engine that goes away, hangs or comes back while a stack uses it: one of our own, so that no other is hurt.

It lives in a network of its own (`unshare -n`), for an engine without a bridge removes the one that it finds, and in
mounts of its own (`-m`), for it leaves some behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.stacks import Stack, docker, job, noop, running, start

pytestmark = [pytest.mark.live, pytest.mark.docker]

ENGINE_LIMIT_S = 30
PHASE_LIMIT_S = 5


class OwnEngine:
    """A second dockerd with the one image that the tests need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"DOCKER_HOST": f"unix://{folder}/engine.sock"}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {
            "host": self.environment["DOCKER_HOST"], "data-root": self.folder / "data",
            "exec-root": self.folder / "exec", "pidfile": self.folder / "pid",
            "bridge": "none", "iptables": "false", "shutdown-timeout": "1",
        }  # fmt: skip
        command = ["unshare", "-n", "-m", "dockerd", *(f"--{name}={value}" for name, value in options.items())]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + ENGINE_LIMIT_S
        while self.docker("version").returncode:
            ended = self.process.poll() is not None
            assert not ended and time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def docker(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, **self.environment}
        return subprocess.run(["docker", *words], input=stdin, capture_output=True, check=False, env=environment)

    def load(self, image: str) -> None:
        saved = subprocess.run(["docker", "save", image], capture_output=True, check=True)
        assert 0 == self.docker("load", stdin=saved.stdout).returncode

    def containers(self) -> list[str]:
        return self.docker("ps", "-a", "--format", "{{.Names}}").stdout.decode().splitlines()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            self.process.wait(ENGINE_LIMIT_S)


@pytest.fixture
def engine(docker_engine: object) -> Iterator[OwnEngine]:
    missing = [tool for tool in ("dockerd", "unshare") if shutil.which(tool) is None]
    if missing or os.getuid() or not sys.platform.startswith("linux"):
        # Nobody's own engine may be stopped and killed for a test.
        pytest.skip("a second Docker engine needs root, dockerd and unshare")
    # Not in pytest's own folder: a socket's path may have 107 bytes, and the engine adds sixty of its own.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    own = OwnEngine(folder)
    try:
        own.start()
        own.load("busybox:latest")
        yield own
    finally:
        own.stop()
        shutil.rmtree(folder, ignore_errors=True)


def messages(stack: Stack, job_id: str) -> str:
    return "\n".join(execution["ComputeState"].get("Message", "") for execution in stack.executions(job_id))


def test_an_engine_that_stops_fails_its_executions_and_not_the_stack(engine: OwnEngine):
    """Each says why, simulated jobs go on, and with the engine back containers run again."""
    with running("--nodes", "2", environment=engine.environment) as stack:
        lost = stack.submit(job(docker("sleep", "300")))
        stack.wait(engine.containers, "a container")
        stack.wait_running(lost)
        engine.stop()
        assert "Failed" == stack.wait_over(lost)["State"]["StateType"]
        assert "Cannot connect to the Docker daemon at unix://" in messages(stack, lost)
        refused = stack.submit(job(docker("true")))
        assert "Failed" == stack.wait_over(refused)["State"]["StateType"]
        assert "Cannot connect to the Docker daemon at unix://" in messages(stack, refused)
        assert "Completed" == stack.wait_over(stack.submit(job(noop())))["State"]["StateType"]
        engine.start()
        again = stack.submit(job(docker("echo", "again")))
        assert "Completed" == stack.wait_over(again)["State"]["StateType"]


def test_an_engine_that_is_gone_does_not_hold_up_the_end(engine: OwnEngine):
    """With code 0."""
    with running("--nodes", "1", environment=engine.environment) as stack:
        job_id = stack.submit(job(docker("sleep", "300")))
        stack.wait(engine.containers, "a container")
        stack.wait_running(job_id)
        engine.stop()


def test_an_engine_that_hangs_holds_nobody_up(engine: OwnEngine, tmp_path: Path):
    """The API answers, the end comes in time and says what is left; the next start removes it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**engine.environment, "TMPDIR": str(temporary)}
    stack = start("--nodes", "1", "--shutdown-limit", "2s", environment=environment)
    stack.wait_running(stack.submit(job(docker("sleep", "300"))))
    stack.wait(engine.containers, "a container")
    engine.signal(signal.SIGSTOP)
    assert 200 == stack.call("GET", "/agent/alive")[0]
    stack.stop()
    assert stack.process.stderr is not None
    said = stack.process.stderr.read()
    assert (1, True) == (stack.process.returncode, "what a busy engine still holds" in said), said
    assert [] == list(temporary.iterdir())

    with running("--nodes", "1", environment=environment) as waiting:
        assert any("the Docker engine did not answer within 5 s" in line for line in waiting.banner)

    engine.signal(signal.SIGCONT)
    with running("--nodes", "1", environment=environment) as next_one:
        next_one.wait(lambda: not engine.containers(), "the leftovers to go")
