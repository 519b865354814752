"""A live stack: a cluster at real-time pace with real engines, behind Bacalhau's API.

Everything that is opened here (sockets, threads, folders, containers) is closed here, whatever ends the stack.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import trio

from devstack.adapters.docker import DockerExecutor, remove_leftovers, this_stack_id
from devstack.adapters.inline import InlineStorage
from devstack.adapters.local_directory import LocalDirectoryStorage, parse_allow_list
from devstack.adapters.local_publisher import LocalPublisher, NoopPublisher, local_publisher_app
from devstack.adapters.noop import check_noop
from devstack.adapters.probes import ExecProbe, HttpProbe
from devstack.adapters.url import UrlStorage
from devstack.adapters.wasm import WasmExecutor
from devstack.backend import Recorder, StackBackend
from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.checkers import LiveCheckers
from devstack.cluster import Cluster, node_labels, simulated_nodes
from devstack.compute.config import ComputeConfig, check_limits
from devstack.errors import AdapterError, DevstackError
from devstack.faults.engine import FaultEngine
from devstack.faults.fault import Fault
from devstack.folders import remove_abandoned, stack_folder
from devstack.http_api.app import create_app
from devstack.http_api.serve import listen, serve
from devstack.kernel import Keep, Network, Trace
from devstack.machine import default_capacity
from devstack.models.job import SpecConfig
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.logs import LogBook
from devstack.runtime.pace import RealTimePace
from devstack.runtime.ports import Executor, Probe, Publisher, Storage
from devstack.runtime.shell import LiveShell

__all__ = ["LiveStack", "StackOptions", "open_stack"]

TRACE_TAIL: Final = 10_000
READY_LIMIT_S: Final = 30.0
ENGINE_LIMIT_S: Final = 5.0


class SessionRecorder(Recorder, Protocol):
    """Keeps the session of one stack in a file."""

    def begin(self, cluster: Cluster) -> None:
        """The stack is ready."""

    async def keep_written(self) -> None:
        """Keep the file up to date, for ever."""

    def write(self) -> None:
        """Bring the file up to date."""


@attrs.frozen
class StackOptions:
    """What `up` can be told; the defaults are those of the command line."""

    nodes: int = 3
    host: str = "127.0.0.1"
    port: int = 1234
    seed: int = 0
    speed: int = 1
    behaviour: Behaviour = DOCUMENTED
    repo: Path | None = None
    capacity: Resources | None = None
    max_job: Resources | None = None
    default_job: Resources | None = None
    allow_listed_paths: tuple[str, ...] = ()
    docker: bool = True
    disabled_engines: frozenset[str] = frozenset()
    disabled_publishers: frozenset[str] = frozenset()
    disabled_sources: frozenset[str] = frozenset()
    bad_actors: int = 0
    default_publisher: SpecConfig = SpecConfig()
    manual_approval: bool = False
    node_settings: dict[str, Any] = attrs.field(factory=dict)
    probe_exec: str = ""
    probe_http: str = ""
    # What a scenario wishes beside: other nodes than like ones, and settings of the requester.
    reshape: Callable[[ComputeConfig], ComputeConfig] | None = None
    requester_settings: dict[str, Any] = attrs.field(factory=dict)
    docker_mode: str = "live"  # `record` keeps what containers do as cassettes, `replay` plays them without an engine.
    cassettes: Path = Path("cassettes")
    recording: SessionRecorder | None = None
    faults: tuple[Fault, ...] = ()
    warn: Callable[[str], None] = lambda line: None  # Is given a line when a rule does not hold.


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

        storages: dict[str, Storage] = {s.key: s for s in (UrlStorage(), InlineStorage())}
        if allowed:
            storages["localdirectory"] = LocalDirectoryStorage(allowed)
        publishers: dict[str, Publisher] = {
            p.key: p for p in (NoopPublisher(), LocalPublisher(publisher_dir, publisher_url))
        }

        logs = LogBook()
        paces: list[RealTimePace] = []
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
                _probes(options),
            )  # fmt: skip

        cluster = _make_cluster(options, engines, storages, publishers, make_shell, root)
        pace = paces[0]
        cluster.start()
        nursery.start_soon(pace.run)
        faults = FaultEngine(cluster)
        await _wait_ready(cluster)
        checkers = LiveCheckers(cluster, faults, options.warn)
        backend = StackBackend(pace, logs, faults, options.recording, checkers)
        if options.recording is not None:
            options.recording.begin(cluster)
            nursery.start_soon(options.recording.keep_written)
            leaving.callback(options.recording.write)
        for fault in options.faults:
            backend.inject_fault(fault)
        await nursery.start(partial(serve, local_publisher_app(publisher_dir), publisher_listener))
        port = await nursery.start(partial(serve, create_app(backend), listener))
        names = [docker_name] if with_docker else []
        names += [] if "wasm" in options.disabled_engines else [_wasmtime_version()]
        names += [] if "noop" in options.disabled_engines else ["noop"]
        yield LiveStack(
            cluster, pace, backend, options.host, port, names, docker_problem, root, docker, faults, checkers
        )


def _probes(options: StackOptions) -> list[Probe]:
    probes: list[Probe] = [ExecProbe(options.probe_exec)] if options.probe_exec else []
    return [*probes, HttpProbe(options.probe_http)] if options.probe_http else probes


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


def _make_cluster(
    options: StackOptions,
    engines: dict[str, Executor],
    storages: dict[str, Storage],
    publishers: dict[str, Publisher],
    make_shell: Callable[[Cluster], LiveShell],
    root: Path,
) -> Cluster:
    capacity = options.capacity or default_capacity(root)
    settings = {"has_probe": bool(_probes(options))} | options.node_settings
    if options.max_job is not None:
        settings["max_job"] = options.max_job
    if options.default_job is not None:
        settings["default_job"] = options.default_job
    disabled_noop = "noop" in options.disabled_engines
    nodes = simulated_nodes(
        options.nodes,
        behaviour=options.behaviour,
        capacity=capacity,
        engines=_offered(("docker", "wasm"), engines, options.disabled_engines),
        publishers=_offered(("noop", "local"), publishers, options.disabled_publishers),
        sources=_offered(("urldownload", "inline", "localdirectory"), storages, options.disabled_sources),
        hidden_engines=() if disabled_noop else ("noop",),
        check_simulated=check_noop,
        **settings,
    )
    first_bad = len(nodes) - options.bad_actors
    if options.bad_actors and options.behaviour.on("bad-actors-by-index"):
        first_bad -= 1  # v1.4.0 compares the index among all nodes, the requester too, with a count of compute nodes.
    nodes = [attrs.evolve(node, is_bad_actor=index >= first_bad) for index, node in enumerate(nodes)]
    if options.reshape is not None:
        nodes = [options.reshape(node) for node in nodes]
    for node in nodes:
        check_limits(node)
    requester = RequesterConfig(
        labels=node_labels("node-0"),
        behaviour=options.behaviour,
        default_publisher=options.default_publisher,
        manual_approval=options.manual_approval,
        unlisted_providers=frozenset() if disabled_noop else frozenset({"noop"}),
    )
    return Cluster(
        nodes,
        make_shell,
        seed=options.seed,
        requester=attrs.evolve(requester, **options.requester_settings),
        start_ns=time.time_ns(),
        network=Network(),
        trace=Trace(Keep.TAIL, TRACE_TAIL),
    )


def _offered(order: tuple[str, ...], have: dict[str, Any], disabled: frozenset[str]) -> tuple[str, ...]:
    return tuple(key for key in order if key in have and key not in disabled)


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
