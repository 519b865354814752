"""What a node remembers of its executions."""

import pickle

import pytest

from devstack.compute.lifecycle import LocalExecution, LocalExecutionState
from devstack.compute.store import ExecutionStore
from devstack.errors import ConflictError, NotFoundError
from devstack.models.job import Job
from devstack.models.resources import Resources

State = LocalExecutionState


def record(execution_id: str = "e-1", state: State = State.CREATED, job_id: str = "j-1") -> LocalExecution:
    return LocalExecution(execution_id, Job(job_id), Resources(100), state=state)


def store_of(*ids: str) -> ExecutionStore:
    store = ExecutionStore(with_history=True)
    for execution_id in ids:
        store.create(record(execution_id))
    return store


def test_only_a_new_execution_can_be_created():
    """T017: a record that says Running is not new."""
    with pytest.raises(ConflictError) as error:
        ExecutionStore().create(record(state=State.RUNNING))
    assert "execution e-1 is in state Running but expected one of [Created BidAccepted]" == error.value.message


def test_a_new_execution_has_version_one():
    """A record that was changed before is not new."""
    old = record()
    old.version = 2
    with pytest.raises(ConflictError, match="execution e-1 has version 2 but expected 1"):
        ExecutionStore().create(old)


def test_the_active_execution_of_a_job():
    """T019: the one active execution of a job is found, and is unchanged."""
    store = store_of("e-1", "e-2")
    store.update("e-2", State.FAILED, 1)
    assert store.read("e-1") is store.active_of_job("j-1")
    assert 1 == store.active_of_job("j-1").version


def test_a_job_without_executions():
    """T021: a job that has none, or that nobody knows, has no executions."""
    with pytest.raises(NotFoundError, match="no executions found for job: j-9"):
        store_of("e-1").active_of_job("j-9")


def test_an_id_is_taken_once():
    """T023: the same record twice is an error."""
    with pytest.raises(ConflictError, match="execution already exists: e-1"):
        store_of("e-1").create(record())


def test_an_unknown_execution():
    """T025, T039: what is not there can be neither read nor deleted."""
    store = ExecutionStore()
    for act in (store.read, store.delete):
        with pytest.raises(NotFoundError, match="execution not found: e-1"):
            act("e-1")


def test_a_running_execution_is_live():
    """T027: Running makes an execution live."""
    store = store_of("e-1", "e-2")
    store.update("e-1", State.RUNNING, 1)
    assert ["e-1"] == [one.id for one in store.live()]


def test_live_executions_come_in_the_order_of_change():
    """T029: the least recently changed comes first."""
    store = store_of("1", "2", "3")
    for time_ns, execution_id in enumerate(("3", "1", "2")):
        store.update(execution_id, State.RUNNING, time_ns)
    assert ["3", "1", "2"] == [one.id for one in store.live()]


def test_an_update_without_conditions():
    """T031: any state can be written over one that is not final; history keeps both steps."""
    store = store_of("e-1")
    store.update("e-1", State.PUBLISHING, 5, comment="Hello There!")
    first, second = store.history("e-1")
    assert (State.PUBLISHING, 2) == (store.read("e-1").state, store.read("e-1").version)
    assert (State.UNDEFINED, State.CREATED, "LocalExecutionState created") == (first.previous, first.new, first.comment)
    assert (State.CREATED, State.PUBLISHING, "Hello There!") == (second.previous, second.new, second.comment)


def test_counts_survive_a_reopening():
    """T033: what was committed is there after the store is closed and opened."""
    store = store_of("1", "2", "3", "4", "5")
    for execution_id in ("1", "2", "3", "4", "5"):
        store.update(execution_id, State.BID_ACCEPTED, 1, expected=(State.CREATED,), version=1)
    for execution_id in ("1", "2"):
        store.update(execution_id, State.COMPLETED, 2, expected=(State.BID_ACCEPTED,), version=2)
    reopened = pickle.loads(pickle.dumps(store))
    assert (2, 3) == (reopened.count(State.COMPLETED), reopened.count(State.BID_ACCEPTED))


def test_an_update_that_expects_another_state():
    """T035: the error names both states."""
    with pytest.raises(ConflictError) as error:
        store_of("e-1").update("e-1", State.RUNNING, 1, expected=(State.BID_ACCEPTED,))
    assert "execution e-1 is in state Created but expected one of [BidAccepted]" == error.value.message


def test_an_update_that_expects_another_version():
    """The error names both versions."""
    with pytest.raises(ConflictError, match="execution e-1 has version 1 but expected 2"):
        store_of("e-1").update("e-1", State.RUNNING, 1, version=2)


def test_what_is_over_cannot_be_updated():
    """A final state is final."""
    store = store_of("e-1")
    store.update("e-1", State.COMPLETED, 1)
    text = "execution e-1 is in terminal state Completed and cannot transition to Running"
    with pytest.raises(ConflictError, match=text):
        store.update("e-1", State.RUNNING, 2)


def test_a_deleted_execution_is_gone():
    """T037: neither it nor its job's list can be found."""
    store = store_of("e-1")
    store.delete("e-1")
    with pytest.raises(NotFoundError, match="execution not found"):
        store.read("e-1")
    with pytest.raises(NotFoundError, match="no executions found for job: j-1"):
        store.of_job("j-1")
    with pytest.raises(NotFoundError, match="no history found for execution: e-1"):
        store.history("e-1")


def test_memory_is_bounded():
    """Only the last executions that are over are kept; what is active always is."""
    store = ExecutionStore(kept=2)
    for number in range(5):
        store.create(record(f"e-{number}"))
    for number in (0, 1, 2):
        store.update(f"e-{number}", State.FAILED, number)
    assert ["e-1", "e-2", "e-3", "e-4"] == [one.id for one in store]
