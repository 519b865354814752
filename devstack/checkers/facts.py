"""What is true of a cluster, whatever its machines believe: which programs run, what is held, who was meddled with.

Checkers share it. It learns from what the machines ask of their shells, which no lost message can falsify.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from devstack.cluster import Cluster
from devstack.compute.actions import Discard, Prepare, RunFinished, StartRun, StepFailed, StopRun
from devstack.models.execution import RunCommandResult
from devstack.models.gotext import SECOND_NS
from devstack.models.history import JobHistory
from devstack.models.job import Job
from devstack.models.resources import Resources

__all__ = ["REPORT_AGE_NS", "Facts", "Hold"]

# A node's last report of its room may be that old, and what it says holds until the next.
REPORT_AGE_NS: Final = 32 * SECOND_NS


@attrs.define
class Hold:
    """Capacity that a node has granted to an execution, from its first step to its clean-up."""

    execution_id: str
    node_id: str
    job: Job
    resources: Resources
    since_ns: int
    is_running: bool = False


class Facts:
    """`holds` are by node and execution id; `results` are those of programs that came to their end,
    `held_ns` says how long an execution that is over held its capacity. `doubled` are nodes whose id another machine
    has used: nobody can tell the two apart, so that nothing can be asked of what is agreed with them.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.holds: dict[str, dict[str, Hold]] = {node_id: {} for node_id in cluster.nodes}
        # The same by execution and node: among 10,000 nodes nobody can look for one.
        self._holds_of: dict[str, dict[str, Hold]] = {}
        self.results: dict[str, RunCommandResult] = {}
        self.held_ns: dict[str, int] = {}
        self.doubled: set[str] = set()
        # Whether the requester's clock was ever seen to be wrong, and with it what it says of durations.
        self.is_skewed = False
        # The requester's store as it was when it was first seen: another one has forgotten everything.
        self.store = cluster.requester.store

    # ---- what happens --------------------------------------------------------------------------------------

    def saw_action(self, now_ns: int, node_id: str, action: Any) -> None:
        kind = type(action)
        holds = self.holds_on(node_id)
        if kind is StartRun or kind is Prepare:
            hold = holds.get(action.execution_id)
            if hold is None:
                hold = Hold(action.execution_id, node_id, action.job, action.resources, now_ns)
                holds[action.execution_id] = hold
                self._holds_of.setdefault(action.execution_id, {})[node_id] = hold
            hold.is_running = kind is StartRun
        elif kind is StopRun:
            if action.execution_id in holds:
                holds[action.execution_id].is_running = False
        elif kind is Discard and (ended := holds.pop(action.execution_id, None)) is not None:
            self.held_ns[ended.execution_id] = now_ns - ended.since_ns
            self._let_go(ended)

    def _let_go(self, hold: Hold) -> None:
        holds = self._holds_of[hold.execution_id]
        del holds[hold.node_id]
        if not holds:
            del self._holds_of[hold.execution_id]

    def saw_report(self, now_ns: int, node_id: str, event: Any) -> None:
        kind = type(event)
        if kind is not RunFinished and kind is not StepFailed:
            return
        hold = self.holds_on(node_id).get(event.execution_id)
        if hold is not None and hold.is_running:
            hold.is_running = False
            if kind is RunFinished:
                self.results[event.execution_id] = event.result

    def saw_job(self, now_ns: int, entry: JobHistory) -> None:
        if entry.time_ns != now_ns:
            self.is_skewed = True

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        if machine == self.cluster.requester_id:
            self.store = self.cluster.requester.store
            return
        for hold in self.holds_on(machine).values():
            self._let_go(hold)
        self.holds[machine] = {}
        if is_on and machine not in self.cluster.nodes:
            self.doubled.add(self.cluster.node(machine).config.node_id)

    # ---- questions -----------------------------------------------------------------------------------------

    def holds_on(self, node_id: str) -> dict[str, Hold]:
        holds = self.holds.get(node_id)
        if holds is None:  # A node that came later.
            holds = self.holds[node_id] = {}
        return holds

    def hold(self, execution_id: str) -> Hold | None:
        """Who holds capacity for the execution, if anybody."""
        return next(iter(self._holds_of.get(execution_id, {}).values()), None)

    def limit_ns(self, hold: Hold) -> int:
        """The execution timeout that applies; zero: none."""
        if hold.job.is_long_running:
            return 0
        own_ns = hold.job.task.timeouts.effective_execution_s * SECOND_NS
        return own_ns or self.cluster.node(hold.node_id).config.default_timeout_ns

    def is_calm(self, since_ns: int, *machines: str) -> bool:
        """Whether since then no message was tampered with, and none of the machines (and not the requester)."""
        cluster = self.cluster
        if cluster.kernel.network.meddled_ns >= since_ns:
            return False
        return not any(cluster.was_disturbed(name, since_ns) for name in (cluster.requester_id, *machines))
