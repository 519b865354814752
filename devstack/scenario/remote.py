"""A real Bacalhau network as a script's world, through its API: jobs, waits and assertions work, faults do not.

What a script looks at is what the API said last; while it waits, the API is asked again and again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from time import monotonic_ns
from typing import Any, Final

import trio

from devstack.client import Address, ApiError, Client
from devstack.errors import ConflictError, InvalidJobError, NotFoundError
from devstack.models.execution import ComputeState, DesiredState
from devstack.models.job import Job, JobState, SpecConfig
from devstack.scenario.decorator import Scenario
from devstack.scenario.elsewhere import PlayedOutcome, play, refuse
from devstack.scenario.job_text import spec_of
from devstack.scenario.results import fetched_files, url_of
from devstack.scenario.world import ExecutionView, JobView, NodeView, World

__all__ = ["NetworkWorld", "run_on_network"]

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0
COMPUTE: Final = "Compute"
_STATES: Final = {state.text: state for state in JobState}


class NetworkWorld:
    """Everything that the API of one network has said so far."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._started_ns = monotonic_ns()
        self._jobs: dict[str, JobView] = {}
        self._executions: dict[str, list[ExecutionView]] = {}
        self._nodes: list[NodeView] = []

    @property
    def name(self) -> str:
        return f"the network at {self._client.address.base_url}"

    @property
    def now_ns(self) -> int:
        return monotonic_ns() - self._started_ns

    def job_ids(self) -> list[str]:
        """The jobs that the script has handed in, in that order."""
        return list(self._jobs)

    # ---- asking the API ------------------------------------------------------------------------------------

    async def refresh(self, job_ids: Sequence[str] = ()) -> None:
        """Ask for the jobs (all that are known, if none is named) and the nodes."""
        await trio.to_thread.run_sync(self._refresh, list(job_ids or self._jobs), abandon_on_cancel=False)

    def _refresh(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            # The job first: executions that are asked for later are at least as far as it is.
            self._jobs[job_id] = _job_view(self._client.job(job_id)["Job"])
            items = self._client.executions(job_id).get("Items") or []
            self._executions[job_id] = [
                _execution_view(item) for item in sorted(items, key=lambda item: int(item.get("CreateTime", 0)))
            ]
        answer = self._client.nodes({})
        self._nodes = [_node_view(item) for item in answer.get("Nodes") or [] if _is_compute(item)]

    async def _call(self, question: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
        return await trio.to_thread.run_sync(question, *arguments)

    # ---- what a script asks for ----------------------------------------------------------------------------

    async def submit(self, job: Job) -> str:
        try:
            answer = await self._call(self._client.submit, spec_of(job, full=True))
        except ApiError as exc:
            if exc.status == HTTPStatus.BAD_REQUEST:
                raise InvalidJobError(exc.message) from None
            raise
        job_id = str(answer["JobID"])
        await self.refresh([job_id])
        return job_id

    async def stop(self, job_id: str, reason: str) -> None:
        await self._call(self._client.stop, job_id, reason)
        await self.refresh([job_id])

    async def change_node(self, node_id: str, action: str) -> None:
        answer = await self._call(self._client.act_on_node, node_id, action, "")
        if not answer.get("Success", True):
            raise ConflictError(f"cannot {action} {node_id}: {answer.get('Error', '')}")
        await self.refresh()

    def job(self, job_id: str) -> JobView:
        if job_id not in self._jobs:
            raise NotFoundError(f"job not found: {job_id}")
        return self._jobs[job_id]

    def executions(self, job_id: str) -> Sequence[ExecutionView]:
        return self._executions.get(job_id, [])

    async def results(self, execution: ExecutionView) -> dict[str, bytes]:
        return await fetched_files(execution.result_url)

    def nodes(self) -> Sequence[NodeView]:
        return self._nodes

    def inject(self, fault: Any) -> None:
        raise refuse(f"the fault {getattr(fault, 'word', fault)!s}", self.name)

    async def wait(self, what: str, is_met: Callable[[], bool], job_ids: Sequence[str] = ()) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await self.refresh(job_ids)
            if is_met():
                return
            await trio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)

    async def advance(self, duration_ns: int) -> None:
        raise refuse("clock control (`advance`)", self.name)

    def snapshot(self) -> bytes:
        raise refuse("a snapshot", self.name)


def _job_view(item: dict[str, Any]) -> JobView:
    state = item.get("State") or {}
    return JobView(
        id=str(item["ID"]),
        type=str(item.get("Type", "")),
        state=_STATES.get(str(state.get("StateType", "")), JobState.UNDEFINED),
        message=str(state.get("Message", "")),
        count=int(item.get("Count", 0)),
    )


def _execution_view(item: dict[str, Any]) -> ExecutionView:
    compute, desired = item.get("ComputeState") or {}, item.get("DesiredState") or {}
    output, result = item.get("RunOutput"), item.get("PublishedResult") or {}
    return ExecutionView(
        id=str(item["ID"]),
        job_id=str(item.get("JobID", "")),
        node=str(item.get("NodeID", "")),
        state=ComputeState(int(compute.get("StateType", 0))),
        is_stopping=int(desired.get("StateType", 0)) == DesiredState.STOPPED,
        message=str(compute.get("Message", "")),
        exit_code=None if output is None else int(output.get("ExitCode", 0)),
        stdout="" if output is None else str(output.get("Stdout", "")),
        stderr="" if output is None else str(output.get("stderr", "")),
        result_url=url_of(SpecConfig(str(result.get("Type", "")), result.get("Params") or {})),
    )


def _is_compute(item: dict[str, Any]) -> bool:
    return str((item.get("Info") or {}).get("NodeType", "")) == COMPUTE


def _node_view(item: dict[str, Any]) -> NodeView:
    info = item["Info"]
    is_connected = str(item.get("Connection", "")).upper() == "CONNECTED"
    return NodeView(str(info["NodeID"]), is_connected, str(item.get("Membership", "")), dict(info.get("Labels") or {}))


def run_on_network(scenario: Scenario, address: Address, token: str = "") -> PlayedOutcome:
    """Run the scenario on the network at that address.

    Its wishes for the cluster (nodes, shapes, behaviour, seed) are the network's own affair.
    """

    async def opening(in_world: Callable[[World, Callable[[], Sequence[str]]], Awaitable[None]]) -> None:
        with Client(address, token=token) as client:
            world = NetworkWorld(client)
            for fault in scenario.faults:
                world.inject(fault)
            await world.refresh()
            await in_world(world, world.job_ids)

    return play(scenario, scenario.seed, f"the network at {address.base_url}", opening)
