"""Requests to run containers, and an engine that needs no Docker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from devstack.adapters.cassette import CassetteLibrary
from devstack.models.execution import RunCommandResult
from devstack.models.job import Job, Network, ResultPath, SpecConfig, Task
from devstack.models.resources import Resources
from devstack.runtime.output import RunOutput
from devstack.runtime.ports import STDERR, STDOUT, Output, PreparedInput, RunRequest

IMAGE = "busybox:latest"
MakeRequest = Callable[..., RunRequest]


@pytest.fixture
def make_request(tmp_path: Path) -> MakeRequest:
    """Requests whose results go to the test's folder."""

    def make(
        *parameters: str,
        inputs: tuple[PreparedInput, ...] = (),
        results: dict[str, str] | None = None,
        env: dict[str, str] | None = None,
        network: Network | None = None,
        resources: Resources | None = None,
        node: str = "node-1",
        **params: Any,
    ) -> RunRequest:
        engine = SpecConfig("docker", {"Image": IMAGE, "Parameters": list(parameters), **params})
        paths = tuple(ResultPath(name, path) for name, path in (results or {}).items())
        task = Task(name="main", engine=engine, result_paths=paths, network=network or Network())
        folder = tmp_path / "results"
        folder.mkdir(exist_ok=True)
        return RunRequest(
            stack_id="stack",
            node_id=node,
            execution_id="e-1",
            job=Job(id="j-1", type="batch", tasks=(task,)),
            resources=resources or Resources(500, 10**9),
            results_dir=folder,
            inputs=inputs,
            environment=env or {},
        )

    return make


@pytest.fixture
def library(tmp_path: Path) -> CassetteLibrary:
    return CassetteLibrary(tmp_path / "cassettes", "devstack scenario run f.py --docker record")


@pytest.fixture
def output(tmp_path: Path) -> RunOutput:
    folder = tmp_path / "results"
    folder.mkdir(exist_ok=True)
    return RunOutput(folder)


@attrs.define
class ScriptedEngine:
    """An engine whose programs do what the test says."""

    key: str = "docker"
    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int = 0
    error: str = ""
    runs_for_s: float = 0
    files: dict[str, bytes] = attrs.field(factory=dict)
    runs: int = 0

    async def unavailable_reason(self) -> str:
        return ""

    async def assess(self, task: Task, resources: Resources) -> str:
        return "take this"

    async def run(self, request: RunRequest, output: Output) -> RunCommandResult:
        self.runs += 1
        output.write(STDOUT, self.stdout)
        output.write(STDERR, self.stderr)
        for name, data in self.files.items():
            path = request.results_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        await trio.sleep(self.runs_for_s)
        return output.result(self.exit_code, self.error)
