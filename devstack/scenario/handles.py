"""What a script holds in its hands: the cluster, its jobs, their executions, the nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import trio

from devstack.errors import UsageError
from devstack.models.execution import ComputeState
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.job import Job, JobState
from devstack.scenario.builders import Duration, duration_ns
from devstack.scenario.world import ExecutionView, JobView, NodeView, World

__all__ = ["ClusterHandle", "ExecutionHandle", "JobHandle", "NodeHandle", "ScenarioFailure"]

_STATES = {state.text: state for state in JobState}


class ScenarioFailure(AssertionError):
    """Something that a scenario asked for did not come true."""

    # What raises it hides itself from pytest (`__tracebackhide__`): the line that waits is the one to show.


def _limit(within: Duration | None) -> AbstractContextManager[trio.CancelScope | None]:
    return nullcontext() if within is None else trio.fail_after(duration_ns(within) / SECOND_NS)


class ExecutionHandle:
    """One attempt of a job on one node; what it shows is as it stands now."""

    def __init__(self, world: World, job_id: str, execution_id: str) -> None:
        self._world, self._job_id, self.id = world, job_id, execution_id

    @property
    def _view(self) -> ExecutionView:
        return next(view for view in self._world.executions(self._job_id) if view.id == self.id)

    @property
    def node(self) -> str:
        return self._view.node

    @property
    def state(self) -> str:
        """`BidAccepted`, `Completed`, `Failed`, ... as Bacalhau calls it."""
        return self._view.state.text

    @property
    def message(self) -> str:
        return self._view.message

    @property
    def exit_code(self) -> int | None:
        return self._view.exit_code

    @property
    def stdout(self) -> str:
        return self._view.stdout

    @property
    def stderr(self) -> str:
        return self._view.stderr

    @property
    def is_running(self) -> bool:
        return self._view.is_running

    async def results(self) -> dict[str, bytes]:
        """The files that it has published, by path: `stdout`, `exitCode`, `outputs/part.txt`.

        Raises:
            UsageError: it has published nothing that can be read.
        """
        view = self._view
        if not view.result_url:
            raise UsageError(f"{self!r} has no results", 'wait for its end, and give its job publisher="local"')
        return await self._world.results(view)

    def __repr__(self) -> str:
        return f"<execution {self.id[:10]} on {self.node}: {self.state}>"


class JobHandle:
    """One submitted job."""

    def __init__(self, world: World, job_id: str) -> None:
        self._world, self.id = world, job_id

    @property
    def _view(self) -> JobView:
        return self._world.job(self.id)

    @property
    def state(self) -> str:
        """`Pending`, `Queued`, `Running`, `Completed`, `Failed` or `Stopped`."""
        return self._view.state.text

    @property
    def message(self) -> str:
        """Why it is in that state, where there is something to say."""
        return self._view.message

    @property
    def executions(self) -> list[ExecutionHandle]:
        """All attempts, in the order they were made."""
        return [ExecutionHandle(self._world, self.id, view.id) for view in self._world.executions(self.id)]

    def _in_state(self, *states: ComputeState) -> list[ExecutionHandle]:
        views = self._world.executions(self.id)
        return [ExecutionHandle(self._world, self.id, view.id) for view in views if view.state in states]

    @property
    def completed(self) -> list[ExecutionHandle]:
        return self._in_state(ComputeState.COMPLETED)

    @property
    def failed(self) -> list[ExecutionHandle]:
        return self._in_state(ComputeState.FAILED)

    @property
    def running(self) -> list[ExecutionHandle]:
        return [execution for execution in self.executions if execution.is_running]

    @property
    def nodes_used(self) -> set[str]:
        """The nodes that the job has been tried on."""
        return {view.node for view in self._world.executions(self.id)}

    async def stop(self, reason: str = "") -> None:
        """Ask for the job's end; its executions follow."""
        await self._world.stop(self.id, reason)

    async def wait(self, state: str = "Completed", within: Duration | None = None) -> JobHandle:
        """Wait until the job is in that state.

        Raises:
            ScenarioFailure: it ended in another state, or the time is up.
            UsageError: there is no such state.
        """
        __tracebackhide__ = True
        wanted = _STATES.get(state)
        if wanted is None:
            raise UsageError(f"unknown job state {state!r}", f"use one of {', '.join(list(_STATES)[1:])}")

        def is_met() -> bool:
            now = self._view.state
            return now is wanted or now.is_terminal

        await self._until(f"job {self._label} to be {state}", is_met, within)
        if self._view.state is not wanted:
            raise ScenarioFailure(f"job {self._label} was to be {state} and {self._describe()}")
        return self

    async def wait_over(self, within: Duration | None = None) -> str:
        """Wait for the end, whatever it is; the state."""
        __tracebackhide__ = True
        await self._until(f"the end of job {self._label}", lambda: self._view.state.is_terminal, within)
        return self.state

    async def wait_running(self, count: int = 1, within: Duration | None = None) -> ExecutionHandle:
        """Wait until `count` executions run at once; the first of them.

        Raises:
            ScenarioFailure: the job is over before, or the time is up.
        """
        __tracebackhide__ = True
        what = f"{count} running execution{'s' * (count > 1)} of job {self._label}"
        await self._until(what, lambda: len(self.running) >= count or self._view.state.is_terminal, within)
        running = self.running
        if len(running) < count:
            raise ScenarioFailure(f"job {self._label} was to have {what} and {self._describe()}")
        return running[0]

    async def wait_executions(self, count: int, state: str, within: Duration | None = None) -> list[ExecutionHandle]:
        """Wait until `count` executions are in a state (`Completed`, `Failed`, `Cancelled`, ...); these."""
        __tracebackhide__ = True
        wanted = next((one for one in ComputeState if one.text == state), None)
        if wanted is None:
            names = ", ".join(one.text for one in list(ComputeState)[1:])
            raise UsageError(f"unknown execution state {state!r}", f"use one of {names}")
        what = f"{count} {state} executions of job {self._label}"
        await self._until(what, lambda: len(self._in_state(wanted)) >= count, within)
        return self._in_state(wanted)

    async def _until(self, what: str, is_met: Callable[[], bool], within: Duration | None) -> None:
        __tracebackhide__ = True
        try:
            with _limit(within):
                await self._world.wait(what, is_met, (self.id,))
        except trio.TooSlowError:
            raise ScenarioFailure(f"waited {_text(within)} for {what}; it {self._describe()}") from None

    @property
    def _label(self) -> str:
        return f"{self.id[:10]} ({self._view.type})"

    def _describe(self) -> str:
        message = f": {self.message}" if self.message else ""
        tries = ", ".join(f"{execution.node} {execution.state}" for execution in self.executions[-8:])
        return f"is {self.state}{message}; its executions: {tries or 'none'}"

    def __repr__(self) -> str:
        return f"<job {self._label}: {self.state}>"


