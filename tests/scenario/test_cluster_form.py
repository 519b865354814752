"""A cluster in YAML."""

from __future__ import annotations

import pytest

from devstack.errors import UsageError
from devstack.models.resources import Resources
from devstack.scenario.cluster_form import MOST_NODES, read_cluster
from devstack.scenario.load import load_one
from devstack.scenario.run import Verdict, run

CLUSTER = """
seed: 7
behaviour: [v1.4.0]
regions: {eu: 5ms, us: 45ms}
all_nodes: {publishers: [local], labels: {env: prod, tier: plain}}
nodes:
  - {count: 2, cpu: 4, region: eu}
  - {cpu: 16, gpu: 2, region: us, labels: {tier: gpu}, engines: [docker, wasm], sources: [inline]}
  - {memory: 4gb, max_job: {cpu: 1}, locality: local, latency: 1ms, region: us}
shapes:
  node-2: {cpu: 8, labels: {disk: slow}, max_timeout: 1h}
requester: {manual_approval: true, default_total_timeout: 1h, default_publisher: local}
"""
CAPACITY = Resources(2000, 8 * 10**9, 50 * 10**9)


@pytest.fixture
def described(write):
    return read_cluster(write("c.yaml", CLUSTER), CAPACITY)


def test_groups_are_numbered_in_their_order(described):
    """And each node has what its group says, what all have, and what is an exception."""
    assert (4, 7, ("v1.4.0",)) == (described.nodes, described.seed, described.behaviour)
    one, two, three, four = (described.settings[f"node-{number}"] for number in range(1, 5))
    assert [4000, 8000, 16000, 2000] == [each["total"].cpu_millis for each in (one, two, three, four)]
    assert [8 * 10**9, 4 * 10**9] == [each["total"].memory_bytes for each in (one, four)]
    assert [("local",)] * 4 == [each["publishers"] for each in (one, two, three, four)]
    assert (("docker", "wasm"), ("inline",), 2) == (three["engines"], three["sources"], three["total"].gpu)
    assert 1000 == four["max_job"].cpu_millis
    assert ("max_timeout_ns" in two, "max_timeout_ns" in one) == (True, False)


def test_labels_are_put_together(described):
    """What is nearer to the node wins."""
    assert {"env": "prod", "tier": "plain", "region": "eu"} == described.settings["node-1"]["labels"]
    assert {"env": "prod", "tier": "plain", "region": "eu", "disk": "slow"} == described.settings["node-2"]["labels"]
    assert {"env": "prod", "tier": "gpu", "region": "us"} == described.settings["node-3"]["labels"]


def test_a_region_is_as_far_as_it_is_said_to_be(described):
    """Unless the node itself is nearer."""
    assert [5_000_000, 5_000_000, 45_000_000, 1_000_000] == [
        described.settings[f"node-{number}"]["latency_ns"] for number in range(1, 5)
    ]


def test_without_regions_a_region_is_a_mere_label(write):
    """Of any name."""
    settings = read_cluster(write("c.yaml", "nodes: [{region: eu}]")).settings["node-1"]
    assert {"labels": {"region": "eu"}} == settings


def test_the_requester_has_its_own_settings(described):
    """Approval, and what jobs get that say nothing."""
    settings = dict(described.requester_settings)
    assert "local" == settings.pop("default_publisher").type
    assert {"manual_approval": True, "default_total_timeout_s": 3600} == settings


def test_what_is_not_said_is_left_to_the_stack(write):
    """A number of nodes is enough."""
    described = read_cluster(write("c.yaml", "nodes: 5"))
    assert (5, None, (), {}, {}) == (
        described.nodes, described.seed, described.behaviour, described.settings, described.requester_settings
    )  # fmt: skip
    assert 3 == read_cluster(write("c.yaml", "seed: 1")).nodes


def test_a_scenario_has_the_same_words(write):
    """Its own file serves as a description, too, and its nodes are as far away and as they are described."""
    inner = "".join(
        f"  {line}\n" for line in CLUSTER.strip().splitlines() if "approval" not in line and "behav" not in line
    )
    constraints = "Constraints: [{Key: tier, Operator: '=', Values: [gpu]}]"
    spec = f"{{Type: batch, {constraints}, Tasks: [{{Name: m, Engine: {{Type: noop}}}}]}}"
    expect = "[{job: a, state: Completed, within: 1m}, {job: a, nodes_used: [node-3]}]"
    path = write("s.yaml", f"cluster:\n{inner}jobs: [{{name: a, spec: {spec}}}]\nexpect: {expect}\n")
    outcome = run(load_one(str(path)))
    assert (Verdict.PASSED, "") == (outcome.verdict, outcome.message)
    assert read_cluster(path).settings == load_one(str(path)).shapes


def test_a_probe_is_refused_in_virtual_time(write):
    """Nobody can say what it will answer the next time."""
    spec = "{Type: batch, Tasks: [{Name: m, Engine: {Type: noop}}]}"
    text = f"cluster: {{shapes: {{node-2: {{probe_exec: 'true'}}}}}}\njobs: [{{name: a, spec: {spec}}}]\n"
    with pytest.raises(UsageError, match="node-2 has a probe, and virtual time cannot ask one"):
        run(load_one(str(write("s.yaml", text))))


