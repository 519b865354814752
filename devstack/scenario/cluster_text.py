"""A cluster as a scenario file has it: how it differs from the usual one, in the words that `cluster_form` reads."""

from __future__ import annotations

from typing import Any, Final

import attrs

from devstack.behaviour import DOCUMENTED, SWITCHES, Behaviour, parse
from devstack.cluster import SIMULATED_CAPACITY, Cluster, node_labels, simulated_nodes
from devstack.compute.config import ComputeConfig
from devstack.models.gotext import duration_text
from devstack.models.resources import Resources, simulated_gpus
from devstack.orchestrator.config import RequesterConfig

__all__ = ["cluster_row", "shape_of"]

_LOCAL: Final = "localdirectory"


def cluster_row(cluster: Cluster) -> dict[str, Any]:
    """What a scenario file says under `cluster` to have such a one."""
    requester = cluster.requester.config
    row: dict[str, Any] = {"nodes": len(cluster.nodes), "seed": cluster.seed.root}
    if requester.behaviour != DOCUMENTED:
        row["behaviour"] = _words(requester.behaviour)
    shapes = {name: shape_of(node.config) for name, node in cluster.nodes.items()}
    if any(shapes.values()):
        row["shapes"] = {name: shape for name, shape in shapes.items() if shape}
    settings = _differences(requester, RequesterConfig())
    if settings:
        row["requester"] = settings
    return row


def _words(behaviour: Behaviour) -> list[str]:
    v1_4_0 = parse(["v1.4.0"])
    start, word = (v1_4_0, ["v1.4.0"]) if behaviour.on("results-kept") else (DOCUMENTED, [])
    changed = [name for name in SWITCHES if behaviour.on(name) != start.on(name)]
    return word + [f"{name}={'on' if behaviour.on(name) else 'off'}" for name in changed]


def shape_of(config: ComputeConfig) -> dict[str, Any]:
    """How the node differs from the one that a scenario has of itself; no virtual time has probes."""
    usual = simulated_nodes(1)[0]
    if _LOCAL not in config.sources:  # No virtual time has local directories, so that is no difference.
        usual = attrs.evolve(usual, sources=tuple(key for key in usual.sources if key != _LOCAL))
    own = {key: value for key, value in config.labels.items() if node_labels(config.node_id).get(key) != value}
    shape = (_sizes(config.total) if config.total != SIMULATED_CAPACITY else {}) | ({"labels": own} if own else {})
    if config.max_job != config.total:
        shape["max_job"] = _sizes(config.max_job)
    if config.default_job != usual.default_job:
        shape["default_job"] = _sizes(config.default_job)
    if config.locality is not usual.locality:
        shape["locality"] = config.locality.value
    return shape | _differences(config, usual)


def _sizes(total: Resources) -> dict[str, Any]:
    sizes = {"cpu": f"{total.cpu_millis}m", "memory": f"{total.memory_bytes}b", "disk": f"{total.disk_bytes}b"}
    return sizes | ({"gpu": _gpus(total)} if total.gpu else {})


def _gpus(total: Resources) -> Any:
    """How many, and of what kind if it is not the usual one."""
    first = total.gpus[0] if total.gpus else None
    if first is None or first == simulated_gpus(1)[0]:
        return str(total.gpu)
    return {"count": total.gpu, "name": first.name, "vendor": first.vendor, "memory": f"{first.memory_mib}mib"}


def _differences(config: Any, usual: Any) -> dict[str, Any]:
    """The plain settings that are not as usual, in the words of a scenario file."""
    found: dict[str, Any] = {}
    for field in attrs.fields(type(config)):
        value = getattr(config, field.name)
        if field.name in ("node_id", "requester_id") or value == getattr(usual, field.name):
            continue
        if field.name.endswith("_ns"):
            found[field.name.removesuffix("_ns")] = duration_text(value)
        elif isinstance(value, bool | int):
            found[field.name] = value
        elif isinstance(value, tuple) and all(isinstance(item, str) for item in value):
            found[field.name] = list(value)
    return found
