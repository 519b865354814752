"""Faults of the stores that inputs come from; executions without inputs are not concerned."""

from __future__ import annotations

from typing import Any

from devstack.compute.actions import Prepare, Prepared, StepFailed
from devstack.faults.effects import ExecutorEffect
from devstack.faults.executor import Slowed
from devstack.models.event import Topic

__all__ = ["BadBytes", "NoStorage", "SlowTransfers"]

_PREFIX = "preparing arguments: "


class SlowTransfers(Slowed):
    """Inputs that begin to come while it is slow take a factor longer."""

    starts = (Prepare,)
    ends = (Prepared,)

    def begin(self) -> None:
        """What is under way already comes as it would have."""


class NoStorage(ExecutorEffect):
    """No input can be had."""

    def takes_action(self, node_id: str, action: Any) -> bool:
        if not isinstance(action, Prepare) or not action.job.task.input_sources:
            return False
        if not self.is_for(node_id, action.execution_id) or not self.hits():
            return False
        reason = _PREFIX + self.fault["error"]
        self.engine.between.report(node_id, StepFailed(action.execution_id, Topic.PREPARING, reason))
        return True


class BadBytes(ExecutorEffect):
    """Inputs arrive damaged, and the node sees it by their checksums."""

    def takes_report(self, node_id: str, event: Any) -> bool:
        if not isinstance(event, Prepared) or not self.is_for(node_id, event.execution_id):
            return False
        job = self.job_of(node_id, event.execution_id)
        if job is None or not job.task.input_sources or not self.hits():
            return False
        targets = ", ".join(one.target for one in job.task.input_sources)
        reason = f"{_PREFIX}the input for {targets} is damaged: its checksum is not that of its source"
        self.engine.between.report(node_id, StepFailed(event.execution_id, Topic.PREPARING, reason))
        return True
