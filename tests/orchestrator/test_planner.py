"""Carrying out plans: reference 8 and its rows T051 to T067."""

import pytest

from devstack.errors import NotFoundError
from devstack.models.evaluation import Evaluation
from devstack.models.event import NO_EVENT, Event
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.job import Job, JobState, SpecConfig, Task
from devstack.models.plan import Plan, PlannedUpdate
from devstack.orchestrator import planner
from devstack.orchestrator.planner import Call
from devstack.orchestrator.store import JobStore, StateConflictError

S, D = ComputeState, DesiredState
EVALUATION = Evaluation("v1", "j1", "batch", "job-register")


@pytest.fixture
def store():
    store = JobStore()
    job = Job("j1", "j1", "default", "batch", count=1, tasks=(Task("main", SpecConfig("noop")),))
    store.create_job(job, "digest", NO_EVENT, 1)
    return store


@pytest.fixture
def plan(store):
    record = store.job("j1")
    return Plan(EVALUATION, record.job, record.state, record.revision)


def execution(name, desired=D.PENDING, compute=S.NEW):
    return Execution(name, "j1", f"node-of-{name}", "default", "v1", desired, compute=compute)


def stored(store, name, compute=S.NEW):
    found = execution(name)
    store.create_execution(found, NO_EVENT, 1)
    found.compute = compute
    return found


def state(store):
    record = store.job("j1")
    return (
        record.state, record.revision, [(e.id, e.desired, e.revision) for e in record.executions.values()],
        len(record.history),
    )  # fmt: skip


# ---- calls -----------------------------------------------------------------------------------------------------


def test_t051_an_empty_plan_does_nothing(store, plan):
    """No write, no call, no error."""
    before = state(store)
    planner.apply(plan, store, 2)
    assert ([], before) == (planner.calls(plan), state(store))


def test_t055_direct_executions_are_asked_without_waiting(plan):
    """They run as soon as the node has taken them."""
    plan.new_executions = [execution("e1", D.RUNNING), execution("e2", D.RUNNING)]
    assert [Call(e, "ask-direct", "", S.BID_ACCEPTED, S.NEW) for e in plan.new_executions] == planner.calls(plan)


def test_other_executions_are_asked_for_a_bid(plan):
    """And wait for approval."""
    plan.new_executions = [execution("e1")]
    assert [Call(plan.new_executions[0], "ask", "", S.ASK_FOR_BID, S.NEW)] == planner.calls(plan)


@pytest.mark.parametrize(
    ("desired", "compute", "call"),
    [
        (D.RUNNING, S.NEW, ("ask-direct", S.BID_ACCEPTED, S.NEW)),
        (D.PENDING, S.NEW, ("ask", S.ASK_FOR_BID, S.NEW)),
        (D.RUNNING, S.ASK_FOR_BID_ACCEPTED, ("accept", S.BID_ACCEPTED, S.ASK_FOR_BID_ACCEPTED)),
        (D.STOPPED, S.ASK_FOR_BID_ACCEPTED, ("reject", S.BID_REJECTED, S.ASK_FOR_BID_ACCEPTED)),
        (D.STOPPED, S.NEW, ("cancel", S.CANCELLED, None)),
        (D.STOPPED, S.ASK_FOR_BID, ("cancel", S.CANCELLED, None)),
        (D.STOPPED, S.BID_ACCEPTED, ("cancel", S.CANCELLED, None)),
        (D.STOPPED, S.FAILED, None),
        (D.STOPPED, S.COMPLETED, None),
        (D.RUNNING, S.BID_ACCEPTED, None),
    ],
)
def test_t057_desired_and_read_state_decide_the_call(plan, desired, compute, call):
    """With the reason of the change as justification; what is over needs no call."""
    changed = execution("e1", compute=compute)
    plan.updates["e1"] = PlannedUpdate(changed, desired, Event("why"))
    changed.compute = S.UNDEFINED  # What happens to the record afterwards does not count.
    expected = [] if call is None else [Call(changed, call[0], "why", call[1], call[2])]
    assert expected == planner.calls(plan)


# ---- writes ----------------------------------------------------------------------------------------------------


def test_t059_new_executions_are_created_without_a_word(store, plan):
    """With the plan's event, which is usually empty."""
    plan.new_executions = [execution("e1"), execution("e2")]
    planner.apply(plan, store, 2)
    assert ["e1", "e2"] == list(store.job("j1").executions)
    assert [NO_EVENT, NO_EVENT] == [entry.event for entry in store.job("j1").history[1:]]


def test_t061_updates_change_what_is_desired(store, plan):
    """With message and event; the compute state stays."""
    first, second = stored(store, "e1", S.ASK_FOR_BID_ACCEPTED), stored(store, "e2", S.BID_ACCEPTED)
    plan.updates["e1"] = PlannedUpdate(first, D.RUNNING, Event("update 1"))
    plan.stop(second, Event("update 2"))
    planner.apply(plan, store, 2)
    assert (D.RUNNING, "update 1", S.ASK_FOR_BID_ACCEPTED) == (first.desired, first.desired_message, first.compute)
    assert (D.STOPPED, "update 2", S.BID_ACCEPTED) == (second.desired, second.desired_message, second.compute)
    assert ["update 1", "update 2"] == [entry.event.message for entry in store.job("j1").history[-2:]]


def full_plan(store, plan):
    first, second = stored(store, "e1", S.ASK_FOR_BID_ACCEPTED), stored(store, "e2", S.BID_ACCEPTED)
    plan.new_executions = [execution("e3"), execution("e4")]
    plan.approve(first)
    plan.stop(second, Event("enough"))
    plan.desired_job_state = JobState.COMPLETED
    plan.new_evaluations = [Evaluation("v2", "j1", "batch", "job-queue"), Evaluation("v3", "j1", "batch", "job-queue")]
    return first


def test_t067_everything_is_written_in_order(store, plan):
    """New executions, updates, then the job."""
    full_plan(store, plan)
    before = len(store.job("j1").history)
    planner.apply(plan, store, 2)
    assert JobState.COMPLETED is store.job("j1").state
    assert ["e3", "e4", "e1", "e2", None] == [
        getattr(entry, "execution_id", None) for entry in store.job("j1").history[before:]
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda store, plan, first: setattr(plan, "job_revision", 9), id="T063 job changed"),
        pytest.param(
            lambda store, plan, first: store.update_job(store.job("j1"), JobState.STOPPED, NO_EVENT, 2), id="job over"
        ),
        pytest.param(
            lambda store, plan, first: plan.new_evaluations.append(plan.new_evaluations[0]), id="T065 evaluation twice"
        ),
        pytest.param(
            lambda store, plan, first: store.update_execution(first, 2, desired_message="x"), id="execution changed"
        ),
        pytest.param(lambda store, plan, first: setattr(first, "compute", S.FAILED), id="execution over"),
        pytest.param(lambda store, plan, first: plan.new_executions.append(execution("e1")), id="execution id taken"),
        pytest.param(lambda store, plan, first: plan.new_executions.append(execution("e3")), id="execution id twice"),
    ],
)
def test_a_plan_that_no_longer_holds_changes_nothing(store, plan, spoil):
    """All conditions are looked at before anything is written."""
    first = full_plan(store, plan)
    spoil(store, plan, first)
    before = state(store)
    with pytest.raises(StateConflictError):
        planner.apply(plan, store, 3)
    assert before == state(store)


def test_an_unknown_job_is_an_error(store, plan):
    """Nothing to write to."""
    plan.job = Job("j9")
    plan.desired_job_state = JobState.FAILED
    with pytest.raises(NotFoundError):
        planner.apply(plan, store, 2)
