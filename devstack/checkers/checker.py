"""What all checkers have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from devstack.checkers.facts import Facts
from devstack.checkers.violation import Violation
from devstack.models.execution import Execution

__all__ = ["Checker"]


class Checker:
    """One family of rules.

    A subclass has those of these methods that its rules need, and is not told the rest: the watcher's `saw_action`,
    `saw_report`, `saw_local_change` and `saw_power`; of `saw_change`, the entries of jobs as `saw_job`, those of
    executions as `saw_execution`, the first of each again as `saw_placement` and the last as `saw_end`; of `saw_note`
    what `saw_plan`, `saw_node` and `saw_unanswered` take. `at_end` is what is looked at last.
    """

    name: ClassVar[str]

    def __init__(self, facts: Facts, report: Callable[[Violation], None]) -> None:
        self.facts = facts
        self.cluster = facts.cluster
        self._report = report

    def open_ends(self, *, is_last: bool) -> Iterable[Violation]:
        """What does not hold yet, and must after a quiet time.

        Args:
            is_last: The quiet time is over. What changes all the time may still be seen at a bad moment.
        """
        return ()

    def at_end(self) -> None:
        """Look at what no event shows; called at the end, and whenever else somebody wants to know."""

    def forget(self) -> None:
        """The requester has lost its store: what was known of jobs and executions is void."""

    def violated(
        self, what: str, *, execution: Execution | None = None, nodes: Iterable[str] = (), jobs: Iterable[str] = (),
        executions: Iterable[str] = (), event: object = "",
    ) -> None:  # fmt: skip
        """A rule does not hold now."""
        self._report(
            self.finding(what, execution=execution, nodes=nodes, jobs=jobs, executions=executions, event=event)
        )

    def finding(
        self, what: str, *, execution: Execution | None = None, nodes: Iterable[str] = (), jobs: Iterable[str] = (),
        executions: Iterable[str] = (), event: object = "",
    ) -> Violation:  # fmt: skip
        if execution is not None:
            nodes, jobs, executions = (execution.node_id,), (execution.job_id,), (execution.id,)
        return Violation(self.name, self.cluster.now_ns, what, tuple(nodes), tuple(jobs), tuple(executions), str(event))
