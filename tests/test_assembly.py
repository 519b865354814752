"""From a stack's options to its cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devstack.assembly import Providers, StackOptions, make_cluster
from devstack.compute.config import ComputeConfig
from devstack.errors import UsageError
from devstack.models.job import SpecConfig
from devstack.models.resources import Resources
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.settings import read_requester, read_shape, shaped

EVERYTHING = Providers(
    ("docker", "wasm"), ("noop", "local", "ipfs"), ("urldownload", "inline", "localdirectory", "ipfs")
)


def nodes_of(root: Path, have: Providers = EVERYTHING, **options: Any) -> list[ComputeConfig]:
    cluster = make_cluster(StackOptions(**options), have, lambda world: SimulatedShell(world.kernel), root)
    return [node.config for node in cluster.nodes.values()]


def test_nodes_are_alike_unless_they_are_described(tmp_path: Path):
    """The machine's capacity, or the one that is given; then what the description says."""
    shapes = {"node-2": read_shape({"cpu": 8, "gpu": 1, "engines": ["wasm"]})}
    one, two = nodes_of(tmp_path, nodes=2, capacity=Resources(2000, 10**10), reshape=partial(shaped, shapes=shapes))
    assert [(2000, 0), (8000, 1)] == [(node.total.cpu_millis, node.total.gpu) for node in (one, two)]
    assert [("docker", "wasm"), ("wasm",)] == [one.engines, two.engines]


def test_no_node_offers_what_the_stack_does_not_have(tmp_path: Path):
    """Whatever is wished: no engine answers, no paths are allowed, or it is switched off."""
    shapes = {"node-1": read_shape({"engines": ["docker", "wasm", "noop"], "hidden_engines": ["noop"]})}
    have = Providers(("wasm",), ("local",), ("inline",))
    off = frozenset({"noop"})
    (node,) = nodes_of(tmp_path, have, nodes=1, reshape=partial(shaped, shapes=shapes), disabled_engines=off)
    assert (("wasm",), (), ("local",), ("inline",)) == (
        node.engines, node.hidden_engines, node.publishers, node.sources
    )  # fmt: skip


def test_the_simulated_engine_is_there_without_being_listed(tmp_path: Path):
    """Unless it is listed, or switched off."""
    (node,) = nodes_of(tmp_path, nodes=1)
    assert ("noop" in node.engines, node.has_engine("noop")) == (False, True)
    shapes = {"node-1": read_shape({"engines": ["noop"], "hidden_engines": []})}
    (node,) = nodes_of(tmp_path, nodes=1, reshape=partial(shaped, shapes=shapes))
    assert (("noop",), ()) == (node.engines, node.hidden_engines)


def test_the_own_ipfs_store_is_there_without_being_listed(tmp_path: Path):
    """Unless an outside node takes its place, which is listed; or it is switched off."""
    (node,) = nodes_of(tmp_path, nodes=1)
    assert (("noop", "local"), ("ipfs",), ("ipfs",)) == (node.publishers, node.hidden_publishers, node.hidden_sources)
    (node,) = nodes_of(tmp_path, nodes=1, ipfs_connect="http://127.0.0.1:5001")
    assert (("noop", "local", "ipfs"), "ipfs", ()) == (node.publishers, node.sources[-1], node.hidden_sources)
    off = frozenset({"ipfs"})
    (node,) = nodes_of(tmp_path, nodes=1, disabled_publishers=off, disabled_sources=off)
    assert (False, False) == (node.has_publisher("ipfs"), node.has_source("ipfs"))


def test_limits_that_contradict_each_other_name_the_node(tmp_path: Path):
    """Before anything is started."""
    with pytest.raises(UsageError, match="validating compute config: job resource limits") as caught:
        nodes_of(tmp_path, nodes=2, capacity=Resources(2000, 10**10), max_job=Resources(3000, 10**10))
    assert "node-1" in caught.value.hint


def test_the_last_nodes_are_the_bad_ones(tmp_path: Path):
    """And those that the description calls so."""
    shapes = {"node-1": read_shape({"is_bad_actor": True})}
    nodes = nodes_of(tmp_path, nodes=3, bad_actors=1, reshape=partial(shaped, shapes=shapes))
    assert [True, False, True] == [node.is_bad_actor for node in nodes]


def test_the_requester_has_its_flags_and_its_description(tmp_path: Path):
    """The description decides where both speak."""
    settings = read_requester({"default_publisher": "noop", "default_total_timeout": "1m"})
    options = StackOptions(default_publisher=SpecConfig("local"), manual_approval=True, requester_settings=settings)
    cluster = make_cluster(options, EVERYTHING, lambda world: SimulatedShell(world.kernel), tmp_path)
    config = cluster.requester.config
    assert ("noop", True, 60) == (config.default_publisher.type, config.manual_approval, config.default_total_timeout_s)
