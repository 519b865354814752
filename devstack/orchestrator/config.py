"""What can be set on a requester, with Bacalhau's defaults. Source: orchestrator reference 17."""

from __future__ import annotations

from typing import Final

import attrs

from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.models.job import SpecConfig
from devstack.models.node import V1_4_0, BuildVersion
from devstack.orchestrator.ranking.policy import Policy

__all__ = ["RequesterConfig"]

SECOND_NS: Final = 1_000_000_000


@attrs.frozen
class RequesterConfig:
    node_id: str = "node-0"
    labels: dict[str, str] = attrs.field(factory=dict)
    behaviour: Behaviour = DOCUMENTED
    # Defaults for jobs, in seconds; zero means none.
    default_total_timeout_s: int = 1800
    default_execution_timeout_s: int = 0
    default_queue_timeout_s: int = 0
    default_publisher: SpecConfig = SpecConfig()
    # Scheduling.
    queue_backoff_ns: int = 60 * SECOND_NS
    over_subscription_millis: int = 1500  # thousandths: 1.5
    rank_randomness: int = 5
    policy: Policy | None = None  # None: Bacalhau's own taste in nodes.
    min_version: BuildVersion = BuildVersion("1", "0", "v1.0.4")
    version: BuildVersion = V1_4_0
    always_retry: bool = True
    # Engines, publishers and sources that every node has without listing them (the simulated ones).
    unlisted_providers: frozenset[str] = frozenset({"noop", "simulated"})
    # Housekeeping.
    housekeeping_interval_ns: int = 30 * SECOND_NS
    housekeeping_buffer_ns: int = 120 * SECOND_NS
    # Evaluation broker.
    broker_visibility_ns: int = 60 * SECOND_NS
    broker_initial_retry_ns: int = SECOND_NS
    broker_subsequent_retry_ns: int = 30 * SECOND_NS
    broker_max_receive: int = 10
    # Nodes.
    heartbeat_check_ns: int = 30 * SECOND_NS
    disconnect_after_ns: int = 30 * SECOND_NS
    manual_approval: bool = False
    # How long a request to a node may go unanswered before it counts as failed.
    request_timeout_ns: int = 10 * SECOND_NS
