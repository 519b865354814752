"""Requester and nodes agree, once all messages have had time to arrive: on what lives, and on what is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from devstack.checkers.checker import Checker
from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.compute.lifecycle import LocalExecution, LocalExecutionState
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.history import ExecutionHistory

__all__ = ["AgreementChecker"]

C, L = ComputeState, LocalExecutionState
_FITS: Final = {
    C.BID_ACCEPTED: frozenset({L.BID_ACCEPTED, L.RUNNING, L.PUBLISHING}),
    C.ASK_FOR_BID: frozenset({L.CREATED}),  # It waits for a person; all else is under way.
}


class AgreementChecker(Checker):
    name = "requester and nodes agree"

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        super().__init__(facts, report)
        self._open: dict[str, Execution] = {}
        self._has_forgotten = False

    def forget(self) -> None:
        self._open.clear()
        self._has_forgotten = True

    # ---- step by step --------------------------------------------------------------------------------------

    def saw_placement(self, now_ns: int, entry: ExecutionHistory) -> None:
        execution = self.facts.store.execution(entry.execution_id)
        if execution is not None:
            self._open[entry.execution_id] = execution

    def saw_end(self, now_ns: int, entry: ExecutionHistory, execution: Execution) -> None:
        """Who is told to be over by its node is over there."""
        self._open.pop(entry.execution_id, None)
        if entry.new is C.FAILED or entry.node_id in self.facts.doubled:
            return  # Its node may not know it yet.
        hold = self.facts.holds_on(execution.node_id).get(execution.id)
        if hold is not None and hold.is_running and self.cluster.requester.nodes.is_known(execution.node_id):
            self.violated("no program runs for an execution that is over", execution=execution)

    # ---- in the end ----------------------------------------------------------------------------------------

    def open_ends(self, *, is_last: bool) -> Iterable[Violation]:
        for execution in self._open.values():
            if execution.node_id not in self.facts.doubled and (why := self._disagreement(execution)):
                yield self.finding(why, execution=execution)
        for node_id, node in self.cluster.nodes.items():
            if self.cluster.has_power(node_id) and node_id not in self.facts.doubled:
                for local in node.store:
                    if not local.state.is_terminal and (why := self._left_over(node_id, local)):
                        yield self.finding(why, nodes=(node_id,), jobs=(local.job.id,), executions=(local.id,))

    def _disagreement(self, execution: Execution) -> str:
        """What is wrong with an execution that is not over at the requester; empty: nothing."""
        is_stopping = execution.desired is DesiredState.STOPPED
        if not self.cluster.has_power(execution.node_id):
            return "" if is_stopping else "what was given to a node without power is given up"
        if is_stopping:
            return "an execution that was told to stop is over"
        node = self.cluster.nodes.get(execution.node_id)
        local = node.store.get(execution.id) if node is not None else None
        if local is None:
            return f"an execution that is {execution.compute.text} is known on its node"
        if local.state not in _FITS.get(execution.compute, ()):
            return f"requester and node agree on an execution: {execution.compute.text} here, {local.state.text} there"
        return self._idle(execution, local)

    def _idle(self, execution: Execution, local: LocalExecution) -> str:
        """What is wrong with an execution for which its node does nothing; empty: it does."""
        hold = self.facts.holds_on(execution.node_id).get(execution.id)
        if local.state is L.RUNNING and (hold is None or not hold.is_running):
            return "a program runs for an execution that is running"
        node = self.cluster.nodes[execution.node_id]
        if local.state is L.BID_ACCEPTED and hold is None and not local.usage.fits(node.enqueued):
            return "an execution that was accepted waits or runs"
        return ""

    def _left_over(self, node_id: str, local: LocalExecution) -> str:
        """What is wrong with an execution that is not over on its node; empty: nothing."""
        execution = self.facts.store.execution(local.id)
        if execution is None:
            return "" if self._has_forgotten else f"a node has only what it was given, and {local.state.text} there"
        if execution.compute.is_terminal:
            return f"what is over is over on its node: {execution.compute.text} here, {local.state.text} there"
        return ""
