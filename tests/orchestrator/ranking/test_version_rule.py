"""Rule 7."""

import pytest

from devstack.models.node import BuildVersion
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.version import rank_by_version
from devstack.orchestrator.ranking.wanted import Wanted


@pytest.mark.parametrize(
    ("parts", "rank"),
    [
        pytest.param(("0", "9", "v0.9.0"), -1, id="T157"),
        pytest.param(("1", "3", "v1.3.11"), -1, id="T159"),
        pytest.param(("1", "3", "v1.3.12"), 10, id="T161"),
        pytest.param(("1", "4", "v1.4.0"), 10, id="T163"),
        pytest.param(("0", "0", "v0.0.0-xxxxxxx"), 10, id="T165"),
        pytest.param(("", "", ""), 0, id="unknown"),
        pytest.param(("1", "10", "v1.10.0"), -1, id="compared as text"),
    ],
)
def test_older_nodes_are_refused(columns, node, parts, rank):
    """Older than the oldest: refused; unknown: 0; development builds and the rest: 10."""
    config = RequesterConfig(min_version=BuildVersion("1", "3", "v1.3.12"))
    column = rank_by_version(Wanted(), columns(node(version=BuildVersion(*parts))), config)
    assert [rank] == column.ranks
    assert ({0: "Bacalhau version is incompatible"} if rank < 0 else {}) == column.reasons
