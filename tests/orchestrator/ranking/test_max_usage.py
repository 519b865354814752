"""Rule 5."""

import pytest

from devstack.models.job import Job, ResourcesConfig, SpecConfig, Task
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.max_usage import rank_by_max_usage
from devstack.orchestrator.ranking.wanted import wanted_by


@pytest.fixture
def rank(columns, node):
    nodes = columns(
        node("small", largest=(1, 1024, 0, 0)),
        node("med", largest=(2, 1_024_000, 0, 0)),
        node("large", largest=(3, 1_024_000_000, 0, 0)),
    )
    return lambda **texts: rank_by_max_usage(
        wanted_by(Job(tasks=(Task("main", SpecConfig("noop"), resources=ResourcesConfig(**texts)),))),
        nodes,
        RequesterConfig(),
    )


def test_t149_a_job_that_fits_everywhere_is_preferred_everywhere(rank):
    """Within the largest job of the node: 10."""
    assert [10, 10, 10] == rank(cpu="0.1").ranks


def test_t151_a_job_that_is_too_large_is_refused_with_the_numbers(rank):
    """Beyond it: refused; the limit itself still fits."""
    column = rank(cpu="2")
    assert [-1, 10, 10] == column.ranks
    assert {0: "job requires more CPU (2) than the maximum available (1)"} == column.reasons


def test_t153_each_node_tells_its_own_limit(rank):
    """The reason has the node's own maximum."""
    column = rank(cpu="3.1")
    assert [-1, -1, -1] == column.ranks
    assert [f"job requires more CPU (3.1) than the maximum available ({n})" for n in (1, 2, 3)] == list(
        column.reasons.values()
    )


def test_t155_every_resource_beyond_its_limit_is_named(rank):
    """Parts are joined by `and`; sizes are written for people."""
    column = rank(cpu="3", memory="2gb")
    assert [-1, -1, -1] == column.ranks
    cpu, memory = "more CPU (3) than the maximum available", "more memory (2.0 GB) than the maximum available"
    assert [
        f"job requires {cpu} (1) and {memory} (1.0 kB)",
        f"job requires {cpu} (2) and {memory} (1.0 MB)",
        f"job requires {memory} (1.0 GB)",
    ] == list(column.reasons.values())


def test_a_job_that_asks_for_nothing_is_possible_everywhere(rank):
    """No resources: 0."""
    assert [0, 0, 0] == rank().ranks
