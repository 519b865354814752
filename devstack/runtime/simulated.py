"""The shell of a simulated world: it performs only what needs nothing outside, and at once.

Engines that are simulated answer with what happened and how long it took; the answer enters the queue at its
virtual time. What would need the real world is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from devstack.adapters.noop import NoopEngine, NoopOutcome
from devstack.compute.actions import (
    Assess,
    Assessed,
    BidFacts,
    Discard,
    Prepare,
    Prepared,
    Publish,
    Published,
    RunFinished,
    StartRun,
    StepFailed,
    StopRun,
)
from devstack.kernel import Kernel
from devstack.models.event import Topic
from devstack.models.execution import RunCommandResult
from devstack.models.job import Job, SpecConfig
from devstack.runtime.output import result_of_texts
from devstack.runtime.published import result_url

__all__ = ["SimulatedShell"]

NOOP: Final = "noop"
LOCAL: Final = "local"


@attrs.define
class SimulatedRun:
    """A simulated program under way; `sequence` cancels its end."""

    node_id: str
    outcome: NoopOutcome
    sequence: int


class SimulatedShell:
    """Performs actions of executions on the noop engine; holds nothing that cannot be copied."""

    def __init__(self, kernel: Kernel, noop: NoopEngine | None = None) -> None:
        self._kernel = kernel
        self._noop = noop or NoopEngine()
        self._runs: dict[str, SimulatedRun] = {}

    def perform(self, node_id: str, action: Any) -> None:
        """Begin the action; its event is posted at its virtual time."""
        perform: Callable[[str, Any], None] = self._PERFORMERS[type(action)].__get__(self)
        perform(node_id, action)

    def power_cut(self, node_id: str) -> None:
        """Forget what ran there; the kernel has dropped what would have been reported."""
        for execution_id in [key for key, run in self._runs.items() if run.node_id == node_id]:
            del self._runs[execution_id]

    def outcome(self, execution_id: str) -> NoopOutcome | None:
        """What a run under way will come to."""
        run = self._runs.get(execution_id)
        return None if run is None else run.outcome

    def _assess(self, node_id: str, action: Assess) -> None:
        self._kernel.post(node_id, Assessed(action.execution_id, self.facts(action.job)))

    def facts(self, job: Job) -> BidFacts:
        """What can be said of the job without looking outside."""
        task = job.task
        if task.engine is None or task.engine.key != NOOP:
            name = task.engine.type if task.engine else ""
            return BidFacts(error=f"this run has no real engines: {name!r} cannot run here")
        if task.input_sources:
            return BidFacts(error="this run has no real sources: inputs cannot be fetched here")
        return BidFacts(error=self._noop.problem(task))

    def _prepare(self, node_id: str, action: Prepare) -> None:
        self._kernel.post(node_id, Prepared(action.execution_id))

    def _start(self, node_id: str, action: StartRun) -> None:
        outcome = self._noop.outcome(action.job.task, node_id)
        result = result_of(outcome)
        at_ns = self._kernel.now_ns + outcome.duration_ns
        sequence = self._kernel.post(node_id, RunFinished(action.execution_id, result), at_ns)
        self._runs[action.execution_id] = SimulatedRun(node_id, outcome, sequence)

    def _publish(self, node_id: str, action: Publish) -> None:
        publisher = action.job.task.publisher
        if publisher is None or publisher.key in ("", NOOP):
            self._kernel.post(node_id, Published(action.execution_id, SpecConfig()))
            return
        if publisher.key == LOCAL:
            result = SpecConfig("urlDownload", {"URL": result_url(action.execution_id)})
            self._kernel.post(node_id, Published(action.execution_id, result))
            return
        reason = f"failed to get publisher {publisher.type}: this run has no real publishers"
        self._kernel.post(node_id, StepFailed(action.execution_id, Topic.PUBLISHING, reason))

    def _stop(self, node_id: str, action: StopRun) -> None:
        run = self._runs.pop(action.execution_id, None)
        if run is not None:
            self._kernel.cancel(run.sequence)

    def _discard(self, node_id: str, action: Discard) -> None:
        self._runs.pop(action.execution_id, None)

    _PERFORMERS = {  # noqa: RUF012 - a constant table, and methods of the class cannot be named before it
        Assess: _assess,
        Prepare: _prepare,
        StartRun: _start,
        Publish: _publish,
        StopRun: _stop,
        Discard: _discard,
    }


_PLAIN = RunCommandResult(exit_code=0)


def result_of(outcome: NoopOutcome) -> RunCommandResult:
    """The run's result as a node reports it."""
    if not (outcome.stdout or outcome.stderr or outcome.error or outcome.exit_code):
        return _PLAIN
    return result_of_texts(outcome.stdout, outcome.stderr, outcome.exit_code, outcome.error)
