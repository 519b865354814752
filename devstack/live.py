"""A live stack: a cluster at real-time pace with real engines, behind Bacalhau's API.

Everything that is opened here (sockets, threads, folders, containers) is closed here, whatever ends the stack.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from devstack.adapters.docker import DockerExecutor, remove_leftovers, this_stack_id
from devstack.adapters.inline import InlineStorage
from devstack.adapters.ipfs.providers import IpfsPublisher, IpfsStorage
from devstack.adapters.ipfs.store import BlockStore, Content
from devstack.adapters.local_directory import LocalDirectoryStorage, parse_allow_list
from devstack.adapters.local_publisher import LocalPublisher, NoopPublisher, local_publisher_app
from devstack.adapters.probes import ExecProbe, HttpProbe
from devstack.adapters.s3 import S3Publisher, S3Signer, S3Storage, open_s3
from devstack.adapters.url import UrlStorage
from devstack.adapters.wasm import WasmExecutor
from devstack.assembly import Providers, StackOptions, make_cluster
from devstack.backend import StackBackend
from devstack.checkers import LiveCheckers
from devstack.cluster import Cluster
from devstack.errors import AdapterError, DevstackError, UsageError
from devstack.faults.engine import FaultEngine
from devstack.folders import remove_abandoned, stack_folder
from devstack.http_api.app import create_app
from devstack.http_api.serve import listen, serve
from devstack.runtime.logs import LogBook
from devstack.runtime.pace import RealTimePace
from devstack.runtime.ports import Executor, Probe, Publisher, Storage
from devstack.runtime.shell import LiveShell

__all__ = ["LiveStack", "StackOptions", "open_stack"]

READY_LIMIT_S: Final = 30.0
ENGINE_LIMIT_S: Final = 5.0


@attrs.define
class LiveStack:
    """A running stack, and what a person wants to know of it."""

    cluster: Cluster
    pace: RealTimePace
    backend: StackBackend
    host: str
    port: int
    engines: list[str]
    docker_problem: str
    folder: Path
    docker: DockerExecutor
    faults: FaultEngine
    checkers: LiveCheckers
    ipfs_port: int | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@asynccontextmanager
async def open_stack(options: StackOptions) -> AsyncIterator[LiveStack]:
    """Start a stack; it is ready when this yields and gone when the block is left.

    Raises:
        UsageError: an option cannot be met.
    """
    allowed = parse_allow_list(options.allow_listed_paths)
    listener = listen(options.host, options.port)
    async with AsyncExitStack() as leaving:
        leaving.callback(listener.close)
        ipfs_listener = None
        if options.ipfs_port is not None:
            ipfs_listener = listen("127.0.0.1", options.ipfs_port)
            leaving.callback(ipfs_listener.close)
        stack_id = this_stack_id()
        root = leaving.enter_context(stack_folder(options.repo, stack_id, options.behaviour.on("results-kept")))
        docker = DockerExecutor(stack_id, options.behaviour)
        # Before the nursery, so that it is closed after every run has been cancelled.
        leaving.push_async_callback(docker.close)
        nursery = await leaving.enter_async_context(trio.open_nursery())
        leaving.callback(nursery.cancel_scope.cancel)

        docker_problem, docker_name = "switched off", ""
        if options.docker and "docker" not in options.disabled_engines:
            replays = options.docker_mode == "replay"
            docker_problem, docker_name = ("", "docker by cassette") if replays else await _ask_engine(docker)
        with_docker = not docker_problem
        nursery.start_soon(_remove_leftovers, with_docker)

        publisher_dir = root / "local-publisher"
        publisher_listener = listen("127.0.0.1", 0)
        leaving.callback(publisher_listener.close)
        publisher_url = f"http://127.0.0.1:{publisher_listener.getsockname()[1]}"

        block_store = BlockStore(root / "ipfs")
        content = await _outside_node(options.ipfs_connect, leaving) if options.ipfs_connect else block_store
        sources: tuple[Storage, ...] = (UrlStorage(), InlineStorage(), IpfsStorage(content))
        storages = {source.key: source for source in sources}
        if allowed:
            storages["localdirectory"] = LocalDirectoryStorage(allowed)
        publishers: dict[str, Publisher] = {
            p.key: p for p in (NoopPublisher(), LocalPublisher(publisher_dir, publisher_url), IpfsPublisher(content))
        }

        logs = LogBook()
        paces: list[RealTimePace] = []
        s3, s3_problem = await open_s3()
        if s3 is not None:
            leaving.callback(s3.close)
            storages["s3"] = S3Storage(s3)
            always_packed = options.behaviour.on("s3-results-always-packed")
            publishers["s3"] = S3Publisher(s3, _LatePace(paces).now_ns, always_packed=always_packed)
        elif options.default_publisher.key == "s3":
            raise UsageError(f"no node can publish to s3: {s3_problem}")
        wasm = WasmExecutor(options.behaviour, pace=_LatePace(paces))
        engines: dict[str, Executor] = {"wasm": wasm}
        if with_docker:
            engines["docker"] = _docker(options, docker, _LatePace(paces))

        def make_shell(cluster: Cluster) -> LiveShell:
            pace = RealTimePace(cluster, options.speed)
            paces.append(pace)
            task_env = not options.behaviour.on("task-env-ignored")
            return LiveShell(
                pace, nursery, root / "executions", stack_id, engines, storages, publishers, logs, task_env,
                _probes(cluster),
            )  # fmt: skip

        have = Providers(engines.keys(), publishers.keys(), storages.keys())
        cluster = make_cluster(options, have, make_shell, root)
        pace = paces[0]
        cluster.start()
        nursery.start_soon(pace.run)
        faults = FaultEngine(cluster)
        await _wait_ready(cluster)
        checkers = LiveCheckers(cluster, faults, options.warn)
        signer = None if s3 is None else S3Signer(s3)
        backend = StackBackend(pace, logs, faults, options.recording, checkers, signer, content)
        if options.recording is not None:
            options.recording.begin(cluster)
            nursery.start_soon(options.recording.keep_written)
            leaving.callback(options.recording.write)
        for fault in options.faults:
            backend.inject_fault(fault)
        await nursery.start(partial(serve, local_publisher_app(publisher_dir), publisher_listener))
        if ipfs_listener is not None:
            from devstack.adapters.ipfs.rpc import rpc_app

            await nursery.start(partial(serve, rpc_app(block_store), ipfs_listener))
        port = await nursery.start(partial(serve, create_app(backend), listener))
        names = [docker_name] if with_docker else []
        names += [] if "wasm" in options.disabled_engines else [_wasmtime_version()]
        names += [] if "noop" in options.disabled_engines else ["noop"]
        yield LiveStack(
            cluster, pace, backend, options.host, port, names, docker_problem, root, docker, faults, checkers,
            None if ipfs_listener is None else ipfs_listener.getsockname()[1],
        )  # fmt: skip


async def _outside_node(url: str, leaving: AsyncExitStack) -> Content:
    """The IPFS node there. Raises AdapterError or UsageError: none answers."""
    from devstack.adapters.ipfs.kubo import KuboNode

    node = KuboNode(url)
    leaving.push_async_callback(node.aclose)
    with trio.move_on_after(ENGINE_LIMIT_S):
        await node.version()
        return node
    raise UsageError(f"the IPFS node at {url} did not answer within {ENGINE_LIMIT_S:.0f} s", "is it Kubo's RPC API?")


def _probes(cluster: Cluster) -> dict[str, list[Probe]]:
    """Who is asked about the jobs of each node that has anybody to ask."""
    probes: dict[str, list[Probe]] = {}
    for name, node in cluster.nodes.items():
        if node.config.has_probe:
            probes[name] = [ExecProbe(node.config.probe_exec)] if node.config.probe_exec else []
            probes[name] += [HttpProbe(node.config.probe_http)] if node.config.probe_http else []
    return probes


class _LatePace:
    """The pace for engines that are made before the cluster is."""

    is_virtual = False

    def __init__(self, paces: list[RealTimePace]) -> None:
        self._paces = paces

    def now_ns(self) -> int:
        return self._paces[0].now_ns()

    async def sleep_until(self, time_ns: int) -> None:
        await self._paces[0].sleep_until(time_ns)


def _docker(options: StackOptions, docker: DockerExecutor, pace: _LatePace) -> Executor:
    """The engine `docker`, with its cassettes."""
    if options.docker_mode == "live":
        return docker
    from devstack.adapters.cassette import CassetteLibrary, RecordingExecutor, ReplayingExecutor

    library = CassetteLibrary(options.cassettes, "devstack up --docker record")
    if options.docker_mode == "replay":
        return ReplayingExecutor(library, pace)
    return RecordingExecutor(docker, library, docker.image_id)


async def _ask_engine(docker: DockerExecutor) -> tuple[str, str]:
    """Why there is no Docker engine, and the name of the one that there is."""
    with trio.move_on_after(ENGINE_LIMIT_S):
        try:
            return "", await docker.engine_version()
        except AdapterError as exc:
            return f"no Docker engine answers: {exc.message}", ""
    return f"the Docker engine did not answer within {ENGINE_LIMIT_S:.0f} s", ""


async def _remove_leftovers(with_docker: bool) -> None:
    """Take away what stacks whose process is gone have left on the engine and on the disk."""
    await trio.to_thread.run_sync(remove_abandoned, abandon_on_cancel=True)
    if with_docker:
        with suppress(AdapterError):  # It is tried again at the next start.
            await remove_leftovers()


async def _wait_ready(cluster: Cluster) -> None:
    """Wait until every node is registered and heard of."""
    with trio.move_on_after(READY_LIMIT_S):
        while not cluster.is_ready:
            await trio.sleep(0.001)
        return
    raise DevstackError(
        f"the {len(cluster.nodes)} nodes were not ready within {READY_LIMIT_S:.0f} s",
        "start the stack with fewer nodes",
    )


def _wasmtime_version() -> str:
    from importlib.metadata import version

    return f"wasm (wasmtime {version('wasmtime').split('.')[0]})"
