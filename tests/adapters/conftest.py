"""What the tests of adapters share: a Docker engine, images made for a test session, a run of one task."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from devstack.adapters.docker import DockerExecutor, this_stack_id
from devstack.behaviour import DOCUMENTED
from devstack.models.execution import RunCommandResult
from devstack.models.job import Job, Network, ResultPath, SpecConfig, Task
from devstack.models.resources import NO_RESOURCES, Resources
from devstack.runtime.ports import STDERR, STDOUT, PreparedInput, RunRequest

BASE_IMAGE = "busybox:latest"


@pytest.fixture(scope="session")
def root_tar(docker_engine: Any) -> bytes:
    """A root with busybox and a folder /media of three entries."""
    container_id = docker_engine.create_container(BASE_IMAGE, "true")["Id"]
    root = io.BytesIO(b"".join(docker_engine.export(container_id)))
    docker_engine.remove_container(container_id)
    with tarfile.open(fileobj=root, mode="a") as archive:
        for name in ("media", "media/cdrom", "media/floppy", "media/usb"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
    return root.getvalue()


@pytest.fixture(scope="session")
def make_image(docker_engine: Any, root_tar: bytes) -> Iterator[Callable[..., str]]:
    """make_image("CMD [...]", ...) -> the name of an image with these changes; gone at the session's end."""
    made: dict[tuple[str, ...], str] = {}

    def make(*changes: str) -> str:
        if changes not in made:
            tag = f"{os.getpid()}-{len(made)}"
            docker_engine.import_image_from_data(root_tar, "devstack-test", tag, list(changes))
            made[changes] = f"devstack-test:{tag}"
        return made[changes]

    yield make
    for name in made.values():
        docker_engine.remove_image(name, force=True)


class Site(BaseHTTPRequestHandler):
    """A web server that tells what it has been asked, and for which job."""

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = f"{self.command} {self.path} {sent.decode()} {self.headers['X-Bacalhau-Job-ID']}".encode()
        self.send_response(201)
        self.send_header("X-Site", "here")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - the base class finds them by their names

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[int]:
    """The port of a web server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


class CollectedOutput:
    """An Output that keeps everything, and tells of the first byte."""

    def __init__(self) -> None:
        self.data = {STDOUT: b"", STDERR: b""}
        self._arrived = threading.Event()

    def write(self, stream: int, data: bytes) -> None:
        self.data[stream] += data
        self._arrived.set()

    async def wait_first_byte(self) -> None:
        await trio.to_thread.run_sync(self._arrived.wait, 10)

    def result(self, exit_code: int, error_msg: str = "") -> RunCommandResult:
        out, err = self.data[STDOUT].decode(), self.data[STDERR].decode()
        return RunCommandResult(out, False, err, False, exit_code, error_msg)


@attrs.define
class DockerRuns:
    """Runs docker tasks through one executor."""

    executor: DockerExecutor
    results_root: Path
    engine: Any = None
    count: int = 0

    def containers(self) -> list[str]:
        """Names of the stack's containers, running or not."""
        label = f"devstack.stack={this_stack_id()}"
        return [found["Names"][0] for found in self.engine.containers(all=True, filters={"label": label})]

    def networks(self) -> list[str]:
        """Names of the stack's networks."""
        label = f"devstack.stack={this_stack_id()}"
        return [found["Name"] for found in self.engine.networks(filters={"label": label})]

    def request(
        self,
        *parameters: str,
        image: str = BASE_IMAGE,
        network: Network | None = None,
        result_paths: tuple[ResultPath, ...] = (),
        inputs: tuple[PreparedInput, ...] = (),
        resources: Resources = NO_RESOURCES,
        environment: dict[str, str] | None = None,
        **params: Any,
    ) -> RunRequest:
        engine = SpecConfig("docker", {"Image": image, "Parameters": list(parameters), **params})
        task = Task("main", engine, network=network or Network(), result_paths=result_paths)
        self.count += 1
        results_dir = self.results_root / f"results-{self.count}"
        results_dir.mkdir()
        return RunRequest(
            stack_id=this_stack_id(),
            node_id="node-1",
            execution_id=f"e-{self.count}",
            job=Job(id="j-1", type="batch", tasks=(task,)),
            resources=resources,
            results_dir=results_dir,
            inputs=inputs,
            environment=environment or {},
        )

    async def run(self, *parameters: str, **wishes: Any) -> RunCommandResult:
        return await self.executor.run(self.request(*parameters, **wishes), self.output())

    def output(self) -> CollectedOutput:
        return CollectedOutput()


@pytest.fixture
def docker_runs_without_engine(tmp_path: Path) -> DockerRuns:
    """To make requests with; nothing is run."""
    return DockerRuns(DockerExecutor(this_stack_id(), DOCUMENTED), tmp_path)


@pytest.fixture
async def docker_runs(docker_engine: Any, tmp_path: Path) -> AsyncIterator[DockerRuns]:
    """Docker tasks on the real engine; whatever a test does, no container of it is left."""
    executor = DockerExecutor(this_stack_id(), DOCUMENTED)
    runs = DockerRuns(executor, tmp_path, engine=docker_engine)
    yield runs
    await executor.close()
    assert [] == runs.containers()
    assert [] == runs.networks()
