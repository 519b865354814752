"""One attempt to run a job's task on one node, as the requester sees it."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import attrs

from devstack.models.job import SpecConfig

__all__ = ["DISCARDED", "TERMINAL", "ComputeState", "DesiredState", "Execution", "RunCommandResult"]


class ComputeState(IntEnum):
    """What the requester last heard of an execution. A number on the wire. Source: orchestrator reference 2.2."""

    UNDEFINED = 0
    NEW = 1
    ASK_FOR_BID = 2
    ASK_FOR_BID_ACCEPTED = 3
    ASK_FOR_BID_REJECTED = 4
    BID_ACCEPTED = 5
    BID_REJECTED = 6
    COMPLETED = 7
    FAILED = 8
    CANCELLED = 9

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL

    @property
    def text(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_"))


TERMINAL: Final = frozenset(
    {
        ComputeState.ASK_FOR_BID_REJECTED,
        ComputeState.BID_REJECTED,
        ComputeState.COMPLETED,
        ComputeState.FAILED,
        ComputeState.CANCELLED,
    }
)
DISCARDED: Final = TERMINAL - {ComputeState.COMPLETED}


class DesiredState(IntEnum):
    """What the requester wants of an execution. A number on the wire."""

    PENDING = 0
    RUNNING = 1
    STOPPED = 2

    @property
    def text(self) -> str:
        return self.name.capitalize()


@attrs.frozen
class RunCommandResult:
    """What a program left behind; output texts are cut at 2048 bytes. Source: compute reference 7."""

    stdout: str = ""
    stdout_truncated: bool = False
    stderr: str = ""
    stderr_truncated: bool = False
    exit_code: int = -1
    error_msg: str = ""


@attrs.define
class Execution:
    """The requester's record of one execution; owned and changed by `orchestrator.store` alone.

    But for `is_ending`, which the requester keeps: it says what is under way, and is no part of the record's state.
    """

    id: str
    job_id: str
    node_id: str
    namespace: str
    eval_id: str
    desired: DesiredState = DesiredState.PENDING
    desired_message: str = ""
    compute: ComputeState = ComputeState.NEW
    compute_message: str = ""
    published_result: SpecConfig | None = None
    run_output: RunCommandResult | None = None
    revision: int = 1
    create_time_ns: int = 0
    modify_time_ns: int = 0
    has_run: bool = False  # Its node has been told to run it, and has agreed.
    is_ending: bool = False  # Its node has been told to end it, and has not answered yet.

    @property
    def is_terminal(self) -> bool:
        """Over, or told to be over."""
        return self.compute in TERMINAL or self.desired is DesiredState.STOPPED

    @property
    def is_discarded(self) -> bool:
        return self.compute in DISCARDED
