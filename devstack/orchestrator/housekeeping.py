"""The rounds that find jobs and executions which have run for too long.

A round changes no state; it only asks for evaluations, and the scheduler looks again. It waits a while longer than
the timeouts themselves, so that compute nodes, which watch them too, come first. Source: orchestrator reference 10.
"""

from __future__ import annotations

from typing import Final

from devstack.models.chance import Chance, new_id
from devstack.models.evaluation import Evaluation, Trigger
from devstack.models.execution import ComputeState, Execution
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.store import JobRecord, JobStore

__all__ = ["due_evaluations"]

SECOND_NS: Final = 1_000_000_000


def due_evaluations(store: JobStore, config: RequesterConfig, chance: Chance, now_ns: int) -> list[Evaluation]:
    """What this round asks for: at most one evaluation a job, in the order of types and ids."""
    endless_is_late = config.behaviour.on("total-timeout-overflow")
    watched = [record for record in store.in_progress() if not record.job.is_long_running]
    evaluations = []
    for record in sorted(watched, key=lambda record: (record.job.type, record.job.id)):
        buffered_ns = now_ns - config.housekeeping_buffer_ns
        if _is_job_late(record, buffered_ns, endless_is_late):
            comment = f"job {record.job.id} timed out"
            evaluations.append(_evaluation(record, Trigger.JOB_TIMEOUT, comment, chance, now_ns))
        elif late := _late_execution(record, buffered_ns):
            comment = f"execution {late.id} timed out"
            evaluations.append(_evaluation(record, Trigger.EXEC_TIMEOUT, comment, chance, now_ns))
    return evaluations


def _is_job_late(record: JobRecord, buffered_ns: int, endless_is_late: bool) -> bool:
    total_s = record.job.task.timeouts.total_s
    if total_s <= 0:
        # In Bacalhau "no timeout" is 292 years, and adding the buffer to it overflows.
        return endless_is_late
    return record.create_time_ns < buffered_ns - total_s * SECOND_NS


def _late_execution(record: JobRecord, buffered_ns: int) -> Execution | None:
    """The first execution, by id, that runs for longer than its timeout and the buffer."""
    timeout_s = record.job.task.timeouts.effective_execution_s
    if timeout_s <= 0:
        return None
    limit_ns = buffered_ns - timeout_s * SECOND_NS
    late = [execution for execution in record.executions.values() if _is_execution_late(execution, limit_ns)]
    return min(late, key=lambda execution: execution.id, default=None)


def _is_execution_late(execution: Execution, limit_ns: int) -> bool:
    return (
        execution.compute is ComputeState.BID_ACCEPTED
        and not execution.is_terminal
        and execution.modify_time_ns < limit_ns
    )


def _evaluation(record: JobRecord, trigger: str, comment: str, chance: Chance, now_ns: int) -> Evaluation:
    job = record.job
    return Evaluation(
        new_id(chance, "v-"), job.id, job.type, trigger, job.namespace, job.priority, comment=comment,
        create_time_ns=now_ns, modify_time_ns=now_ns,
    )  # fmt: skip
