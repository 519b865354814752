"""Stacks in processes of their own, started as a user would, with proof that they leave nothing behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIMIT_S = 90.0
OVER = ("Completed", "Failed", "Stopped")


class Stack:
    """A running `up`: its port, its process, and a client without any of our code."""

    def __init__(self, process: subprocess.Popen[str], banner: list[str], port: int) -> None:
        self.process, self.banner, self.port = process, banner, port
        self.url = f"http://127.0.0.1:{port}"

    def call(self, method: str, path: str, body: Any = None, raw: bytes | None = None) -> tuple[int, Any]:
        """Status and decoded answer of a request below /api/v1."""
        payload = json.dumps(body).encode() if raw is None and body is not None else raw
        headers = {"Content-Type": "application/json"} if payload is not None else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            connection.request(method, "/api/v1" + path, payload, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content.decode("utf-8", "replace")

    def submit(self, job: dict[str, Any]) -> str:
        status, answer = self.call("PUT", "/orchestrator/jobs", {"Job": job})
        assert status == 200, answer
        return str(answer["JobID"])

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/orchestrator/jobs/{job_id}")[1]["Job"])

    def executions(self, job_id: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/orchestrator/jobs/{job_id}/executions")[1]["Items"])

    def wait(self, condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
        """The first true answer of `condition`."""
        deadline = time.monotonic() + limit_s
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"still waiting for {what} after {limit_s} s"
            time.sleep(0.02)
        return answer

    def wait_over(self, job_id: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """The job once it is over."""

        def ended() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["State"]["StateType"] in OVER else None

        return dict(self.wait(ended, f"the end of {job_id}", limit_s))

    def wait_running(self, job_id: str) -> None:
        """Until an execution of the job has been accepted by its node."""
        self.wait(
            lambda: any(e["ComputeState"]["StateType"] == 5 for e in self.executions(job_id)), f"a run of {job_id}"
        )

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the signal, and see the process end. How quickly it does is a figure of `bench`."""
        self.process.send_signal(number)
        self.process.wait(LIMIT_S)


def start(*flags: str, environment: dict[str, str] | None = None) -> Stack:
    """A stack on a free port, once its banner has been printed."""
    # A machine that is busy with other tests shall not look like an engine that hangs.
    command = [sys.executable, "-m", "devstack", "up", "--port", "0", "--shutdown-limit", "30s", *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    assert process.stdout is not None
    banner: list[str] = []
    for line in process.stdout:
        banner.append(line.rstrip("\n"))
        if line.startswith("Ctrl-C"):
            break
    ports = [int(found[1]) for line in banner if (found := re.match(r"API\s.*:(\d+)", line))]
    if not ports:
        process.wait(60)
        assert process.stderr is not None
        raise AssertionError(f"the stack did not start: {process.stderr.read()}")
    return Stack(process, banner, ports[0])


@contextmanager
def running(*flags: str, environment: dict[str, str] | None = None) -> Iterator[Stack]:
    """A stack for the length of a block; it must end by itself and with code 0."""
    stack = start(*flags, environment=environment)
    try:
        yield stack
    finally:
        stack.stop()
        assert stack.process.stderr is not None
        said = stack.process.stderr.read()
    assert "Traceback" not in said, said
    assert 0 == stack.process.returncode, said


@contextmanager
def working_directory(folder: Path) -> Iterator[None]:
    """Stand in `folder` for the length of a block."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def containers(stack: Stack) -> list[str]:
    """The names of the containers, running or not, that belong to the stack."""
    form = '{{.Label "devstack.stack"}} {{.Names}}'
    command = ["docker", "ps", "-a", "--filter", "label=devstack.stack", "--format", form]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if line.startswith(f"{stack.process.pid}-")]


def noop(**params: Any) -> dict[str, Any]:
    return {"Type": "noop", "Params": params}


def docker(*parameters: str, **params: Any) -> dict[str, Any]:
    return {"Type": "docker", "Params": {"Image": "busybox:latest", "Parameters": list(parameters), **params}}


def job(engine: dict[str, Any], *, type: str = "batch", count: int = 1, **more: Any) -> dict[str, Any]:
    """A job of one task; `task_…` arguments go into the task."""
    inside = {key[5:]: more.pop(key) for key in list(more) if key.startswith("task_")}
    return {"Type": type, "Count": count, "Tasks": [{"Name": "main", "Engine": engine, **inside}], **more}


def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[2]
