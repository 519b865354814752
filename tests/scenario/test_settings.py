"""Settings of nodes and of the requester in words."""

from __future__ import annotations

import attrs
import pytest

from devstack.cluster import simulated_nodes
from devstack.compute.config import DEFAULT_JOB, ComputeConfig, check_limits
from devstack.errors import UsageError
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.scenario.settings import NODE_WORDS, REQUESTER_WORDS, read_requester, read_shape, shaped

NODE = simulated_nodes(1)[0]


def test_every_setting_of_a_node_has_a_word_or_a_reason_to_have_none():
    """A new setting must be thought of here."""
    without = {"node_id", "requester_id", "total", "simulated_engines", "check_simulated", "behaviour"}
    assert {field.name for field in attrs.fields(ComputeConfig)} - without == {name for name, _ in NODE_WORDS.values()}


def test_every_setting_of_the_requester_has_a_word_or_a_reason_to_have_none():
    """Likewise."""
    without = {"node_id", "behaviour", "min_version", "version", "unlisted_providers", "policy"}
    settable = {name for name, _ in REQUESTER_WORDS.values()}
    assert {field.name for field in attrs.fields(RequesterConfig)} - without == settable


def test_a_size_given_in_part_is_filled_up():
    """By what the caller says that nodes have."""
    assert Resources(2000, 16 * 10**9, 100 * 10**9) == read_shape({"cpu": 2})["total"]
    assert Resources(2000, 7, 8) == read_shape({"cpu": 2}, Resources(1, 7, 8))["total"]
    assert Resources(1000, 16 * 10**9, 100 * 10**9) == read_shape({"cpu": 2, "max_job": {"cpu": 1}})["max_job"]
    assert Resources(100, DEFAULT_JOB.memory_bytes) == read_shape({"default_job": {"cpu": "100m"}})["default_job"]


def test_a_region_is_a_label():
    """Which the node's own labels may change."""
    assert {"region": "eu", "zone": "a"} == read_shape({"region": "eu", "labels": {"zone": "a"}})["labels"]
    assert {"region": "us"} == read_shape({"region": "eu", "labels": {"region": "us"}})["labels"]


def test_a_shape_changes_its_node_alone():
    """Labels are added, limits follow the size, GPUs get devices."""
    node = shaped(NODE, {"node-1": read_shape({"cpu": 2, "gpu": 1, "labels": {"zone": "a"}})})
    assert (2000, 1, 1) == (node.total.cpu_millis, node.total.gpu, len(node.total.gpus))
    assert node.total == node.max_job
    assert {**NODE.labels, "zone": "a"} == node.labels
    assert NODE == shaped(NODE, {"node-2": read_shape({"cpu": 2})})


def test_a_small_node_gives_its_jobs_what_it_has():
    """The usual default of a job would not fit; one that is given is left alone, and refused."""
    node = shaped(NODE, {"node-1": read_shape({"cpu": "100m", "memory": "50mb"})})
    check_limits(node)
    assert Resources(100, 50 * 10**6) == node.default_job
    with pytest.raises(UsageError, match="default job resources"):
        check_limits(shaped(NODE, {"node-1": read_shape({"cpu": "100m", "default_job": {"cpu": 1}})}))


def test_timeouts_of_jobs_may_be_said_as_durations():
    """The requester counts them in seconds."""
    words = {"default_total_timeout": "1h", "default_queue_timeout": 5, "default_execution_timeout_s": 7}
    assert {
        "default_total_timeout_s": 3600, "default_queue_timeout_s": 5, "default_execution_timeout_s": 7
    } == read_requester(words)  # fmt: skip


@pytest.mark.parametrize(
    ("read", "words", "problem"),
    [
        (read_shape, {"cpus": 2}, "unknown setting 'cpus'"),
        (read_shape, {"node_id": "x"}, "unknown setting 'node_id'"),
        (read_shape, {"heartbeat_interval": 0}, "heartbeat_interval: 0 cannot be"),
        (read_shape, {"accept_networked": "yes"}, "accept_networked: 'yes' is neither true nor false"),
        (read_shape, {"probe_http": "file:///etc/passwd"}, "probe_http: .* is no web page"),
        (read_shape, {"region": ["eu"]}, r"region: \['eu'\] is no text"),
        (read_requester, {"behaviour": "v1.4.0"}, "unknown setting 'behaviour'"),
        (read_requester, {"over_subscription_millis": 999}, "over_subscription_millis: 999 cannot be"),
        (read_requester, {"default_total_timeout": "1500ms"}, "'1500ms' has parts of a second"),
        (read_requester, {"default_publisher": "ftp"}, "default_publisher: unknown name 'ftp'"),
    ],
)
def test_a_word_that_cannot_be_is_refused_by_name(read, words, problem):
    """Unknown ones, and values of the wrong kind."""
    with pytest.raises(UsageError, match=problem):
        read(words)
