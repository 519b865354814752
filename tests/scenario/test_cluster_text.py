"""A cluster that is written down is the cluster that is read."""

from __future__ import annotations

import attrs
import pytest

from devstack.behaviour import parse
from devstack.cluster import Cluster, simulated_nodes
from devstack.compute.config import ComputeConfig
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.cluster_text import cluster_row, shape_of
from devstack.scenario.settings import read_requester, read_shape, shaped

NODE = simulated_nodes(1)[0]


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"cpu": "1600m", "memory": "3gb", "disk": "7gb"},
        {"cpu": 2, "max_job": {"cpu": 1}, "default_job": {"cpu": "200m", "memory": "5mb"}},
        {"memory": "50mb"},
        {"gpu": 3},
        {"gpu": {"count": 2, "name": "Tesla T4", "vendor": "NVIDIA", "memory": "15360mib"}},
        {"region": "eu", "labels": {"tier": "gpu"}, "latency": "45ms"},
        {"engines": ["wasm"], "publishers": ["local"], "sources": ["inline"], "hidden_engines": []},
        {"accept_networked": True, "reject_stateless": True, "locality": "local", "bypass_namespaces": ["a"]},
        {"min_timeout": "1s", "max_timeout": "2562047h47m16s", "default_timeout": "1m30s"},
        {"wait_on_bid": True, "is_bad_actor": True, "heartbeat_interval": "20s", "kept_executions": 5},
    ],
)
def test_a_node_reads_as_it_was(words):
    """Whatever is unusual of it."""
    node = shaped(NODE, {"node-1": read_shape(words)})
    assert node == shaped(NODE, {"node-1": read_shape(shape_of(node))})


def test_a_usual_node_needs_no_word():
    """Nor does one without the source that virtual time does not have; a probe has none that could be played."""
    without = attrs.evolve(NODE, sources=tuple(key for key in NODE.sources if key != "localdirectory"))
    asking = attrs.evolve(NODE, probe_exec="true")
    assert [{}, {}, {}] == [shape_of(node) for node in (NODE, without, asking)]


def cluster_of(nodes: list[ComputeConfig], **requester: object) -> Cluster:
    config = attrs.evolve(RequesterConfig(), **requester)
    return Cluster(nodes, lambda world: SimulatedShell(world.kernel), seed=4, requester=config)


def test_the_whole_is_a_row_of_words():
    """Nodes, seed, behaviour, those nodes that are unusual, and the requester."""
    assert {"nodes": 3, "seed": 4} == cluster_row(cluster_of(simulated_nodes(3)))
    behaviour = parse(["v1.4.0", "ops-never-retried=off"])
    nodes = [NODE, attrs.evolve(simulated_nodes(2)[1], accept_networked=True)]
    row = cluster_row(cluster_of(nodes, behaviour=behaviour, default_total_timeout_s=60, queue_backoff_ns=5 * 10**9))
    assert (2, {"node-2": {"accept_networked": True}}) == (row["nodes"], row["shapes"])
    assert behaviour == parse(row["behaviour"])
    assert {"default_total_timeout_s": 60, "queue_backoff_ns": 5 * 10**9} == read_requester(row["requester"])
