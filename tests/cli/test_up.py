"""`up` from its flags to the options of a stack; what a stack does is in tests/live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devstack.assembly import StackOptions
from devstack.cli.up import _options, up
from devstack.errors import UsageError


def options_of(*flags: str) -> StackOptions:
    with up.make_context("up", list(flags)) as context:
        params: dict[str, Any] = context.params
        options: StackOptions = _options(params)[0]
        return options


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text("seed: 7\nbehaviour: v1.4.0\nnodes: [{count: 2}, {gpu: 1}]\nrequester: {manual_approval: true}\n")
    return path


def test_a_file_describes_the_cluster(file: Path):
    """Its nodes, seed, behaviour and requester."""
    options = options_of("--cluster", str(file))
    assert (3, 7, True) == (options.nodes, options.seed, options.behaviour.on("results-kept"))
    assert {"manual_approval": True} == options.requester_settings
    assert options.reshape is not None


def test_a_flag_decides_before_the_file(file: Path):
    """What is typed now is meant more than what was written then."""
    options = options_of("--cluster", str(file), "--seed", "8", "--behaviour", "documented")
    assert (8, False) == (options.seed, options.behaviour.on("results-kept"))


def test_flags_fill_in_what_the_file_does_not_say(file: Path):
    """Sizes, for one."""
    file.write_text("nodes: [{cpu: 1}, {memory: 3gb}]")
    options = options_of("--cluster", str(file), "--cpu", "7", "--memory", "5gb", "--disk", "9gb")
    assert options.capacity is not None and options.reshape is not None
    from devstack.cluster import simulated_nodes

    totals = [options.reshape(node).total for node in simulated_nodes(2, capacity=options.capacity)]
    assert [(1000, 5 * 10**9), (7000, 3 * 10**9)] == [(total.cpu_millis, total.memory_bytes) for total in totals]


def test_an_outside_ipfs_node_or_a_port_for_the_own_store():
    """Neither, unless it is said."""
    plain = options_of()
    assert ("", None) == (plain.ipfs_connect, plain.ipfs_port)
    assert "http://127.0.0.1:5001" == options_of("--ipfs-connect", "/ip4/127.0.0.1/tcp/5001").ipfs_connect
    assert 0 == options_of("--ipfs-port", "0").ipfs_port
    assert "ipfs" == options_of("--default-publisher", "ipfs").default_publisher.type


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--ipfs-connect", "nonsense"], "--ipfs-connect nonsense is no address of an IPFS API"),
        (["--ipfs-port", "70000"], "--ipfs-port 70000 is no port"),
        (["--ipfs-port", "0", "--ipfs-connect", "http://127.0.0.1:1"], "which --ipfs-connect replaces"),
    ],
)
def test_wrong_ipfs_flags_are_answered_in_words(flags: list[str], words: str):
    """With the flag's name."""
    with pytest.raises(UsageError, match=words):
        options_of(*flags)


@pytest.mark.parametrize("flag", ["--nodes", "--compute-nodes"])
def test_the_number_of_nodes_is_said_once(file: Path, flag: str):
    """By a flag or by the file."""
    with pytest.raises(UsageError, match="--nodes and --cluster both say"):
        options_of("--cluster", str(file), flag, "3")


def test_a_file_that_is_not_there_is_named():
    """In one line."""
    with pytest.raises(UsageError, match=r"cannot read none\.yaml: no such file or directory"):
        options_of("--cluster", "none.yaml")


def test_without_a_file_nodes_are_alike():
    """Three, or as many as are asked for; a number that no process could hold is refused."""
    options = options_of()
    assert (3, None) == (options.nodes, options.reshape)
    assert 5 == options_of("--nodes", "5").nodes
    with pytest.raises(UsageError, match="100001 nodes are more than one process can hold"):
        options_of("--nodes", "100001")


def test_gpus_are_as_many_as_a_node_can_have():
    """Each of them with a device that can be handed out."""
    capacity = options_of("--gpu", "256").capacity
    assert capacity is not None and (256, 256) == (capacity.gpu, len(capacity.gpus))
    with pytest.raises(UsageError, match="--gpu 257 is more than a node can have"):
        options_of("--gpu", "257")


def test_a_probe_is_a_setting_of_every_node():
    """Of both kinds."""
    settings = options_of("--job-selection-probe-exec", "true", "--job-selection-probe-http", "http://x/").node_settings
    assert ("true", "http://x/") == (settings["probe_exec"], settings["probe_http"])
