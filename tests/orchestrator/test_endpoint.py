"""What people ask of the requester about jobs."""

from __future__ import annotations

import attrs
import pytest

from devstack.behaviour import DOCUMENTED, Behaviour, parse
from devstack.errors import (
    AmbiguousIdError,
    ConflictError,
    DevstackError,
    InvalidJobError,
    LateInvalidJobError,
    NotFoundError,
)
from devstack.kernel.seed import Seed
from devstack.models.event import NO_EVENT
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Constraint, Job, JobState, Network, NetworkType, SpecConfig, Task, Timeouts
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.endpoint import Endpoint, job_digest
from devstack.orchestrator.store import JobStore

SECOND = 1_000_000_000
NOW = 1_000 * SECOND
UNKNOWN = "j-00000000-0000-4000-8000-000000000000"


def endpoint(behaviour: Behaviour = DOCUMENTED, **changes: object) -> Endpoint:
    return Endpoint(JobStore(), RequesterConfig(behaviour=behaviour, **changes), Seed(1).stream("ids"))


def only(*names: str) -> Behaviour:
    return parse(names)


def job(job_type: str = "batch", timeouts: Timeouts | None = None, **changes: object) -> Job:
    task = Task("main", SpecConfig("noop"), timeouts=timeouts or Timeouts())
    return attrs.evolve(Job(type=job_type, count=1, tasks=(task,)), **changes)


def in_state(door: Endpoint, state: JobState):
    record = door.submit(job(), NOW).record
    if state is not JobState.PENDING:
        door._store.update_job(record, state, NO_EVENT, NOW)
    return record


# ---- submit ----------------------------------------------------------------------------------------------------


def test_a_minimal_job_is_completed_by_the_server() -> None:
    """Name = id, namespace, default timeout, empty publisher, and the requester's id in Meta."""
    record = endpoint().submit(job(), NOW).record
    stored = record.job
    assert stored.id.startswith("j-")
    expected = (stored.id, "default", 1, {"bacalhau.org/requester.id": "node-0"}, {})
    assert expected == (stored.name, stored.namespace, stored.count, stored.meta, stored.labels)
    assert (SpecConfig(), Timeouts(0, 0, 1800)) == (stored.task.publisher, stored.task.timeouts)
    assert (JobState.PENDING, 1, NOW) == (record.state, record.revision, record.create_time_ns)


def test_a_submission_is_history_and_asks_for_an_evaluation() -> None:
    """The first entry says so; the evaluation has no times, so that it comes first, and the job's priority."""
    submission = endpoint().submit(job(priority=5), NOW)
    (entry,) = submission.record.history
    assert ("Job submitted", "Submission", NOW) == (entry.event.message, entry.event.topic, entry.time_ns)
    evaluation = submission.evaluation
    expected = (submission.record.job.id, "batch", "job-register", "", 5, 0, 0)
    assert expected == (
        evaluation.job_id, evaluation.type, evaluation.triggered_by, evaluation.namespace, evaluation.priority,
        evaluation.create_time_ns, evaluation.modify_time_ns,
    )  # fmt: skip


def test_with_the_switch_priority_stays_behind() -> None:
    """Under `priority-not-copied` the evaluations of submit and stop have priority 0."""
    door = endpoint(only("priority-not-copied"))
    submission = door.submit(job(priority=5), NOW)
    assert [0, 0] == [submission.evaluation.priority, door.stop(submission.record.job.id, "", NOW).priority]


def test_the_id_that_a_batch_job_may_not_have_becomes_its_name() -> None:
    """The name is filled in before the id is dropped."""
    submission = endpoint().submit(job(id="mine"), NOW)
    assert "mine" == submission.record.job.name
    assert submission.record.job.id.startswith("j-")
    assert ("job ID is ignored when submitting a batch job",) == submission.warnings


@pytest.mark.parametrize(
    ("job_type", "given", "stored"),
    [
        ("batch", Timeouts(), Timeouts(11, 22, 1800)),
        ("ops", Timeouts(), Timeouts(11, 0, 1800)),
        ("service", Timeouts(), Timeouts(0, 22, 0)),
        ("daemon", Timeouts(), Timeouts()),
        ("batch", Timeouts(1, 2, 3), Timeouts(1, 2, 3)),
        ("batch", Timeouts(3600, 100, 0), Timeouts(3600, 100, 3700)),
        ("ops", Timeouts(3600, 0, 0), Timeouts(3600, 0, 3600)),
    ],
)
def test_which_jobs_get_default_timeouts(job_type: str, given: Timeouts, stored: Timeouts) -> None:
    """Total and execution for batch and ops, queue for batch and service; the total leaves room for both."""
    door = endpoint(default_execution_timeout_s=11, default_queue_timeout_s=22)
    assert stored == door.prepare(job(job_type, given)).job.task.timeouts


