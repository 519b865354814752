"""The quiet time at a run's end: as long as something is still to come, and no longer than that may take.

It does not wait for the timeouts of jobs. What is stuck would end by them, and nobody would see that it was stuck;
what is rightly under way is no open end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from devstack.checkers.violation import Violation
from devstack.cluster import Cluster
from devstack.models.gotext import SECOND_NS
from devstack.orchestrator.config import RequesterConfig

__all__ = ["LONGEST_NS", "quiet_ns", "settle"]

LONGEST_NS: Final = 2 * 3600 * SECOND_NS  # Faults that go on for longer count as endless.
_ROUNDS: Final = 3


def settle(
    cluster: Cluster, open_ends: Callable[[bool], Sequence[Violation]], faults_end_ns: int | None
) -> Sequence[Violation]:
    """Let the cluster run on until nothing is open; what still is at the end of the quiet time.

    Args:
        open_ends: What is open, asked with whether this is the last time.
        faults_end_ns: When the last fault is over; None: never, and then nothing can be asked for.
    """
    if faults_end_ns is None or faults_end_ns - cluster.now_ns > LONGEST_NS:
        return ()
    cluster.run_until(faults_end_ns)
    if not cluster.has_power(cluster.requester_id):
        return ()  # Nobody is there who could bring anything to its goal.
    found, limit_ns, step_ns = open_ends(False), -1, SECOND_NS
    while found:
        if limit_ns < 0:
            limit_ns = cluster.now_ns + quiet_ns(cluster.requester.config)
        if cluster.now_ns >= limit_ns:
            return open_ends(True)
        cluster.run_for(step_ns)
        step_ns = min(2 * step_ns, cluster.requester.config.housekeeping_interval_ns)
        found = open_ends(False)
    return ()


def quiet_ns(config: RequesterConfig) -> int:
    """How long it may take until all that can come right has: a silent node is noticed, what waits is looked at, and
    some rounds of housekeeping have passed.
    """
    noticed_ns = config.disconnect_after_ns + config.heartbeat_check_ns
    retried_ns = config.request_timeout_ns + config.queue_backoff_ns
    return noticed_ns + retried_ns + config.housekeeping_buffer_ns + _ROUNDS * config.housekeeping_interval_ns
