"""What a live stack is told, and the cluster that is made of it: its nodes, its requester, its kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, Protocol

import attrs

from devstack.adapters.noop import check_noop
from devstack.backend import Recorder
from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.cluster import Cluster, Shell, node_labels, simulated_nodes
from devstack.compute.config import EMBEDDED, PUBLISHERS, SOURCES, ComputeConfig, check_limits
from devstack.faults.fault import Fault
from devstack.kernel import Keep, Network, Trace
from devstack.machine import default_capacity
from devstack.models.job import SpecConfig
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig

__all__ = ["Providers", "SessionRecorder", "StackOptions", "make_cluster"]

TRACE_TAIL: Final = 10_000


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
    # What a scenario or a description of the cluster wishes: other nodes than like ones, and settings of the requester.
    reshape: Callable[[ComputeConfig], ComputeConfig] | None = None
    requester_settings: dict[str, Any] = attrs.field(factory=dict)
    docker_mode: str = "live"  # `record` keeps what containers do as cassettes, `replay` plays them without an engine.
    cassettes: Path = Path("cassettes")
    recording: SessionRecorder | None = None
    ipfs_connect: str = ""  # The URL of an outside IPFS node's API; empty: the store of this stack.
    ipfs_port: int | None = None  # Where the store of this stack answers as Kubo does; 0: any free port.
    faults: tuple[Fault, ...] = ()
    warn: Callable[[str], None] = lambda line: None  # Is given a line when a rule does not hold.


@attrs.frozen
class Providers:
    """The keys of what this stack has; no node can offer anything else."""

    engines: Collection[str]
    publishers: Collection[str]
    sources: Collection[str]


def make_cluster(options: StackOptions, have: Providers, make_shell: Callable[[Cluster], Shell], root: Path) -> Cluster:
    """The cluster, not yet switched on.

    Args:
        root: The stack's folder: the disk that it is on is the nodes' disk, if nothing is said of it.

    Raises:
        UsageError: limits of a node contradict each other.
    """
    noop = () if "noop" in options.disabled_engines else ("noop",)
    nodes = [_limited(node, have, noop, options) for node in _nodes(options, noop, root)]
    for node in nodes:
        check_limits(node)
    requester = RequesterConfig(
        labels=node_labels("node-0"),
        behaviour=options.behaviour,
        default_publisher=options.default_publisher,
        manual_approval=options.manual_approval,
        unlisted_providers=frozenset((*noop, *_embedded(options))),
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


def _embedded(options: StackOptions) -> tuple[str, ...]:
    return () if options.ipfs_connect else EMBEDDED


def _nodes(options: StackOptions, noop: tuple[str, ...], root: Path) -> list[ComputeConfig]:
    embedded = _embedded(options)
    settings = {"hidden_publishers": embedded, "hidden_sources": embedded, **options.node_settings}
    if options.max_job is not None:
        settings["max_job"] = options.max_job
    if options.default_job is not None:
        settings["default_job"] = options.default_job
    nodes = simulated_nodes(
        options.nodes,
        behaviour=options.behaviour,
        capacity=options.capacity or default_capacity(root),
        hidden_engines=noop,
        check_simulated=check_noop,
        **settings,
    )
    first_bad = len(nodes) - options.bad_actors
    if options.bad_actors and options.behaviour.on("bad-actors-by-index"):
        first_bad -= 1  # v1.4.0 compares the index among all nodes, the requester too, with a count of compute nodes.
    nodes = [attrs.evolve(node, is_bad_actor=index >= first_bad) for index, node in enumerate(nodes)]
    return nodes if options.reshape is None else [options.reshape(node) for node in nodes]


def _limited(node: ComputeConfig, have: Providers, noop: tuple[str, ...], options: StackOptions) -> ComputeConfig:
    """The node without what this stack does not have, whoever has wished for it."""
    return attrs.evolve(
        node,
        hidden_engines=_offered(node.hidden_engines, {*have.engines, *noop}, options.disabled_engines),
        engines=_offered(node.engines, {*have.engines, *noop}, options.disabled_engines),
        publishers=_offered(
            _with_outside(node.publishers, PUBLISHERS, options), have.publishers, options.disabled_publishers
        ),
        hidden_publishers=_offered(node.hidden_publishers, have.publishers, options.disabled_publishers),
        sources=_offered(_with_outside(node.sources, SOURCES, options), have.sources, options.disabled_sources),
        hidden_sources=_offered(node.hidden_sources, have.sources, options.disabled_sources),
    )


def _with_outside(wished: tuple[str, ...], default: tuple[str, ...], options: StackOptions) -> tuple[str, ...]:
    """Nodes of which nothing else is said have S3 too, and an outside IPFS node; simulated ones never."""
    outside = ("s3", *EMBEDDED) if options.ipfs_connect else ("s3",)
    return (*wished, *outside) if wished == default else wished


def _offered(wished: tuple[str, ...], have: Collection[str], disabled: Collection[str]) -> tuple[str, ...]:
    return tuple(key for key in wished if key in have and key not in disabled)
