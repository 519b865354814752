"""Requests under way to compute nodes."""

from hypothesis import given
from hypothesis import strategies as st

from devstack.messages import AskForBid, BidAccepted, BidRejected, CancelExecution
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Job, SpecConfig, Task
from devstack.orchestrator.calls import OutstandingCall, OutstandingCalls, request_of
from devstack.orchestrator.planner import Call
from devstack.orchestrator.store import JobRecord

JOB = Job("j", tasks=(Task("main", SpecConfig("noop")),))
RECORD = JobRecord(JOB, "digest")


def call(kind="cancel", execution_id="e"):
    return Call(Execution(execution_id, "j", "n1", "default", "v"), kind, "why", ComputeState.CANCELLED, None)


def test_each_kind_of_call_has_its_message():
    """Both kinds of ask carry the job; what ends an execution says why."""
    kinds = ("ask", "ask-direct", "accept", "reject", "cancel")
    assert [
        AskForBid("e", JOB, "digest", True),
        AskForBid("e", JOB, "digest", False),
        BidAccepted("e"),
        BidRejected("e", "why"),
        CancelExecution("e", "why"),
    ] == [request_of(call(kind), RECORD) for kind in kinds]


def test_a_repeated_request_waits_from_now_on():
    """The earlier one's deadline no longer counts."""
    calls = OutstandingCalls()
    calls.add(OutstandingCall(call(), "CancelExecution", 10))
    calls.add(OutstandingCall(call(execution_id="other"), "CancelExecution", 12))
    calls.add(OutstandingCall(call(), "CancelExecution", 15))
    assert (2, 12) == (len(calls), calls.next_deadline_ns())


def test_an_answer_is_taken_once():
    """Whoever answers a second time answers nothing."""
    calls = OutstandingCalls()
    calls.add(OutstandingCall(call(), "CancelExecution", 10))
    assert calls.take("e", "AskForBid") is None
    assert calls.take("e", "CancelExecution") is not None
    assert (None, None, 0) == (calls.take("e", "CancelExecution"), calls.next_deadline_ns(), len(calls))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=20), st.integers(0, 100))
def test_what_expires_comes_by_its_deadline_and_is_gone(added, now_ns):
    """Every call whose deadline has come, the earliest first, and no other."""
    calls, deadlines, at_ns = OutstandingCalls(), {}, 0
    for pause_ns, number in added:
        at_ns += pause_ns
        calls.add(OutstandingCall(call(execution_id=f"e{number}"), "CancelExecution", at_ns + 10))
        deadlines[f"e{number}"] = at_ns + 10
    expired = []
    while (one := calls.take_expired(now_ns)) is not None:
        expired.append(one.deadline_ns)
    assert sorted(ns for ns in deadlines.values() if ns <= now_ns) == expired
    assert len(deadlines) - len(expired) == len(calls)
