"""What the API needs of a cluster. The log stream, content and results that must be signed may take a while."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from devstack.adapters.ipfs.cid import Cid
from devstack.behaviour import Behaviour
from devstack.checkers import Violation
from devstack.dashboard.board import Board, Changes
from devstack.explain import Choice
from devstack.faults.fault import Fault
from devstack.faults.state import FaultState
from devstack.models.execution import Execution
from devstack.models.job import Job, SpecConfig
from devstack.models.node import BuildVersion, NodeState
from devstack.orchestrator.store import HistoryEntry, JobRecord

__all__ = ["Backend", "Page"]

T = TypeVar("T")
Page = tuple[Sequence[T], str]  # some of a list, and the token for the rest ("" if there is none)


class Backend(Protocol):
    """A cluster as clients see it through its requester.

    Ids are as the client typed them: exact, or the beginning of one. `limit` 0 means all; an empty text means
    "not given". All methods may raise a DevstackError, whose kind decides the status of the answer.
    """

    behaviour: Behaviour
    board: Board
    node_id: str
    version: BuildVersion

    def request_id(self) -> str:
        """32 letters and digits that no other request has."""

    def submit(self, job: Job) -> tuple[str, str, Sequence[str]]:
        """Job id, evaluation id and warnings of a job that was taken in."""

    def stop(self, job_id: str, reason: str) -> str:
        """The id of the evaluation that stops the job; empty if it is stopped already."""

    def find_job(self, job_id: str) -> JobRecord: ...

    def list_jobs(
        self, namespace: str, selectors: Sequence[str], limit: int, next_token: str, order_by: str, reverse: bool
    ) -> Page[JobRecord]: ...

    def history(
        self, job_id: str, since_s: int, event_type: str, execution_id: str, node_id: str, limit: int, next_token: str
    ) -> Page[HistoryEntry]:
        """`event_type` is all, job or execution; `since_s` is in Unix seconds."""

    def executions(self, job_id: str, limit: int, next_token: str, order_by: str, reverse: bool) -> Page[Execution]: ...

    async def results(self, job_id: str) -> Sequence[SpecConfig]: ...

    def nodes(
        self,
        selectors: Sequence[str],
        filter_approval: str,
        filter_status: str,
        limit: int,
        next_token: str,
        order_by: str,
        reverse: bool,
    ) -> Page[NodeState]: ...  # fmt: skip

    def node(self, node_id: str) -> NodeState: ...

    def node_action(self, node_id: str, action: str, message: str) -> str:
        """Why the action failed; empty if it was done."""

    def own_node(self) -> NodeState:
        """The requester as it sees itself."""

    def debug(self) -> Mapping[str, Any]:
        """Components and what they say of themselves; nodes as NodeState, anything else as JSON values."""

    def inject_fault(self, fault: Fault) -> FaultState:
        """Have the fault begin, now or when it says. Raises UsageError if there is no such target."""

    def list_faults(self) -> Sequence[FaultState]:
        """The faults that wait or are active, by number."""

    def clear_faults(self, number: int | None) -> Sequence[int]:
        """End a fault (None: all of them); the numbers of those that were ended. Raises NotFoundError."""

    def violations(self) -> tuple[Sequence[Violation], Mapping[str, int]]:
        """Rules that did not hold, and by checker how many more were found than are listed."""

    async def ipfs_block(self, cid: Cid) -> bytes:
        """One block of IPFS content. Raises NotFoundError."""

    def choices(self, job_id: str, at: str, execution_id: str) -> tuple[str, Sequence[Choice]]:
        """The job's whole id and the choices of nodes for it until `at`, or the one that made the execution.

        Raises NotFoundError, AmbiguousIdError, UsageError: `at` is no time.
        """

    def rows(self, changes: Changes) -> Mapping[str, Any]:
        """The changed things as the dashboard shows them, in JSON values."""

    @property
    def speed(self) -> int:
        """Virtual seconds per second; 0: time stands still."""

    def set_speed(self, speed: int) -> None: ...

    def now_ns(self) -> int:
        """Virtual time."""

    def free_space(self) -> Mapping[str, tuple[int, int, int]]:
        """All, used and free bytes of `tmp` and `root`."""

    def open_log(
        self, job_id: str, execution_id: str, tail: bool, follow: bool
    ) -> AsyncGenerator[tuple[int, str], None]:
        """Stream numbers (1 output, 2 errors) and pieces of text; the reason alone where it cannot be opened."""