def test_with_the_switch_the_default_total_is_short() -> None:
    """Under `short-default-total-timeout` a long execution timeout alone is refused."""
    with pytest.raises(LateInvalidJobError, match="execution timeout 1h0m0s and queue timeout 0s should be less"):
        endpoint(only("short-default-total-timeout")).prepare(job(timeouts=Timeouts(3600)))


@pytest.mark.parametrize("given", [Timeouts(-5), Timeouts(0, -5), Timeouts(0, 0, -5)])
def test_negative_timeouts_are_refused_unless_a_default_replaces_them(given: Timeouts) -> None:
    """D11: refused; under `negative-timeout-replaced` the default stands in."""
    with pytest.raises(InvalidJobError, match="timeout value"):
        endpoint().prepare(job(timeouts=given))
    stored = endpoint(only("negative-timeout-replaced")).prepare(job(timeouts=given)).job.task.timeouts
    assert Timeouts(0, 0, 1800) == stored


@pytest.mark.parametrize(
    ("job_type", "given"),
    [("service", Timeouts(-5)), ("daemon", Timeouts(0, 0, -5)), ("ops", Timeouts(0, -5)), ("daemon", Timeouts(0, -5))],
)
def test_negative_timeouts_without_a_default_are_always_refused(job_type: str, given: Timeouts) -> None:
    """Where no default applies, v1.4.0 refuses too."""
    with pytest.raises(LateInvalidJobError, match="timeout value"):
        endpoint(only("v1.4.0")).prepare(job(job_type, given))


def test_a_configured_publisher_fills_a_blank_one() -> None:
    """Only a publisher without a type is replaced."""
    door = endpoint(default_publisher=SpecConfig("local"))
    own = job(tasks=(Task("main", SpecConfig("noop"), SpecConfig("s3")),))
    assert ["local", "s3"] == [door.prepare(raw).job.task.publisher.type for raw in (job(), own)]


def test_a_reserved_meta_key_gives_way_to_the_servers() -> None:
    """What the submitter says of the requester is dropped with a warning."""
    prepared = endpoint().prepare(job(meta={"bacalhau.org/requester.id": "me", "own": "1"}))
    assert {"own": "1", "bacalhau.org/requester.id": "node-0"} == prepared.job.meta
    assert ('job meta key "bacalhau.org/requester.id" is reserved and will be ignored',) == prepared.warnings


def test_a_field_without_effect_is_named_by_default_only() -> None:
    """D16 is ours: v1.4.0 says nothing."""
    raw = job(tasks=(Task("main", SpecConfig("noop"), network=Network(NetworkType.NONE, ("a.com",))),))
    warnings = ("network domains have no effect with network type None",)
    assert [warnings, ()] == [endpoint(mode).prepare(raw).warnings for mode in (DOCUMENTED, only("v1.4.0"))]


def test_no_job_at_all_is_refused() -> None:
    """A missing job has its own words."""
    with pytest.raises(InvalidJobError, match="empty/nil job"):
        endpoint().submit(None, NOW)


def test_what_is_refused_is_not_stored() -> None:
    """A refused submission leaves no job behind."""
    door = endpoint()
    for broken in (job(""), job(tasks=(None,)), job(timeouts=Timeouts(-1)), job(labels={"": "x"})):
        with pytest.raises(InvalidJobError):
            door.submit(broken, NOW)
    assert [] == list(door._store.jobs())


def test_bad_requirements_pass_with_the_switch() -> None:
    """Under `bad-requirement-accepted` the scheduler will find them."""
    raw = job(constraints=(Constraint("env", "like", ("x",)),))
    with pytest.raises(InvalidJobError, match="constraint 1 validation failed"):
        endpoint().submit(raw, NOW)
    assert endpoint(only("bad-requirement-accepted")).submit(raw, NOW).record.job.constraints == raw.constraints


def test_an_own_id_is_kept_and_taken_once() -> None:
    """A service may name itself, and a second of that name is refused."""
    door = endpoint()
    assert "svc" == door.submit(job("service", id="svc"), NOW).record.job.id
    with pytest.raises(LateInvalidJobError, match="job already exists: svc"):
        door.submit(job("service", id="svc"), NOW)


