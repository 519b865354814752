"""Whether failed executions may be replaced: reference 6."""

import pytest

from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.retry import ChainedRetry, FixedRetry, retry_strategy

YES, NO = FixedRetry(True), FixedRetry(False)


@pytest.mark.parametrize(
    ("strategies", "answer"), [((), False), ((YES,), True), ((NO,), False), ((YES, YES), True), ((YES, NO), False)]
)
def test_a_chain_says_yes_if_all_do(strategies, answer):
    """An empty one says no."""
    assert answer is ChainedRetry(strategies).should_retry("j")


@pytest.mark.parametrize("always", [True, False])
def test_the_configuration_decides(always):
    """By default failed executions are replaced."""
    assert always is retry_strategy(RequesterConfig(always_retry=always)).should_retry("j")
    assert retry_strategy(RequesterConfig()).should_retry("j")
