"""What people ask of the requester about jobs: take one, find one, stop one, its log and its results.

Source: orchestrator reference 1.17 and 16.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

import attrs

from devstack.errors import (
    AmbiguousIdError,
    ConflictError,
    DevstackError,
    LateInvalidJobError,
    NotFoundError,
)
from devstack.models.chance import Chance, new_id
from devstack.models.evaluation import Evaluation, Trigger
from devstack.models.event import Event, Topic
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Job, JobState, JobType, SpecConfig, Task, Timeouts
from devstack.models.normalise import no_effect_warnings, normalise, sanitise
from devstack.models.validation import validate, validate_submission
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.paging import listed_ids
from devstack.orchestrator.store import JobRecord, JobStore

__all__ = ["Endpoint", "Prepared", "Submission", "job_digest"]

REQUESTER_META: Final = "bacalhau.org/requester.id"
_FULL_ID: Final = re.compile(r"(?:[A-Za-z]-)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


@attrs.frozen
class Prepared:
    """A job as it would be stored, and what the submitter should know."""

    job: Job
    warnings: tuple[str, ...]


@attrs.frozen
class Submission:
    record: JobRecord
    evaluation: Evaluation
    warnings: tuple[str, ...]


class Endpoint:
    """The door to the job store."""

    def __init__(self, store: JobStore, config: RequesterConfig, chance: Chance) -> None:
        self._store = store
        self._config = config
        self._chance = chance
        behaviour = config.behaviour
        self._accept_bad_requirements = behaviour.on("bad-requirement-accepted")
        self._warn_of_no_effect = behaviour.on("no-effect-warnings")
        self._replace_negative = behaviour.on("negative-timeout-replaced")
        self._short_total = behaviour.on("short-default-total-timeout")
        self._copy_priority = not behaviour.on("priority-not-copied")
        self._unknown_is_bucket = behaviour.on("bucket-not-found-error")
        self._short_stop_fails = behaviour.on("stop-by-short-id-fails")
        self._failed_stop_is_server_error = behaviour.on("stop-failed-job-is-server-error")

    # ---- submit --------------------------------------------------------------------------------------------

    def prepare(self, job: Job | None) -> Prepared:
        """The job with everything that the server adds, checked in full; nothing is stored.

        Raises:
            InvalidJobError: a broken rule; LateInvalidJobError where Bacalhau finds it only while storing.
        """
        normalised = job and normalise(job, self._config.behaviour)
        validate_submission(normalised, self._accept_bad_requirements)
        assert normalised is not None  # a missing job has been refused
        # An id that is dropped here has by now become the name of a job without one, as in Bacalhau.
        job, warnings = sanitise(normalised)
        if self._warn_of_no_effect and (more := no_effect_warnings(job)):
            warnings = (*warnings, *more)
        job = self._complete(job)
        validate(job, self._accept_bad_requirements)
        return Prepared(job, warnings)

    def submit(self, job: Job | None, now_ns: int) -> Submission:
        """Store the job and ask for its first evaluation.

        Raises:
            InvalidJobError: see `prepare`; also when the id is taken.
        """
        prepared = self.prepare(job)
        job = prepared.job
        self._check_id(job.id)
        record = self._store.create_job(job, job_digest(job), Event("Job submitted", Topic.SUBMISSION, now_ns), now_ns)
        # Bacalhau makes this evaluation of a job that has no times yet, so it comes before all others.
        return Submission(record, self._evaluation(job, Trigger.JOB_REGISTER, 0), prepared.warnings)

    def _complete(self, job: Job) -> Job:
        job_id = job.id or new_id(self._chance, "j-")
        meta = {**job.meta, REQUESTER_META: self._config.node_id}
        return Job(
            job_id, job.name or job_id, job.namespace, job.type, job.priority, job.count, job.constraints, meta,
            job.labels, (self._complete_task(job.task, job.type),),
        )  # fmt: skip

    def _complete_task(self, task: Task, job_type: str) -> Task:
        timeouts = self._complete_timeouts(task.timeouts, job_type)
        publisher, default = task.publisher, self._config.default_publisher
        if default.type and publisher is not None and not publisher.type:
            publisher = default
        if timeouts == task.timeouts and publisher is task.publisher:
            return task
        return Task(
            task.name, task.engine, publisher, task.env, task.meta, task.input_sources, task.result_paths,
            task.resources, task.network, timeouts,
        )  # fmt: skip

    def _complete_timeouts(self, given: Timeouts, job_type: str) -> Timeouts:
        """Defaults for what is not given. A negative value stays, to be refused, unless it is to be replaced."""
        config, replace_negative = self._config, self._replace_negative

        def pick(value_s: int, default_s: int) -> int:
            return default_s if value_s == 0 or (value_s < 0 and replace_negative) else value_s

        execution_s, queue_s, total_s = given.execution_s, given.queue_s, given.total_s
        if job_type in (JobType.BATCH, JobType.SERVICE):
            queue_s = pick(queue_s, config.default_queue_timeout_s)
        if job_type in (JobType.BATCH, JobType.OPS):
            execution_s = pick(execution_s, config.default_execution_timeout_s)
            total_s = pick(total_s, self._default_total_s(execution_s, queue_s))
        return Timeouts(execution_s, queue_s, total_s)

    def _default_total_s(self, execution_s: int, queue_s: int) -> int:
        default_s = self._config.default_total_timeout_s
        if self._short_total or not default_s:
            return default_s
        return max(default_s, execution_s + queue_s)

    def _check_id(self, job_id: str) -> None:
        """Refuse an own id that an existing one begins with: lookups could not tell the two apart."""
        if not _FULL_ID.match(job_id) and len(self._store.ids_with_prefix(job_id)) == 1:
            raise LateInvalidJobError(f"job already exists: {job_id}")

    def _evaluation(self, job: Job, trigger: str, now_ns: int) -> Evaluation:
        return Evaluation(
            new_id(self._chance), job.id, job.type, trigger, priority=job.priority if self._copy_priority else 0,
            create_time_ns=now_ns, modify_time_ns=now_ns,
        )  # fmt: skip

    # ---- find and stop -------------------------------------------------------------------------------------

    def find(self, id_or_prefix: str, listing: bool = False) -> JobRecord:
        """The job of that id: a full one exactly, anything else as the beginning of ids.

        Args:
            listing: the caller is after the job's history, executions or logs (`bucket-not-found-error`).

        Raises:
            NotFoundError: there is none.
            AmbiguousIdError: there are several.
        """
        if _FULL_ID.match(id_or_prefix):
            if record := self._store.get(id_or_prefix):
                return record
            raise NotFoundError("bucket not found" if listing and self._unknown_is_bucket else _not_found(id_or_prefix))
        ids = self._store.ids_with_prefix(id_or_prefix)
        if not ids:
            raise NotFoundError(_not_found(id_or_prefix))
        if len(ids) > 1:
            raise AmbiguousIdError(_ambiguous(id_or_prefix, ids))
        return self._store.job(ids[0])

    def stop(self, id_or_prefix: str, reason: str, now_ns: int) -> Evaluation | None:
        """Stop a job; its executions are stopped by the evaluation. None: it was stopped before.

        Raises:
            NotFoundError, AmbiguousIdError: see `find`.
            ConflictError: the job is over. Under `stop-failed-job-is-server-error` a failed job is none of the
                caller's errors but a plain DevstackError.
        """
        record = self.find(id_or_prefix)
        job = record.job
        if self._short_stop_fails and id_or_prefix != job.id:
            raise AmbiguousIdError(_ambiguous(id_or_prefix, [id_or_prefix, job.id]))
        if record.state is JobState.STOPPED:
            return None
        if record.state is JobState.COMPLETED:
            raise ConflictError("cannot stop job in state Completed")
        if record.state is JobState.FAILED:
            refusal = DevstackError if self._failed_stop_is_server_error else ConflictError
            raise refusal(f"job {job.id} is in terminal state Failed and cannot transition to Stopped")
        event = Event("Job requested to stop before completion", Topic.SCHEDULING, now_ns, details={"Reason": reason})
        self._store.update_job(record, JobState.STOPPED, event, now_ns)
        return self._evaluation(job, Trigger.JOB_CANCEL, now_ns)

    # ---- logs and results ----------------------------------------------------------------------------------

    @staticmethod
    def log_execution(record: JobRecord, execution_id: str = "") -> Execution:
        """The execution whose log is meant: the one of exactly that id, else the last changed of the good ones.

        Raises:
            NotFoundError: there is none.
        """
        if not record.executions:
            raise NotFoundError(f"no executions found for job {record.job.id}")
        if execution_id:
            chosen = record.executions.get(execution_id)
        else:
            good = [execution for execution in record.executions.values() if not execution.is_discarded]
            chosen = max(reversed(good), key=lambda execution: execution.modify_time_ns, default=None)
        if chosen is None:
            raise NotFoundError(f"unable to find execution {execution_id} in job {record.job.id}")
        return chosen

    @staticmethod
    def results(record: JobRecord) -> list[SpecConfig]:
        """What the job's completed executions published, in the order of execution ids.

        Raises:
            LateInvalidJobError: jobs of this type have no results.
        """
        if record.job.is_long_running:
            raise LateInvalidJobError(f"job type {record.job.type} does not support results")
        completed = [e for e in record.executions.values() if e.compute is ComputeState.COMPLETED]
        published = [e.published_result for e in sorted(completed, key=lambda e: e.id)]
        return [result for result in published if result is not None and result.type]


def _not_found(job_id: str) -> str:
    return f"Job not found. ID: {job_id}"


def _ambiguous(prefix: str, ids: list[str]) -> str:
    return f"Multiple jobs found for jobID prefix: {prefix}, matching jobIDs: {listed_ids(ids)}"


def job_digest(job: Job) -> str:
    """Sixteen hex digits that stand for the whole job in the trace."""
    return hashlib.sha256(_canonical(job).encode()).hexdigest()[:16]


def _canonical(job: Job) -> str:
    """The job as one text in which equal jobs are equal, whatever the order of their maps."""
    return json.dumps(
        [
            job.id, job.name, job.namespace, job.type, job.priority, job.count, dict(job.meta), dict(job.labels),
            [[c.key, c.operator, c.values] for c in job.constraints],
            [task and _plain_task(task) for task in job.tasks],
        ],
        sort_keys=True, separators=(",", ":"), default=str,
    )  # fmt: skip


def _plain_task(task: Task) -> list[object]:
    resources, network, timeouts = task.resources, task.network, task.timeouts
    return [
        task.name, _plain_spec(task.engine), _plain_spec(task.publisher), dict(task.env), dict(task.meta),
        [[_plain_spec(entry.source), entry.alias, entry.target] for entry in task.input_sources],
        [[path.name, path.path] for path in task.result_paths],
        [resources.cpu, resources.memory, resources.disk, resources.gpu],
        [network.type.value, network.domains],
        [timeouts.execution_s, timeouts.queue_s, timeouts.total_s],
    ]  # fmt: skip


def _plain_spec(spec: SpecConfig | None) -> list[object]:
    return [] if spec is None else [spec.type, dict(spec.params)]