def test_ten_thousand_nodes_are_one_group(write):
    """Their settings are read once, and shared."""
    described = read_cluster(write("c.yaml", "nodes: [{count: 10000, cpu: 1}]"))
    assert (10_000, 1) == (described.nodes, len({id(settings) for settings in described.settings.values()}))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed: 7", "seed: -7", "c.yaml:2: seed cannot be -7"),
        ("seed: 7", "sed: 7", "c.yaml:2: unknown key 'sed' of cluster"),
        ("[v1.4.0]", "[v9]", "c.yaml:3: behaviour: unknown behaviour 'v9'"),
        ("eu: 5ms", "eu: soon", "c.yaml:4: eu: invalid duration 'soon'"),
        ("eu: 5ms", "eu: -5ms", "c.yaml:4: eu: '-5ms' cannot be"),
        ("{eu: 5ms, us: 45ms}", "[eu]", "c.yaml:4: regions is a mapping"),
        ("publishers: [local]", "publishers: [ftp]", "c.yaml:5: publishers: unknown name 'ftp'"),
        ("env: prod", "env: [prod]", "c.yaml:5: labels: env: ['prod'] is no text"),
        ("count: 2", "count: two", "c.yaml:7: count cannot be 'two'"),
        ("count: 2", "count: -2", "c.yaml:7: count cannot be -2"),
        ("count: 2", f"count: {MOST_NODES}", "c.yaml:8: 100001 nodes are more than one process can hold"),
        ("count: 2", "count: 99999999999999999999", "c.yaml:7: count cannot be 99999999999999999999"),
        ("cpu: 4", "cpu: -4", "c.yaml:7: invalid CPU value: -4"),
        ("cpu: 4", "cpus: 4", "c.yaml:7: unknown key 'cpus' of an entry of nodes"),
        ("region: eu", "region: ue", "c.yaml:7: region: there is no region 'ue'"),
        ("gpu: 2", "gpu: 1000000", "c.yaml:8: 1000000 GPUs are more than a node can have"),
        ("[docker, wasm]", "[dokcer]", "c.yaml:8: engines: unknown name 'dokcer'"),
        ("max_job: {cpu: 1}", "max_job: {cpu: 99}", "c.yaml:9: validating compute config: job resource limits"),
        ("max_job: {cpu: 1}", "default_job: {cpu: 99}", "c.yaml:9: validating compute config: default job resources"),
        ("latency: 1ms", "latency: 1m", "c.yaml:9: with a latency of 1m0s no answer reaches the node"),
        ("locality: local", "locality: near", "c.yaml:9: locality: 'near' cannot be"),
        ("node-2:", "node-5:", "c.yaml:11: shapes: there is no node 'node-5'"),
        ("node-2:", "node-02:", "c.yaml:11: shapes: there is no node 'node-02'"),
        ("max_timeout: 1h", "max_timeout: 1ms", "c.yaml:11: validating compute config: the shortest timeout"),
        ("manual_approval: true", "manual_approval: maybe", "c.yaml:12: requester: manual_approval: 'maybe' is"),
        ("manual_approval: true", "approval: true", "c.yaml:12: requester: unknown setting 'approval'"),
        ("default_publisher: local", "default_publisher: 3", "c.yaml:12: requester: default_publisher: 3 is no"),
    ],
)  # fmt: skip
def test_every_mistake_is_one_line_with_its_place(write, old, new, words):
    """The file, the line, what is wrong."""
    assert old in CLUSTER
    with pytest.raises(UsageError) as caught:
        read_cluster(write("c.yaml", CLUSTER.replace(old, new, 1)), CAPACITY)
    assert words in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "c.yaml:1: a cluster was to be here"),
        ("3", "c.yaml:1: a cluster was to be here"),
        ("[]", "c.yaml:1: a cluster was to be here"),
        ("cluster: 3", "c.yaml:1: cluster is a mapping"),
        ("cluster: {nodes: 2}\nnodes: 3", "c.yaml:2: nodes stands outside of cluster"),
        ("nodes:", "c.yaml:1: nodes cannot be None"),
        ("nodes: {a: 1}", "c.yaml:1: nodes cannot be {'a': 1}"),
        ("nodes: true", "c.yaml:1: nodes cannot be True"),
        ("nodes: 1.5", "c.yaml:1: nodes cannot be 1.5"),
        ("nodes: [3]", "c.yaml:1: an entry of nodes is a mapping"),
        (f"nodes: {MOST_NODES + 1}", "c.yaml:1: 100001 nodes are more than one process can hold"),
        ("all_nodes: 3", "c.yaml:1: all_nodes is a mapping"),
        ("shapes: [1]", "c.yaml:1: shapes is a mapping"),
        ("shapes: {node-1: 3}", "c.yaml:1: node-1 is a mapping"),
        ("nodes: 0\nshapes: {node-1: {}}", "c.yaml:2: shapes: there is no node 'node-1'"),
        ("requester: 3", "c.yaml:1: requester is a mapping"),
    ],
)
def test_a_file_of_the_wrong_kind_is_one_line_too(write, text, words):
    """Whatever is in it."""
    with pytest.raises(UsageError) as caught:
        read_cluster(write("c.yaml", text))
    assert words in caught.value.message
