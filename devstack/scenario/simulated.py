"""A simulated cluster in virtual time, as a script's world."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import trio

from devstack.cluster import Cluster
from devstack.errors import ConflictError, UsageError
from devstack.faults.engine import FaultEngine
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.gotext import SECOND_NS
from devstack.models.job import Job
from devstack.models.node import Connection, NodeType
from devstack.runtime.published import PublishedResults, files_of
from devstack.runtime.virtual import VirtualPace
from devstack.scenario.results import url_of
from devstack.scenario.world import ExecutionView, JobView, NodeView

__all__ = ["SimulatedWorld", "execution_view", "job_view", "node_views"]


class SimulatedWorld:
    name = "simulated"

    def __init__(self, cluster: Cluster, pace: VirtualPace, faults: FaultEngine) -> None:
        self.cluster, self.pace, self.faults = cluster, pace, faults
        self._start_ns = cluster.now_ns

    @property
    def now_ns(self) -> int:
        return self.cluster.now_ns - self._start_ns

    async def submit(self, job: Job) -> str:
        submission = await self.pace.ask(self.cluster.submit, job)
        return submission.record.job.id

    async def stop(self, job_id: str, reason: str) -> None:
        await self.pace.ask(self.cluster.stop, job_id, reason)

    async def change_node(self, node_id: str, action: str) -> None:
        error = await self.pace.ask(self.cluster.change_node, node_id, action)
        if error:
            raise ConflictError(f"cannot {action} {node_id}: {error}")

    def job(self, job_id: str) -> JobView:
        return job_view(self.cluster, job_id)

    def executions(self, job_id: str) -> Sequence[ExecutionView]:
        return [execution_view(execution) for execution in self.cluster.requester.store.job(job_id).executions.values()]

    async def results(self, execution: ExecutionView) -> dict[str, bytes]:
        content = getattr(self.cluster.shell, "published", PublishedResults()).archive(execution.result_url)
        if content is not None:
            return files_of(content)
        # A simulated program has no files but those of its output.
        texts = {"stdout": execution.stdout, "stderr": execution.stderr, "exitCode": str(execution.exit_code)}
        return {name: text.encode() for name, text in texts.items()}

    def nodes(self) -> Sequence[NodeView]:
        return node_views(self.cluster)

    def inject(self, fault: Any) -> None:
        self.faults.check(fault)
        self.pace.ask_later(self.faults.inject, fault)

    async def wait(self, what: str, is_met: Callable[[], bool], job_ids: Sequence[str] = ()) -> None:
        await self.pace.wait(what, is_met, job_ids)

    async def advance(self, duration_ns: int) -> None:
        await trio.sleep(duration_ns / SECOND_NS)

    def snapshot(self) -> bytes:
        watchers, self.cluster.watchers = self.cluster.watchers, []
        try:
            return pickle.dumps(self.cluster)
        except (pickle.PicklingError, TypeError, AttributeError) as exc:
            raise UsageError(
                f"this world cannot be copied: {exc}", "real engines cannot be part of a snapshot"
            ) from None
        finally:
            self.cluster.watchers = watchers


def job_view(cluster: Cluster, job_id: str) -> JobView:
    record = cluster.requester.store.job(job_id)
    return JobView(job_id, record.job.type, record.state, record.message, record.job.wanted)


def node_views(cluster: Cluster) -> list[NodeView]:
    """The compute nodes that the requester knows."""
    return [
        NodeView(
            state.info.node_id,
            state.connection is Connection.CONNECTED,
            state.membership.value,
            dict(state.info.labels),
        )
        for state in cluster.requester.nodes.states()
        if state.info.type is NodeType.COMPUTE
    ]


def execution_view(execution: Execution) -> ExecutionView:
    output = execution.run_output
    return ExecutionView(
        id=execution.id,
        job_id=execution.job_id,
        node=execution.node_id,
        state=ComputeState(execution.compute),
        is_stopping=execution.desired is DesiredState.STOPPED,
        message=execution.compute_message,
        exit_code=None if output is None else output.exit_code,
        stdout="" if output is None else output.stdout,
        stderr="" if output is None else output.stderr,
        result_url=url_of(execution.published_result),
    )
