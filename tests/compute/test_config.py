"""What one compute node is told when it is made."""

import attrs
import pytest

from devstack.compute.config import ComputeConfig, check_limits, node_labels
from devstack.errors import UsageError
from devstack.models.resources import Gpu, Resources

CONFIG = ComputeConfig("node-1", "node-0", labels={"env": "devstack"}, total=Resources(2000, 10**10))


def test_one_job_may_use_the_whole_node():
    """Without a limit for one job, the total is that limit."""
    assert CONFIG.total == CONFIG.max_job


@pytest.mark.parametrize(
    ("changes", "physical", "problem"),
    [
        ({}, Resources(1000, 10**10), "total resource limits .* exceed physical resources"),
        ({"max_job": Resources(3000)}, None, "job resource limits .* exceed total resource limits"),
        ({"max_job": Resources(100)}, None, "default job resources .* exceed job resource limits"),
        ({"max_timeout_ns": 1}, None, "the shortest timeout of a job 500ms exceeds the longest 1ns"),
    ],
)
def test_limits_that_contradict_each_other(changes, physical, problem):
    """A limit may not be greater than the one that contains it."""
    with pytest.raises(UsageError, match=f"validating compute config: {problem}"):
        check_limits(attrs.evolve(CONFIG, **changes), physical)


def test_a_node_that_is_too_far_away_to_register():
    """It would wait for ever for an answer that is still under way; half the time of that is near enough."""
    with pytest.raises(UsageError, match="no answer reaches node-1 within its register_timeout of 2s"):
        check_limits(attrs.evolve(CONFIG, latency_ns=10**9))
    check_limits(attrs.evolve(CONFIG, latency_ns=10**9 - 1))


def test_either_probe_is_one():
    """Then every bid has to ask outside."""
    asked = [CONFIG, attrs.evolve(CONFIG, probe_exec="true"), attrs.evolve(CONFIG, probe_http="http://127.0.0.1/")]
    assert [False, True, True] == [config.has_probe for config in asked]


def test_limits_that_fit():
    """Equal limits are no contradiction."""
    check_limits(CONFIG, CONFIG.total)


def test_a_node_labels_itself():
    """The configured labels come first, then system, architecture and devices."""
    total = Resources(gpu=1, gpus=(Gpu(0, "Tesla T4", "NVIDIA", 15360),))
    assert {
        "env": "devstack",
        "Operating-System": "linux",
        "Architecture": "amd64",
        "GPU-0": "Tesla-T4",
        "GPU-0-Memory": "15360-MiB",
    } == node_labels(attrs.evolve(CONFIG, total=total))
