"""A job's executions, sorted: rows T037 to T049."""

from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.orchestrator.scheduler.executions import expired, newest_beyond, sort_out

MINUTE = 60 * 1_000_000_000


def execution(name, state=5, modified_ns=0, desired=DesiredState.PENDING):
    return Execution(name, "j", "n", "default", "v", desired, compute=ComputeState(state), modify_time_ns=modified_ns)


def ids(executions):
    return [found.id for found in executions]


def test_t037_live_are_those_whose_compute_state_is_not_terminal():
    """Completed and failed ones are over."""
    assert ["exec1"] == ids(sort_out([execution("exec1", 5), execution("exec2", 7), execution("exec3", 8)], True).live)


def test_failed_ones_are_set_apart():
    """Cancelled and rejected ones are neither."""
    found = sort_out([execution("exec1", 8), execution("exec2", 9), execution("exec3", 4), execution("exec4", 6)], True)
    assert (["exec1"], []) == (ids(found.failed), ids(found.live))


def test_t043_completions_are_counted():
    """Only completed ones."""
    assert 2 == sort_out([execution(str(n), state) for n, state in enumerate((5, 8, 7, 7))], True).completed


def test_stopping_ones_are_live_or_left_out():
    """As one asks for it."""
    stopping = [execution("exec1", 5, desired=DesiredState.STOPPED)]
    assert ["exec1"] == ids(sort_out(stopping, stopping_is_live=True).live)
    assert [] == sort_out(stopping, stopping_is_live=False).live


def test_t047_the_newest_are_too_many():
    """The wanted oldest stay."""
    executions = [execution(f"exec{n}", modified_ns=n) for n in range(1, 6)]
    assert ["exec4", "exec5"] == ids(newest_beyond(executions, 3))
    assert [] == newest_beyond(executions, 5)


def test_t049_late_are_running_ones_that_have_not_changed_for_long():
    """Strictly before the instant."""
    now_ns = 1000 * MINUTE
    executions = [execution(f"exec{n}", 5, now_ns - age * MINUTE) for n, age in ((1, 30), (2, 90), (3, 120))]
    assert ["exec2", "exec3"] == ids(expired(executions, now_ns - 60 * MINUTE))
    assert [] == expired([execution("exec4", 5, now_ns), execution("exec5", 2, 0)], now_ns)
