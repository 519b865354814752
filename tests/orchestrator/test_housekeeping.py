"""The rounds that find jobs and executions which have run for too long."""

from __future__ import annotations

import attrs
import pytest

from devstack.behaviour import parse
from devstack.kernel.seed import Seed
from devstack.models.event import NO_EVENT
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.job import Job, JobState, SpecConfig, Task, Timeouts
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.housekeeping import due_evaluations
from devstack.orchestrator.store import JobStore

SECOND = 1_000_000_000
NOW = 10_000 * SECOND
CONFIG = RequesterConfig(housekeeping_buffer_ns=60 * SECOND)
RUNNING = ComputeState.BID_ACCEPTED
TIMEOUTS = Timeouts(60, 0, 120)


def add(
    store: JobStore, job_id: str, *executions: tuple[str, int], created_ns: int = NOW, job_type: str = "batch",
    timeouts: Timeouts = TIMEOUTS, compute: ComputeState = RUNNING,
) -> None:  # fmt: skip
    task = Task("main", SpecConfig("noop"), SpecConfig(), timeouts=timeouts)
    job = Job(job_id, job_id, "ns", job_type, priority=7, count=1, tasks=(task,))
    store.create_job(job, "", NO_EVENT, created_ns)
    for execution_id, modified_ns in executions:
        execution = Execution(execution_id, job_id, "node-1", "ns", "v-1", DesiredState.RUNNING, compute=compute)
        store.create_execution(execution, NO_EVENT, modified_ns)


def due(store: JobStore, config: RequesterConfig = CONFIG) -> list[tuple[str, str, str]]:
    evaluations = due_evaluations(store, config, Seed(0).stream("ids"), NOW)
    return [(evaluation.job_id, evaluation.triggered_by, evaluation.type) for evaluation in evaluations]


def test_an_execution_past_its_timeout_and_the_buffer_is_due() -> None:
    """One execution modified 120 s and a nanosecond ago asks for one exec-timeout evaluation (T095)."""
    store = JobStore()
    add(store, "j", ("e", NOW - 120 * SECOND - 1))
    assert [("j", "exec-timeout", "batch")] == due(store)


@pytest.mark.parametrize("modified_ns", [NOW - 90 * SECOND, NOW - 120 * SECOND])
def test_an_execution_within_the_buffer_is_left_to_its_node(modified_ns: int) -> None:
    """Inside the buffer nothing is asked for (T097)."""
    store = JobStore()
    add(store, "j", ("e", modified_ns))
    assert [] == due(store)


def test_a_job_past_its_total_timeout_is_due_without_executions() -> None:
    """A job created four minutes ago asks for a job-timeout evaluation (T099)."""
    store = JobStore()
    add(store, "j", created_ns=NOW - 240 * SECOND)
    assert [("j", "job-timeout", "batch")] == due(store)


def test_a_job_within_the_buffer_is_not_due() -> None:
    """A job created two minutes ago asks for nothing (T101)."""
    store = JobStore()
    add(store, "j", created_ns=NOW - 120 * SECOND)
    assert [] == due(store)


def test_a_late_job_is_told_once_and_its_executions_not_at_all() -> None:
    """The job's own timeout comes first (T103)."""
    store = JobStore()
    add(store, "j", ("e1", NOW - 200 * SECOND), ("e2", NOW - 200 * SECOND), created_ns=NOW - 240 * SECOND)
    assert [("j", "job-timeout", "batch")] == due(store)


@pytest.mark.parametrize("job_type", ["service", "daemon"])
def test_long_running_jobs_are_not_watched(job_type: str) -> None:
    """Services and daemons have no timeouts (T105)."""
    store = JobStore()
    add(store, "j", ("e", NOW - 999 * SECOND), created_ns=NOW - 999 * SECOND, job_type=job_type)
    assert [] == due(store)


def test_each_late_job_asks_once_in_the_order_of_types_and_ids() -> None:
    """Two jobs with a late execution each ask for two evaluations (T107)."""
    store = JobStore()
    for job_id, job_type in (("c", "ops"), ("b", "batch"), ("a", "batch")):
        add(store, job_id, (f"e-{job_id}", NOW - 200 * SECOND), (f"d-{job_id}", NOW - 200 * SECOND), job_type=job_type)
    expected = [("a", "exec-timeout", "batch"), ("b", "exec-timeout", "batch"), ("c", "exec-timeout", "ops")]
    assert expected == due(store)


def test_without_active_jobs_nothing_is_due() -> None:
    """No jobs, or only finished ones (T109)."""
    store = JobStore()
    assert [] == due(store)
    add(store, "j", created_ns=NOW - 999 * SECOND)
    store.update_job(store.job("j"), JobState.STOPPED, NO_EVENT, NOW)
    assert [] == due(store)


@pytest.mark.parametrize("compute", [s for s in ComputeState if s is not RUNNING])
def test_only_running_executions_can_be_late(compute: ComputeState) -> None:
    """What waits for a bid or is over does not run for too long."""
    store = JobStore()
    add(store, "j", ("e", NOW - 999 * SECOND), compute=compute)
    assert [] == due(store)


def test_an_execution_that_was_told_to_stop_is_over() -> None:
    """A stopped execution is terminal although its node has not said so."""
    store = JobStore()
    add(store, "j", ("e", NOW - 999 * SECOND))
    store.update_execution(store.execution("e"), NOW - 998 * SECOND, desired=DesiredState.STOPPED)
    assert [] == due(store)


def test_without_timeouts_nothing_is_late() -> None:
    """Zero means none; only the museum bug `total-timeout-overflow` takes it for too long."""
    store = JobStore()
    add(store, "j", ("e", 1), created_ns=1, timeouts=Timeouts())
    assert [] == due(store)
    bug = attrs.evolve(CONFIG, behaviour=parse(["total-timeout-overflow"]))
    assert [("j", "job-timeout", "batch")] == due(store, bug)


def test_an_evaluation_says_what_timed_out() -> None:
    """It carries the job's namespace and priority, and names the first late execution by id."""
    store = JobStore()
    add(store, "j", ("e2", NOW - 200 * SECOND), ("e1", NOW - 200 * SECOND))
    (evaluation,) = due_evaluations(store, CONFIG, Seed(0).stream("ids"), NOW)
    expected = ("ns", 7, "execution e1 timed out", NOW, NOW)
    assert expected == (
        evaluation.namespace, evaluation.priority, evaluation.comment, evaluation.create_time_ns,
        evaluation.modify_time_ns,
    )  # fmt: skip
    assert evaluation.id.startswith("v-")
