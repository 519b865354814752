"""An execution's way through its node: the states, and the one table of what leads from which to which.

    CREATED -> BID_ACCEPTED -> RUNNING -> PUBLISHING -> COMPLETED
       |            |            |  |___________________^  |
       |____________|____________|_____________________|___|-> FAILED, CANCELLED

A stimulus that the table has no row for comes late, twice or from the dead, and changes nothing.
Source: compute reference 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Final

import attrs

from devstack.messages import ComputeError, RunResult
from devstack.models.execution import RunCommandResult
from devstack.models.job import Job
from devstack.models.resources import Resources

__all__ = [
    "EXECUTING",
    "TERMINAL",
    "TRANSITIONS",
    "LocalExecution",
    "LocalExecutionState",
    "Stimulus",
    "already_exists_text",
    "not_found_text",
    "state_text",
    "terminal_text",
    "version_text",
]


class LocalExecutionState(IntEnum):
    """What the node knows of an execution; the requester's ComputeState has other numbers."""

    UNDEFINED = 0
    CREATED = 1
    BID_ACCEPTED = 2
    RUNNING = 3
    PUBLISHING = 4
    COMPLETED = 5
    FAILED = 6
    CANCELLED = 7

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL

    @property
    def is_active(self) -> bool:
        return State.CREATED <= self <= State.PUBLISHING

    @property
    def text(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_"))


State = LocalExecutionState
TERMINAL: Final = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})
EXECUTING: Final = frozenset({State.RUNNING, State.PUBLISHING})


class Stimulus(IntEnum):
    """What can change a state."""

    ACCEPT = 1
    REJECT = 2
    START = 3
    PUBLISH = 4
    COMPLETE = 5
    FAIL = 6
    CANCEL = 7


TRANSITIONS: Final[Mapping[tuple[LocalExecutionState, Stimulus], LocalExecutionState]] = {
    (State.CREATED, Stimulus.ACCEPT): State.BID_ACCEPTED,
    (State.CREATED, Stimulus.REJECT): State.CANCELLED,
    (State.CREATED, Stimulus.CANCEL): State.CANCELLED,
    (State.BID_ACCEPTED, Stimulus.START): State.RUNNING,
    (State.BID_ACCEPTED, Stimulus.FAIL): State.FAILED,
    (State.BID_ACCEPTED, Stimulus.CANCEL): State.CANCELLED,
    (State.RUNNING, Stimulus.START): State.RUNNING,  # A service or daemon, on a node that was restarted.
    (State.RUNNING, Stimulus.PUBLISH): State.PUBLISHING,
    (State.RUNNING, Stimulus.COMPLETE): State.COMPLETED,
    (State.RUNNING, Stimulus.FAIL): State.FAILED,
    (State.RUNNING, Stimulus.CANCEL): State.CANCELLED,
    (State.PUBLISHING, Stimulus.COMPLETE): State.COMPLETED,
    (State.PUBLISHING, Stimulus.FAIL): State.FAILED,
    (State.PUBLISHING, Stimulus.CANCEL): State.CANCELLED,
}


@attrs.define(eq=False)
class LocalExecution:
    """The node's record of one execution; owned and changed by the store and the runner of one node.

    `report` is what the requester was told of its end, kept because the message may be lost.
    The last five fields are the machine's, and a crash wipes them: `held` is the capacity that was granted and not
    yet given back, `awaits` the event that the work under way will end with, `timer` the key of the timer that is
    set, `started_ns` when the program was last started, `result` what it left behind while that is published.
    `limit_ns` is the execution timeout that applies (0: none).
    """

    id: str
    job: Job
    usage: Resources
    limit_ns: int = 0
    state: LocalExecutionState = State.CREATED
    version: int = 1
    create_time_ns: int = 0
    update_time_ns: int = 0
    comment: str = ""
    report: RunResult | ComputeError | None = None
    held: Resources | None = None
    awaits: type | None = None
    timer: tuple[str, str] | None = None
    started_ns: int = 0
    result: RunCommandResult | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the bid was approved and nothing has cancelled it."""
        return State.BID_ACCEPTED <= self.state <= State.FAILED

    def wipe(self) -> None:
        """Forget what only a running machine knows."""
        self.held = self.awaits = self.timer = self.result = None
        self.started_ns = 0


def not_found_text(execution_id: str) -> str:
    return f"execution not found: {execution_id}"


def already_exists_text(execution_id: str) -> str:
    return f"execution already exists: {execution_id}"


def state_text(execution_id: str, state: LocalExecutionState, expected: Iterable[LocalExecutionState]) -> str:
    names = " ".join(one.text for one in expected)
    return f"execution {execution_id} is in state {state.text} but expected one of [{names}]"


def version_text(execution_id: str, version: int, expected: int) -> str:
    return f"execution {execution_id} has version {version} but expected {expected}"


def terminal_text(execution_id: str, state: LocalExecutionState, wanted: LocalExecutionState) -> str:
    return f"execution {execution_id} is in terminal state {state.text} and cannot transition to {wanted.text}"
