"""Rule 8: what became of this job on the node before.

A node tries a job at most twice, and not again after it refused the job or while it has it. What the documentation
says of daemons and services goes beyond that (both are switches): a program that ran and ended, well or badly, does
not use up a try, and only a live execution keeps a daemon off a node; but a node starts a job at most once in ten
seconds. This is all there is to "a program that ends is started again": the scheduler replaces what is missing.
Source: orchestrator reference 7.3 and 13.1 (15), http_api reference 5.2 (D12).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from devstack.behaviour import Behaviour
from devstack.models.execution import DISCARDED, ComputeState, Execution
from devstack.models.job import JobType
from devstack.orchestrator.ranking.column import POSSIBLE, UNSUITABLE

__all__ = ["FRESH", "START_INTERVAL_NS", "Past", "PastRule", "ended_by_itself"]

FRESH: Final = 30
START_INTERVAL_NS: Final = 10 * 1_000_000_000
_TOO_OFTEN: Final = "job already executed on this node more than once"
_REJECTED: Final = "job rejected"
_RESTING: Final = "job was started on this node less than 10s ago"


@attrs.frozen
class Past:
    """The rank of a node that has had executions of the job; it may start the job again from `rests_until_ns`."""

    rank: int
    reason: str = ""
    rests_until_ns: int = 0


def ended_by_itself(execution: Execution) -> bool:
    """Whether the program of a daemon or service came to its end: that counts as failed, with a result or without."""
    return execution.compute is ComputeState.FAILED and (execution.has_run or execution.run_output is not None)


@attrs.frozen
class PastRule:
    """How the executions of one type of job count against a node."""

    forgives_ended: bool
    forgives_all_but_live: bool

    @classmethod
    def of(cls, job_type: str, behaviour: Behaviour) -> PastRule:
        runs_on = job_type in (JobType.DAEMON, JobType.SERVICE)
        return cls(
            runs_on and not behaviour.on("long-running-never-restarted"),
            job_type == JobType.DAEMON and not behaviour.on("daemon-never-returns-to-node"),
        )

    def by_node(self, executions: Iterable[Execution], now_ns: int) -> dict[str, Past]:
        """The rank of every node that has had executions of the job; all others rank as FRESH."""
        nodes: dict[str, list[Execution]] = {}
        for execution in executions:
            nodes.setdefault(execution.node_id, []).append(execution)
        return {node_id: self.judge(past, now_ns) for node_id, past in nodes.items()}

    def judge(self, past: Sequence[Execution], now_ns: int) -> Past:
        """The rank of a node with that past (oldest first, not empty)."""
        counted = [execution for execution in past if not self._is_forgiven(execution)]
        if len(counted) > 1:
            return Past(UNSUITABLE, _TOO_OFTEN)
        if counted and not _may_try_again(counted[0]):
            return Past(UNSUITABLE, _REJECTED)
        if self.forgives_all_but_live and counted:
            return Past(UNSUITABLE, _REJECTED)
        if any(execution.is_ending for execution in past):
            # It may still run there, and two programs of a job on one node would get in each other's way.
            return Past(UNSUITABLE, _REJECTED, now_ns + START_INTERVAL_NS)
        rested_ns = past[-1].create_time_ns + START_INTERVAL_NS
        if len(counted) < len(past) and now_ns < rested_ns:
            return Past(UNSUITABLE, _RESTING, rested_ns)
        return Past(POSSIBLE)

    def _is_forgiven(self, execution: Execution) -> bool:
        if ended_by_itself(execution):
            return self.forgives_ended
        return self.forgives_all_but_live and execution.is_terminal


def _may_try_again(execution: Execution) -> bool:
    return execution.compute in DISCARDED and execution.compute is not ComputeState.ASK_FOR_BID_REJECTED
