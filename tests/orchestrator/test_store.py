"""The requester's job store."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import LateInvalidJobError, NotFoundError
from devstack.models.event import NO_EVENT, Event
from devstack.models.execution import TERMINAL, ComputeState, DesiredState, Execution, RunCommandResult
from devstack.models.job import Job, JobState, SpecConfig
from devstack.orchestrator.store import JobStore, StateConflictError

TEXT = Event("why", "Scheduling", 5)


def execution(execution_id: str = "e", **changes: object) -> Execution:
    return attrs.evolve(Execution(execution_id, "j", "node-1", "default", "v"), **changes)


def store_with_job() -> JobStore:
    store = JobStore()
    store.create_job(Job(id="j", type="batch"), "digest", NO_EVENT, 10)
    return store


def store_with_execution(**changes: object) -> tuple[JobStore, Execution]:
    store, created = store_with_job(), execution(**changes)
    store.create_execution(created, NO_EVENT, 20)
    return store, created


def test_a_new_job_is_pending_and_starts_its_history() -> None:
    """Revision 1, both times now, and an entry Pending to Pending."""
    record = store_with_job().job("j")
    assert (JobState.PENDING, 1, 10, 10) == (
        record.state, record.revision, record.create_time_ns, record.modify_time_ns,
    )  # fmt: skip
    (entry,) = record.history
    assert (JobState.PENDING, JobState.PENDING, 1, 10) == (
        entry.previous, entry.new, entry.new_revision, entry.time_ns,
    )  # fmt: skip


def test_an_id_is_taken_once() -> None:
    """A second job of that id is refused."""
    with pytest.raises(LateInvalidJobError, match="job already exists: j"):
        store_with_job().create_job(Job(id="j"), "", NO_EVENT, 11)


def test_an_unknown_job_is_not_found() -> None:
    """Asking raises, getting gives nothing, and an execution cannot hang on it."""
    store = JobStore()
    assert store.get("j") is None
    for ask in (lambda: store.job("j"), lambda: store.create_execution(execution(), NO_EVENT, 1)):
        with pytest.raises(NotFoundError, match="job not found: j"):
            ask()


def test_a_job_moves_on_with_the_message_of_its_event() -> None:
    """Each update counts the revision up and replaces the message, also by nothing."""
    store = store_with_job()
    record = store.job("j")
    store.update_job(record, JobState.QUEUED, TEXT, 11, expected_revision=1)
    assert (JobState.QUEUED, "why", 2, 10, 11) == (
        record.state, record.message, record.revision, record.create_time_ns, record.modify_time_ns,
    )  # fmt: skip
    store.update_job(record, JobState.RUNNING, NO_EVENT, 12)
    assert ("", 3) == (record.message, record.revision)


def test_a_stale_update_of_a_job_is_refused() -> None:
    """Who read an older revision must read again."""
    store = store_with_job()
    with pytest.raises(StateConflictError, match="job j has version 1 but expected 2"):
        store.update_job(store.job("j"), JobState.RUNNING, NO_EVENT, 11, expected_revision=2)


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.STOPPED])
def test_a_job_that_is_over_stays_so(state: JobState) -> None:
    """It leaves the jobs in progress and takes no update."""
    store = store_with_job()
    record = store.job("j")
    assert [record] == store.in_progress()
    store.update_job(record, state, NO_EVENT, 11)
    assert [] == store.in_progress()
    with pytest.raises(StateConflictError) as caught:
        store.update_job(record, JobState.RUNNING, NO_EVENT, 12)
    assert f"job j is in terminal state {state.text} and cannot transition to Running" == caught.value.message


def test_a_refused_write_leaves_no_trace() -> None:
    """Neither the record nor its history changes."""
    store, created = store_with_execution()
    before = (attrs.asdict(created), len(store.job("j").history), len(store.journal))
    with pytest.raises(StateConflictError):
        store.update_execution(created, 30, compute=ComputeState.FAILED, expected_revision=9)
    assert before == (attrs.asdict(created), len(store.job("j").history), len(store.journal))


def test_a_new_execution_starts_at_revision_one() -> None:
    """Both times are now, and the entry goes from its state to its state."""
    store, created = store_with_execution()
    assert (1, 20, 20) == (created.revision, created.create_time_ns, created.modify_time_ns)
    entry = store.job("j").history[-1]
    assert (ComputeState.NEW, ComputeState.NEW, 1) == (entry.previous, entry.new, entry.new_revision)
    assert store.execution("e") is created
    with pytest.raises(StateConflictError, match="execution already exists: e"):
        store.create_execution(execution(), NO_EVENT, 21)


def test_an_update_keeps_what_it_does_not_give() -> None:
    """A message once set stays until another replaces it; every update counts and moves the time."""
    store, created = store_with_execution()
    store.update_execution(created, 30, compute=ComputeState.ASK_FOR_BID_ACCEPTED, compute_message="Accepted job")
    store.update_execution(created, 40, desired=DesiredState.RUNNING)
    result = RunCommandResult(stdout="3\n", exit_code=0)
    store.update_execution(
        created, 50, compute=ComputeState.COMPLETED, desired=DesiredState.STOPPED,
        desired_message="execution completed", published_result=SpecConfig("local"), run_output=result,
    )  # fmt: skip
    expected = execution(
        desired=DesiredState.STOPPED, desired_message="execution completed", compute=ComputeState.COMPLETED,
        compute_message="Accepted job", published_result=SpecConfig("local"), run_output=result, revision=4,
        create_time_ns=20, modify_time_ns=50,
    )  # fmt: skip
    assert expected == created


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"expected_states": {ComputeState.BID_ACCEPTED}}, "execution e is in unexpected state New"),
        ({"expected_revision": 7}, "execution e has version 1 but expected 7"),
        ({"unexpected_states": {ComputeState.NEW}}, "execution e is in state New, but expected []"),
        (
            {"expected_states": {ComputeState.BID_ACCEPTED}, "expected_revision": 7},
            "execution e is in unexpected state New",
        ),
        (
            {"expected_revision": 7, "unexpected_states": {ComputeState.NEW}},
            "execution e has version 1 but expected 7",
        ),
    ],
)
def test_conditions_of_an_update_in_their_order(conditions: dict[str, object], message: str) -> None:
    """Expected states, revision, unexpected states; the texts of states are swapped as in v1.4.0 (Q25)."""
    store, created = store_with_execution()
    with pytest.raises(StateConflictError) as caught:
        store.update_execution(created, 30, compute=ComputeState.FAILED, **conditions)
    assert message == caught.value.message


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_an_execution_that_is_over_stays_so(state: ComputeState) -> None:
    """No update is taken, not even of the desired state alone."""
    store, created = store_with_execution(compute=state)
    with pytest.raises(StateConflictError) as caught:
        store.update_execution(created, 30, compute=ComputeState.CANCELLED)
    expected = f"execution e is in terminal state {state.text} and cannot transition to Cancelled"
    assert expected == caught.value.message
    with pytest.raises(StateConflictError):
        store.update_execution(created, 30, desired=DesiredState.STOPPED)


@given(st.lists(st.sampled_from(["abc", "abd", "b", "a"]), unique=True), st.text("abcd", max_size=3))
def test_prefixes_find_what_begins_so(job_ids: list[str], prefix: str) -> None:
    """Exactly the ids that begin with the prefix, sorted."""
    store = JobStore()
    for job_id in job_ids:
        store.create_job(Job(id=job_id), "", NO_EVENT, 1)
    assert sorted(job_id for job_id in job_ids if job_id.startswith(prefix)) == store.ids_with_prefix(prefix)


def test_jobs_come_oldest_or_newest_first() -> None:
    """The store keeps the order of creation."""
    store = JobStore()
    for job_id in "cab":
        store.create_job(Job(id=job_id), "", NO_EVENT, 1)
    orders = ["".join(record.job.id for record in store.jobs(newest_first)) for newest_first in (False, True)]
    assert ["cab", "bac"] == orders


def test_the_journal_holds_every_entry_in_the_order_of_writing() -> None:
    """What the trace takes is what the histories hold."""
    store, created = store_with_execution()
    store.update_job(store.job("j"), JobState.RUNNING, NO_EVENT, 21)
    store.update_execution(created, 22, compute=ComputeState.BID_ACCEPTED)
    assert 4 == len(store.journal)
    assert store.job("j").history == store.journal
