"""What a script needs of a cluster, whichever it is: simulated, in process with real engines, or a real network.

What a script looks at (`job`, `executions`, `nodes`) is what the world saw last: a simulated one sees everything at
once, a network asks its API while the script waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs

from devstack.models.execution import ComputeState
from devstack.models.job import Job, JobState

__all__ = ["ExecutionView", "JobView", "NodeView", "World"]


@attrs.frozen
class JobView:
    """A job as it stands."""

    id: str
    type: str
    state: JobState
    message: str = ""
    count: int = 1


@attrs.frozen
class ExecutionView:
    """An execution as it stands; output is empty until it has completed."""

    id: str
    job_id: str
    node: str
    state: ComputeState
    is_stopping: bool = False
    message: str = ""
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    result_url: str = ""  # Where its published results can be read; empty if there are none, or nobody can.

    @property
    def is_running(self) -> bool:
        """Accepted by its node and not told to stop."""
        return self.state is ComputeState.BID_ACCEPTED and not self.is_stopping


@attrs.frozen
class NodeView:
    """A compute node as the requester knows it."""

    id: str
    is_connected: bool
    membership: str
    labels: dict[str, str] = attrs.field(factory=dict)


class World(Protocol):
    """One cluster, for one script."""

    @property
    def name(self) -> str:
        """What kind of world this is, for messages."""

    @property
    def now_ns(self) -> int:
        """Time since the script began."""

    async def submit(self, job: Job) -> str:
        """The id of the job that was taken. Raises InvalidJobError."""

    async def stop(self, job_id: str, reason: str) -> None: ...

    async def change_node(self, node_id: str, action: str) -> None:
        """Approve, reject or delete a node. Raises ConflictError with the reason."""

    def job(self, job_id: str) -> JobView: ...

    def executions(self, job_id: str) -> Sequence[ExecutionView]:
        """In the order they were made."""

    async def results(self, execution: ExecutionView) -> dict[str, bytes]:
        """The files that it has published, by path. Raises AdapterError: they cannot be had."""

    def nodes(self) -> Sequence[NodeView]: ...

    def inject(self, fault: Any) -> None:
        """Have a fault begin now or later. Raises UsageError: unknown word, no such target, refused here."""

    async def wait(self, what: str, is_met: Callable[[], bool], job_ids: Sequence[str] = ()) -> None:
        """Wait until the condition on what is seen holds; `job_ids` are the jobs it looks at."""

    async def advance(self, duration_ns: int) -> None:
        """Let time pass."""

    def snapshot(self) -> bytes:
        """The whole world as it is now, to be gone back to. Raises UsageError where that cannot be."""
