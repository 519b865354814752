"""Rule 6."""

import pytest

from devstack.errors import UsageError
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.ranking.over_subscription import check_factor, rank_by_over_subscription
from devstack.orchestrator.ranking.wanted import Wanted

TOP = (4, 16000, 100000, 8)
FULL_TWICE = {"top": (4, 4000, 4000, 4), "available": (2, 2000, 2000, 2), "queue": (6, 6000, 6000, 6)}


@pytest.mark.parametrize(
    ("factor_millis", "state", "job", "rank"),
    [
        pytest.param(1000, {"compute": False}, (0,), -1, id="T167"),
        pytest.param(
            1000, {"top": TOP, "available": (2, 8000, 50000, 4)}, (2, 8000, 50000, 4), 0, id="T169"
        ),
        pytest.param(1000, {"top": TOP}, (0,), 0, id="T171"),
        pytest.param(1500, {"top": TOP, "queue": (1.99, 7999, 49999, 3)}, (0.2, 1, 1, 1), -1, id="T173"),
        pytest.param(2000, FULL_TWICE, (0.01,), -1, id="T175"),
        pytest.param(2000, FULL_TWICE, (0, 0, 1, 0), -1, id="T177"),
        pytest.param(2000, FULL_TWICE, (0,), 0, id="exactly full"),
        pytest.param(1000, {"top": (4, 16000, 100000, 1), "queue": (0.01, 10, 100, 0)}, (0,), -1, id="T179"),
        pytest.param(1000, {"available": (1, 1, 1, 1)}, (0,), -1, id="no capacity at all"),
    ],
)  # fmt: skip
def test_a_node_may_promise_a_multiple_of_its_capacity(columns, node, resources, factor_millis, state, job, rank):
    """What is used, queued and wanted must be within capacity times factor, in every dimension."""
    wanted = Wanted(resources=resources(*job))
    config = RequesterConfig(over_subscription_millis=factor_millis)
    assert [rank] == rank_by_over_subscription(wanted, columns(node(**state)), config).ranks


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"compute": False}, "node queue usage is unknown"),
        (
            {"top": (2, 10**9, 0, 0), "available": (1.6, 0, 0, 0)},
            "node busy with available capacity {CPU: 1.6, Memory: 0 B, Disk: 0 B, GPU: 0}",
        ),
        (
            {"top": (2, 10**9, 0, 0), "available": (1.6, 0, 0, 0), "queue": (0.5, 0, 0, 0)},
            "node busy with available capacity {CPU: 1.6, Memory: 0 B, Disk: 0 B, GPU: 0}"
            " and queue capacity {CPU: 0.5, Memory: 0 B, Disk: 0 B, GPU: 0}",
        ),
    ],
)
def test_the_reason_tells_free_room_and_queue(columns, node, resources, state, reason):
    """The queue is only mentioned where there is one."""
    wanted = Wanted(resources=resources(9))
    assert {0: reason} == rank_by_over_subscription(wanted, columns(node(**state)), RequesterConfig()).reasons


@pytest.mark.parametrize("factor_millis", [-1000, 0, 999])
def test_t181_t183_a_factor_below_one_is_refused(factor_millis):
    """No node could be used in full."""
    with pytest.raises(UsageError, match="over-subscription factor must be at least 1"):
        check_factor(factor_millis)


@pytest.mark.parametrize("factor_millis", [1000, 2000])
def test_t185_a_factor_of_one_or_more_is_accepted(factor_millis):
    """From one upwards every factor will do."""
    check_factor(factor_millis)
