"""What a compute node's report changes in the requester's record of an execution.

The store refuses a report whose execution is in none of the fitting states: it is late, or comes twice. A bid or a
result may well overtake the reply to the request that it is the fruit of. Source: orchestrator reference 9.
"""

from __future__ import annotations

from typing import Any, Final

from devstack.messages import BidResult, ComputeError, RunResult
from devstack.models.event import Event
from devstack.models.execution import ComputeState, DesiredState
from devstack.models.job import Job

__all__ = ["Report", "change_of", "failure"]

Report = BidResult | RunResult | ComputeError

_BID_IN: Final = frozenset({ComputeState.ASK_FOR_BID, ComputeState.NEW})
_RESULT_IN: Final = frozenset({ComputeState.BID_ACCEPTED, ComputeState.ASK_FOR_BID_ACCEPTED, ComputeState.NEW})
_NO_FAILURE_IN: Final = frozenset({ComputeState.COMPLETED, ComputeState.CANCELLED})


def change_of(report: Report, job: Job) -> dict[str, Any]:
    """The change, as arguments of `JobStore.update_execution`."""
    match report:
        case BidResult():
            return _bid(report)
        case RunResult():
            return _result(report, job)
        case ComputeError():
            return failure(report.event)


def _bid(report: BidResult) -> dict[str, Any]:
    change: dict[str, Any] = {
        "compute_message": report.event.message,
        "event": report.event,
        "expected_states": _BID_IN,
    }
    if report.accepted:
        return change | {"compute": ComputeState.ASK_FOR_BID_ACCEPTED}
    ended = {"desired": DesiredState.STOPPED, "desired_message": "bid rejected"}
    return change | ended | {"compute": ComputeState.ASK_FOR_BID_REJECTED}


def _result(report: RunResult, job: Job) -> dict[str, Any]:
    """The end of a daemon or service is none that it should come to, whatever its exit code."""
    if job.is_long_running:
        state, why = ComputeState.FAILED, "execution completed unexpectedly"
    else:
        state, why = ComputeState.COMPLETED, "execution completed"
    return {
        "compute": state,
        "compute_message": why if job.is_long_running else "",
        "desired": DesiredState.STOPPED,
        "desired_message": why,
        "published_result": report.published,
        "run_output": report.result,
        "expected_states": _RESULT_IN,
    }


def failure(event: Event) -> dict[str, Any]:
    """The change of an execution that has failed, as the node says or as its silence does."""
    return {
        "compute": ComputeState.FAILED,
        "compute_message": event.message,
        "desired": DesiredState.STOPPED,
        "desired_message": "execution failed",
        "event": event,
        "unexpected_states": _NO_FAILURE_IN,
    }
