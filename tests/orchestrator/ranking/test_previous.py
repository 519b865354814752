"""Rule 8."""

import pytest

from devstack.behaviour import DOCUMENTED, parse
from devstack.models.execution import ComputeState, DesiredState, Execution, RunCommandResult
from devstack.models.job import JobType
from devstack.orchestrator.ranking.previous import START_INTERVAL_NS, Past, PastRule

S = ComputeState
SECOND = 1_000_000_000


def execution(state, number=0, *, created_ns=0, ended=False, has_run=False, desired=DesiredState.PENDING):
    return Execution(
        f"e{number}", "j", "n1", "default", "v", desired, compute=state, create_time_ns=created_ns,
        run_output=RunCommandResult() if ended else None, has_run=has_run,
    )  # fmt: skip


def judge(past, job_type=JobType.BATCH, now_ns=100 * SECOND, behaviour=DOCUMENTED):
    return PastRule.of(job_type, behaviour).judge(past, now_ns)


@pytest.mark.parametrize(
    ("states", "past"),
    [
        ([S.FAILED], Past(0)),
        ([S.CANCELLED], Past(0)),
        ([S.BID_REJECTED], Past(0)),
        ([S.ASK_FOR_BID_REJECTED], Past(-1, "job rejected")),
        ([S.BID_ACCEPTED], Past(-1, "job rejected")),
        ([S.NEW], Past(-1, "job rejected")),
        ([S.COMPLETED], Past(-1, "job rejected")),
        ([S.FAILED, S.FAILED], Past(-1, "job already executed on this node more than once")),
        ([S.COMPLETED, S.FAILED], Past(-1, "job already executed on this node more than once")),
    ],
)
@pytest.mark.parametrize("job_type", [JobType.BATCH, JobType.SERVICE, JobType.OPS])
def test_a_node_tries_a_job_twice_and_not_while_it_has_it(job_type, states, past):
    """One that came to nothing: 0; any other or more than one: refused."""
    assert past == judge([execution(state, number) for number, state in enumerate(states)], job_type)


def test_nodes_without_a_past_are_not_mentioned():
    """Only nodes that have had executions of the job are judged."""
    assert {"n1": Past(0)} == PastRule.of(JobType.BATCH, DOCUMENTED).by_node([execution(S.FAILED)], 0)


@pytest.mark.parametrize("job_type", [JobType.SERVICE, JobType.DAEMON])
def test_a_long_running_program_that_ended_uses_up_no_try(job_type):
    """However often it ended, it is started again."""
    assert Past(0) == judge([execution(S.FAILED, n, ended=True) for n in range(5)], job_type)


@pytest.mark.parametrize("job_type", [JobType.SERVICE, JobType.DAEMON])
def test_a_node_starts_a_long_running_job_at_most_once_in_ten_seconds(job_type):
    """It rests until ten seconds after its last start."""
    past = [execution(S.FAILED, created_ns=95 * SECOND, ended=True)]
    resting = judge(past, job_type)
    assert (-1, 95 * SECOND + START_INTERVAL_NS) == (resting.rank, resting.rests_until_ns)
    assert Past(0) == judge(past, job_type, now_ns=resting.rests_until_ns)


@pytest.mark.parametrize("job_type", [JobType.SERVICE, JobType.DAEMON])
def test_a_long_running_program_that_broke_down_uses_up_no_try_either(job_type):
    """What ran and failed has ended too."""
    assert Past(0) == judge([execution(S.FAILED, n, has_run=True) for n in range(3)], job_type)


def test_a_service_that_cannot_even_be_started_does_use_up_its_tries():
    """Only an execution that ran is forgiven."""
    past = [execution(S.FAILED, 0), execution(S.FAILED, 1, ended=True), execution(S.FAILED, 2)]
    assert -1 == judge(past, JobType.SERVICE).rank


def test_a_batch_job_that_failed_while_it_ran_has_used_up_a_try():
    """Only what is meant to run for ever is forgiven."""
    assert -1 == judge([execution(S.FAILED, n, has_run=True) for n in range(2)]).rank


def test_under_v140_a_program_that_ended_counts_like_any_failure():
    """`long-running-never-restarted`."""
    past = [execution(S.FAILED, n, ended=True) for n in range(2)]
    assert -1 == judge(past, JobType.SERVICE, behaviour=parse(["long-running-never-restarted=on"])).rank


@pytest.mark.parametrize("state", [S.FAILED, S.CANCELLED, S.ASK_FOR_BID_REJECTED, S.COMPLETED])
def test_only_a_live_execution_keeps_a_daemon_off_a_node(state):
    """Whatever became of earlier ones, and however many there were."""
    assert Past(0) == judge([execution(state, n) for n in range(3)], JobType.DAEMON)


def test_a_live_daemon_keeps_further_ones_away():
    """One execution a node."""
    assert Past(-1, "job rejected") == judge([execution(S.FAILED, 0), execution(S.BID_ACCEPTED, 1)], JobType.DAEMON)


def test_a_daemon_that_was_told_to_stop_is_not_live():
    """The stop is repeated until the node answers, so a new one may start."""
    assert Past(0) == judge([execution(S.BID_ACCEPTED, desired=DesiredState.STOPPED)], JobType.DAEMON)


@pytest.mark.parametrize(("job_type", "state"), [(JobType.BATCH, S.FAILED), (JobType.DAEMON, S.BID_ACCEPTED)])
def test_a_node_that_has_not_answered_to_a_cancel_gets_no_other_execution_of_the_job(job_type, state):
    """The first may still run there; it is looked at again a little later."""
    ending = execution(state, desired=DesiredState.STOPPED)
    ending.is_ending = True
    assert Past(-1, "job rejected", 100 * SECOND + START_INTERVAL_NS) == judge([ending], job_type)
