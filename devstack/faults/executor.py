"""Faults of engines, disks and images: what happens between a node and its shell.

A node asks (`StartRun`, `Prepare`, `Publish`) and hears (`RunFinished`, `StepFailed`, ...); these effects answer in
the shell's place, or keep what passes back for a while.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, ClassVar, Final

import attrs

from devstack.compute.actions import (
    Prepare,
    Prepared,
    Publish,
    Published,
    RunFinished,
    StartRun,
    StepFailed,
    StopRun,
)
from devstack.faults.effects import ExecutorEffect
from devstack.faults.fault import CERTAIN_PPM
from devstack.models.event import Topic
from devstack.models.execution import RunCommandResult

__all__ = ["DiskFull", "Failing", "Hanging", "LostResults", "SlowPull", "Slowed"]

# Source: compute reference 5, what the docker engine says.
OOM: Final = (
    "memory limit exceeded. Please refer to "
    "https://docs.bacalhau.org/getting-started/resources/#docker-executor for more information"
)
OOM_EXIT_CODE: Final = 137
NO_SPACE: Final = "no space left on device"

STARTS: Final = (Prepare, StartRun, Publish)
ENDS: Final = (Prepared, RunFinished, Published, StepFailed)


class Failing(ExecutorEffect):
    """`fail_executor` and `out_of_memory`: ends what runs, and lets nothing start."""

    def begin(self) -> None:
        for node_id, execution_id in self.running():
            if self.hits():
                self.cluster.shell.perform(node_id, StopRun(execution_id))
                self.engine.between.report(node_id, self._end(execution_id))

    def takes_action(self, node_id: str, action: Any) -> bool:
        if not isinstance(action, StartRun) or not self.is_for(node_id, action.execution_id) or not self.hits():
            return False
        self.engine.between.report(node_id, self._end(action.execution_id))
        return True

    def _end(self, execution_id: str) -> RunFinished | StepFailed:
        if self.fault.word == "out_of_memory":
            return RunFinished(execution_id, RunCommandResult(exit_code=OOM_EXIT_CODE, error_msg=OOM))
        return StepFailed(execution_id, Topic.RUNNING, self.fault["error"])


class DiskFull(ExecutorEffect):
    """Whatever would write fails: fetching inputs, starting, publishing. What runs already runs on."""

    _TEXTS: Final = {
        Prepare: (Topic.PREPARING, f"preparing results path: {NO_SPACE}"),
        StartRun: (Topic.RUNNING, f"starting the program: {NO_SPACE}"),
        Publish: (Topic.PUBLISHING, f"failed to publish result: {NO_SPACE}"),
    }

    def takes_action(self, node_id: str, action: Any) -> bool:
        found = self._TEXTS.get(type(action))
        if found is None or not self.is_for(node_id, action.execution_id) or not self.hits():
            return False
        self.engine.between.report(node_id, StepFailed(action.execution_id, *found))
        return True


class LostResults(ExecutorEffect):
    """Programs end as if they had written nothing, and there is nothing to publish."""

    def takes_action(self, node_id: str, action: Any) -> bool:
        if not isinstance(action, Publish) or (node_id, action.execution_id) not in self.waiting:
            return False
        reason = "failed to publish result: the results are gone"
        self.engine.between.report(node_id, StepFailed(action.execution_id, Topic.PUBLISHING, reason))
        return True

    def takes_report(self, node_id: str, event: Any) -> bool:
        if not isinstance(event, RunFinished) or not self.is_for(node_id, event.execution_id) or not self.hits():
            return False
        empty = RunCommandResult(exit_code=event.result.exit_code, error_msg=event.result.error_msg)
        kept = self.engine.between.keep(node_id, RunFinished(event.execution_id, empty))
        self.waiting[node_id, event.execution_id] = kept
        self.engine.between.release(kept, after=self)
        return True


class Hanging(ExecutorEffect):
    """Ends of programs are kept back until the fault ends."""

    def takes_report(self, node_id: str, event: Any) -> bool:
        if not isinstance(event, RunFinished | StepFailed) or not self.is_for(node_id, event.execution_id):
            return False
        if not self.hits():
            return False
        self.waiting[node_id, event.execution_id] = self.engine.between.keep(node_id, event)
        return True

    def end(self) -> None:
        for kept in self.waiting.values():
            self.engine.between.release(kept, after=self)
        self.waiting.clear()


@attrs.define(eq=False)
class Slowed(ExecutorEffect):
    """Each step of an execution takes a factor longer, from when the fault began."""

    since: dict[tuple[str, str], int] = attrs.field(factory=dict)
    starts: ClassVar[tuple[type[Any], ...]] = STARTS
    ends: ClassVar[tuple[type[Any], ...]] = ENDS

    def begin(self) -> None:
        for name, execution_id in self.running():
            self.since[name, execution_id] = self.engine.now_ns

    def takes_action(self, node_id: str, action: Any) -> bool:
        if isinstance(action, self.starts) and self.is_for(node_id, action.execution_id):
            self.since[node_id, action.execution_id] = self.engine.now_ns
        return False

    def takes_report(self, node_id: str, event: Any) -> bool:
        if not isinstance(event, self.ends):
            return False
        since_ns = self.since.pop((node_id, event.execution_id), None)
        if since_ns is None or since_ns == self.engine.now_ns or not self.hits():
            return False
        more_ns = (self.engine.now_ns - since_ns) * (self.fault["factor"] - CERTAIN_PPM) // CERTAIN_PPM
        kept = self.engine.between.keep(node_id, event)
        self.waiting[node_id, event.execution_id] = kept
        self.engine.between.release(kept, after=self, delay_ns=more_ns)
        return True

    def forget(self, node_id: str, execution_id: str) -> None:
        super().forget(node_id, execution_id)
        self.since.pop((node_id, execution_id), None)


class SlowPull(ExecutorEffect):
    """Programs start late."""

    def takes_action(self, node_id: str, action: Any) -> bool:
        if not isinstance(action, StartRun) or not self._has_image(action) or not self.is_for(
            node_id, action.execution_id
        ):  # fmt: skip
            return False
        if not self.hits():
            return False
        kept = self.engine.between.keep(node_id, action)
        self.waiting[node_id, action.execution_id] = kept
        self.engine.between.release(kept, after=self, delay_ns=self.fault["by"])
        return True

    def _has_image(self, action: StartRun) -> bool:
        wanted, engine = self.fault["image"], action.job.task.engine
        if not wanted or engine is None:
            return not wanted
        return fnmatchcase(str(engine.params.get("Image", "")), wanted)
