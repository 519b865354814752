"""What one compute node is told when it is made.

Source: compute reference 2, 3, 11.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, Protocol

import attrs

from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.errors import UsageError
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.job import SpecConfig
from devstack.models.resources import Resources

__all__ = [
    "DEFAULT_JOB",
    "EMBEDDED",
    "ENGINES",
    "PUBLISHERS",
    "SIMULATED_SOURCES",
    "SOURCES",
    "ComputeConfig",
    "Locality",
    "SpecCheck",
    "check_limits",
    "node_labels",
]

# The provider keys that a node may list, in the order in which it lists them.
ENGINES: Final = ("docker", "wasm")
PUBLISHERS: Final = ("noop", "local")
SOURCES: Final = ("urldownload", "inline", "localdirectory")
# Publishers and sources that a live stack has by itself; they are listed only where an outside one takes their place.
EMBEDDED: Final = ("ipfs",)
# What only virtual time has: a size, and no bytes.
SIMULATED_SOURCES: Final = ("simulated",)
DEFAULT_JOB: Final = Resources(cpu_millis=500, memory_bytes=10**9)


class Locality(Enum):
    """Whether a node takes jobs whose inputs it would have to download."""

    ANYWHERE = "anywhere"
    LOCAL = "local"


class SpecCheck(Protocol):
    """Why an engine's parameters cannot be read; empty if they can. It is pickled with the node: no lambda."""

    def __call__(self, engine: SpecConfig, /) -> str: ...


def accept_any(engine: SpecConfig, /) -> str:
    """Nothing is wrong."""
    return ""


@attrs.frozen
class ComputeConfig:
    """One node's settings.

    `engines`, `publishers`, `sources` are the provider keys that node info lists, in that order; the hidden ones are
    accepted but not listed. `simulated_engines` need no preparation: they run as soon as there is room, and
    `check_simulated` looks at their parameters when the node bids.
    `max_job` is the most that one job may use; by default all of `total`.
    Execution timeouts outside `min_timeout_ns` and `max_timeout_ns` (0: no upper bound) are refused; a job without one
    gets `default_timeout_ns`.
    `probe_exec`, `probe_http`: a command and a web page that are asked about every job; empty: none.
    `wait_on_refusal`, `wait_on_bid`: what would be refused, or bid for, waits for a person instead.
    `latency_ns`: how long a message takes between this node and the requester, each way; None: as all others.
    `storage_latency_ns`, `storage_bytes_per_s`: how far and how wide its way to simulated inputs is; 0 bytes a second:
    as wide as can be.
    """

    node_id: str
    requester_id: str
    labels: Mapping[str, str] = attrs.field(factory=dict)
    engines: tuple[str, ...] = ENGINES
    publishers: tuple[str, ...] = PUBLISHERS
    sources: tuple[str, ...] = SOURCES
    hidden_engines: tuple[str, ...] = ("noop",)
    hidden_publishers: tuple[str, ...] = ()
    hidden_sources: tuple[str, ...] = SIMULATED_SOURCES
    simulated_engines: frozenset[str] = frozenset({"noop"})
    check_simulated: SpecCheck = accept_any
    total: Resources = Resources(cpu_millis=4000, memory_bytes=16 * 10**9, disk_bytes=100 * 10**9)
    max_job: Resources = attrs.field(default=attrs.Factory(lambda self: self.total, takes_self=True))
    default_job: Resources = DEFAULT_JOB
    min_timeout_ns: int = SECOND_NS // 2
    max_timeout_ns: int = 0
    default_timeout_ns: int = 600 * SECOND_NS
    bypass_namespaces: tuple[str, ...] = ()
    accept_networked: bool = False
    reject_stateless: bool = False
    locality: Locality = Locality.ANYWHERE
    probe_exec: str = ""
    probe_http: str = ""
    wait_on_bid: bool = False
    wait_on_refusal: bool = False
    is_bad_actor: bool = False
    heartbeat_interval_ns: int = 15 * SECOND_NS
    resources_interval_ns: int = 30 * SECOND_NS
    info_interval_ns: int = 60 * SECOND_NS
    register_timeout_ns: int = 2 * SECOND_NS
    engine_start_ns: int = SECOND_NS // 2
    latency_ns: int | None = None
    storage_latency_ns: int = 0
    storage_bytes_per_s: int = 0
    kept_executions: int = 1000
    with_history: bool = False
    behaviour: Behaviour = DOCUMENTED

    @property
    def has_probe(self) -> bool:
        """Whether every bid has to ask outside."""
        return bool(self.probe_exec or self.probe_http)

    def has_engine(self, key: str) -> bool:
        return key in self.engines or key in self.hidden_engines

    def has_publisher(self, key: str) -> bool:
        return key in self.publishers or key in self.hidden_publishers

    def has_source(self, key: str) -> bool:
        return key in self.sources or key in self.hidden_sources


def check_limits(config: ComputeConfig, physical: Resources | None = None) -> None:
    """Refuse limits that contradict each other, or the machine (`physical`; None: whatever it has).

    Raises:
        UsageError: a limit is greater than the one that contains it, or the node could never register.
    """
    if 0 < config.max_timeout_ns < config.min_timeout_ns:
        raise UsageError(
            f"validating compute config: the shortest timeout of a job {duration_text(config.min_timeout_ns)} exceeds "
            f"the longest {duration_text(config.max_timeout_ns)}",
            f"lower the min_timeout of {config.node_id}",
        )
    if config.latency_ns is not None and 2 * config.latency_ns >= config.register_timeout_ns:
        raise UsageError(
            f"with a latency of {duration_text(config.latency_ns)} no answer reaches {config.node_id} within its "
            f"register_timeout of {duration_text(config.register_timeout_ns)}",
            "lower the latency or raise register_timeout",
        )
    pairs = [
        ("job resource limits", config.max_job, "total resource limits", config.total),
        ("default job resources", config.default_job, "job resource limits", config.max_job),
    ]
    if physical is not None:
        pairs.insert(0, ("total resource limits", config.total, "physical resources", physical))
    for what, inner, limit, outer in pairs:
        if not inner.fits(outer):
            raise UsageError(
                f"validating compute config: {what} {inner} exceed {limit} {outer}",
                f"lower the {what} of {config.node_id}",
            )


def node_labels(config: ComputeConfig) -> Mapping[str, str]:
    """The configured labels, and what a node adds of itself."""
    labels = {**config.labels, "Operating-System": "linux", "Architecture": "amd64"}
    for gpu in config.total.gpus:
        labels[f"GPU-{gpu.index}"] = gpu.name.replace(" ", "-")
        labels[f"GPU-{gpu.index}-Memory"] = f"{gpu.memory_mib}-MiB"
    return labels
