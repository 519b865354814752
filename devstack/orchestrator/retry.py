"""Whether a job with failed executions may try again.

How often it may is not asked here: node selection lets each node try a job twice. Source: orchestrator reference 6.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from devstack.orchestrator.config import RequesterConfig

__all__ = ["ChainedRetry", "FixedRetry", "RetryStrategy", "retry_strategy"]


class RetryStrategy(Protocol):
    def should_retry(self, job_id: str) -> bool:
        """Whether failed executions of the job may be replaced."""


@attrs.frozen
class FixedRetry:
    """Always the same answer."""

    answer: bool

    def should_retry(self, job_id: str) -> bool:
        return self.answer


@attrs.frozen
class ChainedRetry:
    """Yes if all say yes; without any, no."""

    strategies: tuple[RetryStrategy, ...] = ()

    def should_retry(self, job_id: str) -> bool:
        return bool(self.strategies) and all(strategy.should_retry(job_id) for strategy in self.strategies)


def retry_strategy(config: RequesterConfig) -> RetryStrategy:
    """What the configuration asks for."""
    return ChainedRetry((FixedRetry(config.always_retry),))