def test_an_own_id_that_begins_the_only_other_one_is_refused() -> None:
    """Ids that are no uuids are looked up by prefix, also here (Q3)."""
    door = endpoint()
    door.submit(job("service", id="svc-1"), NOW)
    with pytest.raises(LateInvalidJobError, match="job already exists: svc"):
        door.submit(job("service", id="svc"), NOW)
    door.submit(job("service", id="svc-2"), NOW)
    assert "svc" == door.submit(job("service", id="svc"), NOW).record.job.id


def test_the_same_seed_gives_the_same_ids_and_digest() -> None:
    """Ids come from the stream; the digest does not depend on the order of maps."""
    one, two = (endpoint().submit(job(labels=labels), NOW) for labels in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}))
    assert one.record.job.id == two.record.job.id
    assert one.record.digest == two.record.digest
    assert one.record.digest == job_digest(one.record.job)


def test_every_part_of_a_job_is_in_its_digest() -> None:
    """A job that differs anywhere has another digest."""
    plain = endpoint().prepare(job()).job
    task = plain.task
    others = [
        attrs.evolve(plain, priority=1),
        attrs.evolve(plain, constraints=(Constraint("a", "exists"),)),
        attrs.evolve(plain, tasks=(attrs.evolve(task, env={"A": "b"}),)),
        attrs.evolve(plain, tasks=(attrs.evolve(task, engine=SpecConfig("noop", {"ExitCode": 1})),)),
        attrs.evolve(plain, tasks=(attrs.evolve(task, network=Network(NetworkType.FULL)),)),
    ]
    assert 6 == len({job_digest(each) for each in (plain, *others)})


# ---- find ------------------------------------------------------------------------------------------------------


def test_a_job_is_found_by_its_id_and_by_its_short_id() -> None:
    """A full id is looked up exactly, anything else as a prefix."""
    door = endpoint()
    record = door.submit(job(), NOW).record
    door.submit(job(), NOW)
    assert record is door.find(record.job.id)
    assert record is door.find(record.job.id[:10])


def test_two_bare_ids_of_the_same_beginning() -> None:
    """A short id finds none, the only one, or complains of several."""
    door = endpoint()
    ids = [f"ab34fe8d-0000-4000-8000-00000000000{n}" for n in (1, 2)]
    with pytest.raises(NotFoundError, match="Job not found. ID: ab34fe8d"):
        door.find("ab34fe8d")
    door.submit(job("service", id=ids[0]), NOW)
    assert ids[0] == door.find("ab34fe8d").job.id
    door.submit(job("service", id=ids[1]), NOW)
    assert ids[1] == door.find(ids[1]).job.id
    with pytest.raises(AmbiguousIdError) as caught:
        door.find("ab34fe8d")
    expected = f"Multiple jobs found for jobID prefix: ab34fe8d, matching jobIDs: [{ids[0]} {ids[1]}]"
    assert expected == caught.value.message


def test_an_ambiguous_id_names_three() -> None:
    """Dots stand for the rest."""
    door = endpoint()
    for number in range(4):
        door.submit(job("service", id=f"svc-{number}"), NOW)
    with pytest.raises(AmbiguousIdError, match=r"matching jobIDs: \[svc-0 svc-1 svc-2 \.\.\.\]"):
        door.find("svc")


def test_an_unknown_full_id() -> None:
    """It is not found; for its lists, `bucket-not-found-error` says so in other words."""
    quirky = endpoint(only("bucket-not-found-error"))
    messages = []
    for door, listing in ((endpoint(), False), (endpoint(), True), (quirky, False), (quirky, True)):
        with pytest.raises(NotFoundError) as caught:
            door.find(UNKNOWN, listing=listing)
        messages.append(caught.value.message)
    not_found = f"Job not found. ID: {UNKNOWN}"
    assert [not_found, not_found, not_found, "bucket not found"] == messages


# ---- stop ------------------------------------------------------------------------------------------------------


def test_stopping_a_job_changes_it_at_once() -> None:
    """The job is Stopped, the reason is in the event's details, and an evaluation will stop the executions."""
    door = endpoint()
    record = door.submit(job(priority=3), NOW).record
    evaluation = door.stop(record.job.id[:10], "no more", NOW + 1)
    assert (JobState.STOPPED, "Job requested to stop before completion") == (record.state, record.message)
    event = record.history[-1].event
    assert ("Scheduling", {"Reason": "no more"}) == (event.topic, event.details)
    expected = (record.job.id, "job-cancel", "", 3, NOW + 1, NOW + 1)
    assert expected == (
        evaluation.job_id, evaluation.triggered_by, evaluation.namespace, evaluation.priority,
        evaluation.create_time_ns, evaluation.modify_time_ns,
    )  # fmt: skip


