"""Rule 4."""

import pytest

from devstack.errors import InvalidJobError
from devstack.models.job import Constraint
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.labels import rank_by_labels
from devstack.orchestrator.ranking.wanted import Wanted

CONFIG = RequesterConfig()


@pytest.fixture
def nodes(columns, node):
    return columns(node("n1", labels={"region": "us", "tier": "gold"}), node("n2", labels={"region": "eu"}), node("n3"))


def ranks(nodes, *constraints):
    return rank_by_labels(Wanted(constraints=constraints), nodes, CONFIG).ranks


def test_without_constraints_no_node_is_preferred(nodes):
    """No must-constraint: 0."""
    assert [0, 0, 0] == ranks(nodes)


def test_all_constraints_must_hold(nodes):
    """All match: 10; one does not: refused."""
    region, tier = Constraint("region", "in", ("us", "eu")), Constraint("tier", "=", ("gold",))
    assert [10, 10, -1] == ranks(nodes, region)
    assert [10, -1, -1] == ranks(nodes, region, tier)


def test_the_reason_shows_labels_and_selectors(nodes):
    """Labels in Go's map form, sorted; selectors as `[key op v1|v2 ...]`."""
    wanted = Wanted(constraints=(Constraint("region", "in", ("us", "jp")), Constraint("tier", "=", ("iron",))))
    assert (
        "labels map[region:us tier:gold] don't match required selectors [region in us|jp tier = iron]"
        == rank_by_labels(wanted, nodes, CONFIG).reasons[0]
    )


def test_wishes_add_ten_when_all_are_granted_and_never_refuse(nodes):
    """Keys that begin with `favour_` are soft."""
    wish = Constraint("favour_region", "=", ("us",))
    assert [10, 0, 0] == ranks(nodes, wish)
    assert [20, 10, -1] == ranks(nodes, wish, Constraint("region", "exists"))
    assert [0, 0, 0] == ranks(nodes, wish, Constraint("favour_tier", "=", ("iron",)))


def test_a_constraint_that_cannot_be_asked_is_an_error(nodes):
    """Bad syntax shows when nodes are ranked."""
    with pytest.raises(InvalidJobError):
        ranks(nodes, Constraint("size", "gt", ("big",)))