class NodeHandle:
    """One compute node, as the requester knows it."""

    def __init__(self, world: World, node_id: str) -> None:
        self._world, self.id = world, node_id

    @property
    def _view(self) -> NodeView:
        found = next((view for view in self._world.nodes() if view.id == self.id), None)
        return found or NodeView(self.id, is_connected=False, membership="")

    @property
    def is_connected(self) -> bool:
        return self._view.is_connected

    @property
    def membership(self) -> str:
        """`APPROVED`, `PENDING`, `REJECTED`, or empty after it was deleted."""
        return self._view.membership

    @property
    def labels(self) -> dict[str, str]:
        return dict(self._view.labels)

    async def approve(self) -> None:
        await self._world.change_node(self.id, "approve")

    async def reject(self) -> None:
        await self._world.change_node(self.id, "reject")

    async def delete(self) -> None:
        await self._world.change_node(self.id, "delete")

    async def wait_connected(self, connected: bool = True, within: Duration | None = None) -> None:
        """Wait until the requester takes the node for connected (or for disconnected)."""
        __tracebackhide__ = True
        what = f"{self.id} to be {'connected' if connected else 'disconnected'}"
        try:
            with _limit(within):
                await self._world.wait(what, lambda: self.is_connected is connected)
        except trio.TooSlowError:
            raise ScenarioFailure(f"waited {_text(within)} for {what}") from None

    def __repr__(self) -> str:
        return f"<node {self.id}: {self.membership}, {'connected' if self.is_connected else 'disconnected'}>"


class ClusterHandle:
    """The cluster, as a script sees it."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self.seed = world, seed

    @property
    def now_s(self) -> float:
        """Seconds since the script began."""
        return self._world.now_ns / SECOND_NS

    @property
    def nodes(self) -> list[NodeHandle]:
        """The compute nodes that the requester knows."""
        return [NodeHandle(self._world, view.id) for view in self._world.nodes()]

    def node(self, node_id: str) -> NodeHandle:
        """A node by its id.

        Raises:
            UsageError: there is none.
        """
        known = [view.id for view in self._world.nodes()]
        if node_id not in known:
            raise UsageError(f"there is no node {node_id!r}", f"the nodes are {', '.join(known)}")
        return NodeHandle(self._world, node_id)

    async def submit(self, job: Job) -> JobHandle:
        """Hand in a job. Raises InvalidJobError."""
        return JobHandle(self._world, await self._world.submit(job))

    async def stop(self, job: JobHandle, reason: str = "") -> None:
        """Ask for a job's end."""
        await job.stop(reason)

    def inject(self, *faults: Any) -> None:
        """Have faults begin: now, or when they say.

        Raises:
            UsageError: an unknown word, or a target that matches nothing.
        """
        for fault in faults:
            self._world.inject(fault)

    async def advance(self, duration: Duration) -> None:
        """Let time pass."""
        await self._world.advance(duration_ns(duration))

    async def wait(
        self, is_met: Callable[[], bool], within: Duration | None = None, what: str = "a condition of the script",
        jobs: Sequence[JobHandle] = (),
    ) -> None:  # fmt: skip
        """Wait until a condition on what the handles show holds.

        Raises:
            ScenarioFailure: the time is up.
        """
        __tracebackhide__ = True
        try:
            with _limit(within):
                await self._world.wait(what, is_met, [job.id for job in jobs])
        except trio.TooSlowError:
            raise ScenarioFailure(f"waited {_text(within)} for {what}") from None

    def snapshot(self) -> bytes:
        """The whole world as it is now."""
        return self._world.snapshot()

    def __repr__(self) -> str:
        return f"<{self._world.name} cluster of {len(self._world.nodes())} nodes, seed {self.seed}>"


def _text(within: Duration | None) -> str:
    return "for ever" if within is None else duration_text(duration_ns(within))