def test_a_stop_without_a_reason_still_names_it() -> None:
    """The reason is there, and empty."""
    door = endpoint()
    record = in_state(door, JobState.PENDING)
    door.stop(record.job.id, "", NOW)
    assert {"Reason": ""} == record.history[-1].event.details


def test_stopping_a_stopped_job_is_no_error() -> None:
    """It succeeds without an evaluation."""
    door = endpoint()
    assert door.stop(in_state(door, JobState.STOPPED).job.id, "", NOW) is None


def test_a_completed_job_cannot_be_stopped() -> None:
    """The refusal is a conflict."""
    door = endpoint()
    with pytest.raises(ConflictError, match="cannot stop job in state Completed"):
        door.stop(in_state(door, JobState.COMPLETED).job.id, "", NOW)


def test_a_failed_job_cannot_be_stopped() -> None:
    """A conflict; with `stop-failed-job-is-server-error` nobody's in particular."""
    kinds = []
    for behaviour in (DOCUMENTED, only("stop-failed-job-is-server-error")):
        door = endpoint(behaviour)
        record = in_state(door, JobState.FAILED)
        with pytest.raises(DevstackError) as caught:
            door.stop(record.job.id, "", NOW)
        expected = f"job {record.job.id} is in terminal state Failed and cannot transition to Stopped"
        assert expected == caught.value.message
        kinds.append(type(caught.value))
    assert [ConflictError, DevstackError] == kinds


def test_with_the_switch_a_short_id_stops_nothing() -> None:
    """Under `stop-by-short-id-fails` the short and the full id are taken for two jobs."""
    door = endpoint(only("stop-by-short-id-fails"))
    job_id = in_state(door, JobState.PENDING).job.id
    short = job_id[:10]
    with pytest.raises(AmbiguousIdError) as caught:
        door.stop(short, "", NOW)
    expected = f"Multiple jobs found for jobID prefix: {short}, matching jobIDs: [{short} {job_id}]"
    assert expected == caught.value.message
    assert door.stop(job_id, "", NOW) is not None


# ---- logs and results ------------------------------------------------------------------------------------------


def with_executions(*states: tuple[str, ComputeState, int], published: str = "urlDownload", job_type: str = "batch"):
    door = endpoint()
    record = door.submit(job(job_type), NOW).record
    for execution_id, state, modified_ns in states:
        execution = Execution(execution_id, record.job.id, "node-1", "default", "v", compute=state)
        execution.published_result = SpecConfig(published, {"URL": execution_id})
        door._store.create_execution(execution, NO_EVENT, modified_ns)
    return door, record


def test_the_log_meant_is_that_of_the_last_changed_good_execution() -> None:
    """Discarded executions are passed by, unless one is asked for by its exact id."""
    door, record = with_executions(
        ("a", ComputeState.COMPLETED, 5), ("b", ComputeState.BID_ACCEPTED, 7), ("c", ComputeState.FAILED, 9)
    )
    assert ["b", "c"] == [door.log_execution(record).id, door.log_execution(record, "c").id]


def test_of_executions_changed_at_once_the_newest_is_meant() -> None:
    """In virtual time several change in one instant."""
    door, record = with_executions(("b", ComputeState.COMPLETED, 5), ("a", ComputeState.COMPLETED, 5))
    assert "a" == door.log_execution(record).id


def test_logs_that_nobody_has() -> None:
    """Each reason has its words."""
    door, record = with_executions()
    job_id = record.job.id
    with pytest.raises(NotFoundError, match=f"no executions found for job {job_id}"):
        door.log_execution(record, "x")
    door, record = with_executions(("e", ComputeState.FAILED, 1))
    for wanted in ("x", ""):
        with pytest.raises(NotFoundError) as caught:
            door.log_execution(record, wanted)
        assert f"unable to find execution {wanted} in job {record.job.id}" == caught.value.message


def test_results_are_what_completed_executions_published() -> None:
    """In the order of ids; what has no type is none."""
    states = (("b", ComputeState.COMPLETED, 1), ("a", ComputeState.COMPLETED, 2), ("c", ComputeState.FAILED, 3))
    door, record = with_executions(*states)
    assert ["a", "b"] == [result.params["URL"] for result in door.results(record)]
    door, record = with_executions(*states, published="")
    assert [] == door.results(record)


def test_long_running_jobs_have_no_results() -> None:
    """Services and daemons are asked in vain."""
    door, record = with_executions(job_type="service")
    with pytest.raises(LateInvalidJobError, match="job type service does not support results"):
        door.results(record)
