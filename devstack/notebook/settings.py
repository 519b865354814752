"""What a lab is made with, as one value: a lab that is made again with it lives the same life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from devstack.behaviour import DOCUMENTED, Behaviour, parse
from devstack.cluster import Cluster, node_labels
from devstack.compute.config import ComputeConfig
from devstack.errors import UsageError
from devstack.kernel import Trace
from devstack.notebook.policies import Policy, policy, under
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.virtual_shell import VirtualShell
from devstack.scenario.run import node_configs, refuse_probe, switch_on
from devstack.scenario.settings import read_requester, read_shape, shaped

__all__ = ["Settings", "behaviour_of", "cluster_of", "node_config", "reshaped"]

MOST_NODES = 10_000


def _behaviour_words(words: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(words.split(",")) if isinstance(words, str) and words else tuple(words)


def _policy(wanted: Policy | str | None) -> Policy | None:
    return policy(wanted) if isinstance(wanted, str) else wanted


@attrs.frozen
class Settings:
    """`shapes` are words of a scenario file by node id; `requester` likewise for the requester."""

    nodes: int = 3
    seed: int = 0
    shapes: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    policy: Policy | None = attrs.field(default=None, converter=_policy)
    behaviour: tuple[str, ...] = attrs.field(default=(), converter=_behaviour_words)
    docker: str = "replay"
    cassettes: Path = attrs.field(default=Path("cassettes"), converter=Path)
    requester: Mapping[str, Any] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for name, least, most in (("nodes", 1, MOST_NODES), ("seed", None, None)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise UsageError(f"{name} has to be a whole number, not {value!r}")
            if least is not None and most is not None and not least <= value <= most:
                raise UsageError(f"{value} nodes are no cluster for a notebook", f"take {least} to {most:,}")


def cluster_of(settings: Settings) -> Cluster:
    """A cluster with these settings, switched on and ready.

    Raises:
        UsageError: a setting cannot be as it is.
    """
    behaviour = behaviour_of(settings)
    shapes = {node_id: read_shape(words) for node_id, words in settings.shapes.items()}
    requester = RequesterConfig(
        labels=node_labels("node-0"), behaviour=behaviour, **read_requester(settings.requester)
    )  # fmt: skip
    cluster = Cluster(
        node_configs(settings.nodes, behaviour, settings.docker, shapes),
        lambda made: VirtualShell(made, behaviour, docker=settings.docker, cassettes=settings.cassettes),
        seed=settings.seed,
        requester=under(settings.policy, requester),
        trace=Trace(),
    )
    switch_on(cluster)
    return cluster


def node_config(settings: Settings, node_id: str, shape: Mapping[str, Any]) -> ComputeConfig:
    """One more node of that cluster, like the others but for its shape."""
    usual = node_configs(1, behaviour_of(settings), settings.docker, {})[0]
    config = attrs.evolve(usual, node_id=node_id, labels=node_labels(node_id))
    return reshaped(config, shape)


def reshaped(config: ComputeConfig, shape: Mapping[str, Any]) -> ComputeConfig:
    """The same node in another shape. Raises UsageError: it has what virtual time cannot have."""
    changed = shaped(config, {config.node_id: shape})
    refuse_probe(changed)
    return changed


def behaviour_of(settings: Settings) -> Behaviour:
    """Which switches are on. Raises UsageError: there is no such switch."""
    return parse(settings.behaviour) if settings.behaviour else DOCUMENTED
