"""The one entry to the schedulers: an evaluation in, a plan out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from devstack.models.chance import Chance
from devstack.models.evaluation import Evaluation
from devstack.models.job import JobType
from devstack.models.plan import Plan
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.retry import RetryStrategy
from devstack.orchestrator.scheduler import batch_service, daemon, ops
from devstack.orchestrator.scheduler.common import Selector, Tools
from devstack.orchestrator.selection import SchedulingError
from devstack.orchestrator.store import JobRecord, JobStore

__all__ = ["Scheduler", "Schedulers", "scheduler_for"]

Scheduler = Callable[[Tools, JobRecord, Evaluation, int], Plan]

_SCHEDULERS: Final[dict[str, Scheduler]] = {
    JobType.BATCH: batch_service.schedule,
    JobType.SERVICE: batch_service.schedule,
    JobType.OPS: ops.schedule,
    JobType.DAEMON: daemon.schedule,
}


def scheduler_for(job_type: str) -> Scheduler:
    """The scheduler of that type of job.

    Raises:
        SchedulingError: there is none.
    """
    try:
        return _SCHEDULERS[job_type]
    except KeyError:
        raise SchedulingError(f"scheduler not found for evaluation type: {job_type}") from None


class Schedulers:
    """All schedulers of one requester."""

    def __init__(
        self, store: JobStore, selector: Selector, retry: RetryStrategy, config: RequesterConfig, chance: Chance
    ) -> None:
        self._store = store
        self._tools = Tools(selector, retry, config, chance)

    def plan(self, evaluation: Evaluation, now_ns: int) -> Plan:
        """What has to be done for the evaluation's job; nothing is changed yet.

        Raises:
            SchedulingError: it cannot be carried out now, and should be tried again later.
        """
        schedule = scheduler_for(evaluation.type)
        record = self._store.get(evaluation.job_id)
        if record is None:
            raise SchedulingError(f"job not found: {evaluation.job_id}")
        return schedule(self._tools, record, evaluation, now_ns)
