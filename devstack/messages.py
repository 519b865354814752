"""What nodes say to each other, and what a state machine asks its surroundings to do.

`str(message)` is the canonical form that goes into the trace: whole payloads, only integers and short texts. Texts are
written by `ascii`: what `repr` leaves as it is depends on the Unicode tables, and so on the version of Python.
Source: compute reference 1.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property

import attrs

from devstack.models.event import Event
from devstack.models.execution import RunCommandResult
from devstack.models.job import Job, SpecConfig
from devstack.models.node import NodeInfo
from devstack.models.resources import Resources

__all__ = [
    "AskForBid",
    "BidAccepted",
    "BidRejected",
    "BidResult",
    "CancelExecution",
    "CancelResult",
    "CancelTimer",
    "ComputeError",
    "ExecutionReply",
    "Heartbeat",
    "ManagementReply",
    "Note",
    "Reconcile",
    "Register",
    "RunResult",
    "Send",
    "SetTimer",
    "UpdateInfo",
    "UpdateResources",
]

# ---- what a machine asks for -------------------------------------------------------------------------------
# Not frozen, only because making a frozen value takes three times as long, and nobody keeps these.


@attrs.define
class Send:
    """Hand a message to the network."""

    target: str
    message: object


@attrs.define
class SetTimer:
    """Wake the machine at `at_ns` with `key`; a timer of the same key is replaced."""

    key: Hashable
    at_ns: int


@attrs.define
class CancelTimer:
    key: Hashable


@attrs.define
class Note:
    """Something worth a line in the trace."""

    kind: str
    text: str


# ---- requester to compute node; each but Reconcile is answered by an ExecutionReply -------------------------


@attrs.frozen
class AskForBid:
    """`job_digest` stands for the job in the trace, so that a job is written out once, when it is submitted."""

    execution_id: str
    job: Job
    job_digest: str
    wait_for_approval: bool

    def __str__(self) -> str:
        return f"AskForBid {self.execution_id} {self.job.id} {self.job_digest} {self.wait_for_approval:d}"


@attrs.frozen
class BidAccepted:
    execution_id: str

    def __str__(self) -> str:
        return f"BidAccepted {self.execution_id}"


@attrs.frozen
class BidRejected:
    execution_id: str
    justification: str

    def __str__(self) -> str:
        return f"BidRejected {self.execution_id} {self.justification!a}"


@attrs.frozen
class CancelExecution:
    execution_id: str
    justification: str

    def __str__(self) -> str:
        return f"CancelExecution {self.execution_id} {self.justification!a}"


@attrs.frozen
class Reconcile:
    """The executions that the requester takes for running on the node, which answers for those that are not."""

    execution_ids: tuple[str, ...]

    def __str__(self) -> str:
        return f"Reconcile {' '.join(self.execution_ids)}"


@attrs.frozen
class ExecutionReply:
    """The node's answer to one of the four requests above; `error` is empty when it was taken."""

    execution_id: str
    job_id: str
    request: str
    error: str = ""

    def __str__(self) -> str:
        return f"Reply {self.request} {self.execution_id} {self.error!a}"


# ---- compute node to requester -----------------------------------------------------------------------------


@attrs.frozen
class BidResult:
    execution_id: str
    job_id: str
    accepted: bool
    event: Event

    def __str__(self) -> str:
        return f"BidResult {self.execution_id} {self.accepted:d} {self.event.message!a}"


@attrs.frozen
class RunResult:
    execution_id: str
    job_id: str
    published: SpecConfig
    result: RunCommandResult

    def __str__(self) -> str:
        r, p = self.result, self.published
        where = f"{p.type} {sorted(p.params.items())!a}"
        return f"RunResult {self.execution_id} {r.exit_code} {r.stdout!a} {r.stderr!a} {r.error_msg!a} {where}"


@attrs.frozen
class CancelResult:
    execution_id: str
    job_id: str

    def __str__(self) -> str:
        return f"CancelResult {self.execution_id}"


@attrs.frozen
class ComputeError:
    execution_id: str
    job_id: str
    event: Event

    def __str__(self) -> str:
        return f"ComputeError {self.execution_id} {self.event.topic} {self.event.message!a}"


@attrs.frozen
class Register:
    info: NodeInfo

    @cached_property
    def _text(self) -> str:
        return f"Register {self.info!a}"

    def __str__(self) -> str:
        return self._text


@attrs.frozen
class UpdateInfo:
    """A node sends the same object again while it has nothing new to say, so that its text is made once."""

    info: NodeInfo

    @cached_property
    def _text(self) -> str:
        return f"UpdateInfo {self.info!a}"

    def __str__(self) -> str:
        return self._text


@attrs.frozen
class UpdateResources:
    """Sent again and again as the same object while nothing changes, as UpdateInfo is."""

    node_id: str
    available: Resources
    queue_used: Resources

    @cached_property
    def _text(self) -> str:
        return f"UpdateResources {self.node_id} {self.available} {self.queue_used}"

    def __str__(self) -> str:
        return self._text


@attrs.frozen
class Heartbeat:
    node_id: str
    sequence: int

    def __str__(self) -> str:
        return f"Heartbeat {self.node_id} {self.sequence}"


@attrs.frozen
class ManagementReply:
    """The requester's answer to Register and UpdateInfo."""

    request: str
    accepted: bool
    reason: str = ""

    def __str__(self) -> str:
        return f"Reply {self.request} {self.accepted:d} {self.reason!a}"
