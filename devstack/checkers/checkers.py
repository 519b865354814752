"""All checkers together: they look on while a cluster runs, and judge it once more when all is quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from devstack.checkers.agreement import AgreementChecker
from devstack.checkers.capacity import CapacityChecker
from devstack.checkers.checker import Checker
from devstack.checkers.commands import CommandChecker
from devstack.checkers.completion import CompletionChecker
from devstack.checkers.engines import EngineChecker
from devstack.checkers.facts import Facts
from devstack.checkers.goals import GoalChecker
from devstack.checkers.honesty import HonestyChecker
from devstack.checkers.local_transitions import LocalTransitionChecker
from devstack.checkers.membership import MembershipChecker
from devstack.checkers.placements import PlacementChecker
from devstack.checkers.settling import settle
from devstack.checkers.stops import StopChecker
from devstack.checkers.timeouts import TimeoutChecker
from devstack.checkers.transitions import TransitionChecker
from devstack.checkers.violation import Violation
from devstack.checkers.wakeups import WakeChecker
from devstack.cluster import Cluster, Watcher
from devstack.compute.store import LocalChange
from devstack.models.execution import TERMINAL
from devstack.models.history import JobHistory
from devstack.orchestrator.store import HistoryEntry

__all__ = ["CHECKERS", "MOST_OF_A_CHECKER", "Checkers", "FaultSchedule"]

CHECKERS: Final[tuple[type[Checker], ...]] = (
    EngineChecker,
    CapacityChecker,
    TransitionChecker,
    LocalTransitionChecker,
    CommandChecker,
    PlacementChecker,
    CompletionChecker,
    TimeoutChecker,
    StopChecker,
    HonestyChecker,
    MembershipChecker,
    WakeChecker,
    GoalChecker,
    AgreementChecker,
)
# So many violations of one checker are listed; one broken rule shall not hide the others.
MOST_OF_A_CHECKER: Final = 5


class FaultSchedule(Protocol):
    """What checkers ask of whoever carries out the faults."""

    def end_ns(self) -> int | None:
        """When the last fault is over; None: never."""


class Checkers(Watcher):
    """Watches a cluster from now on.

    Args:
        faults: Who knows when the faults are over; None: there are none that `settle` has to wait for.
        report: Is told at once of each violation that is listed in `violations`; of each checker these are
            `MOST_OF_A_CHECKER` at most, and `unlisted` counts the others.
    """

    def __init__(
        self,
        cluster: Cluster,
        faults: FaultSchedule | None = None,
        report: Callable[[Violation], None] | None = None,
        checkers: Sequence[type[Checker]] = CHECKERS,
    ) -> None:
        self.violations: list[Violation] = []
        self.unlisted: Counter[str] = Counter()
        self._cluster, self._faults, self._report = cluster, faults, report
        self._facts = Facts(cluster)
        self._checkers = [checker(self._facts, self._found) for checker in checkers]

        def listening(method: str) -> tuple[Callable[..., None], ...]:
            # The facts come last: a checker that is told of an action still sees what was true before it.
            listeners = (*self._checkers, self._facts)
            return tuple(getattr(each, method) for each in listeners if hasattr(each, method))

        self._on_job, self._on_execution = listening("saw_job"), listening("saw_execution")
        self._on_placement, self._on_end = listening("saw_placement"), listening("saw_end")
        self._on_action = listening("saw_action")
        self._on_local_change = listening("saw_local_change")
        self._on_report, self._on_power = listening("saw_report"), listening("saw_power")
        self._on_node, self._on_plan = listening("saw_node"), listening("saw_plan")
        self._on_unanswered = listening("saw_unanswered")
        cluster.watchers.append(self)

    def _found(self, violation: Violation) -> None:
        if any(violation.is_as(earlier) for earlier in self.violations):
            return
        if self._listed(violation.checker) >= MOST_OF_A_CHECKER:
            self.unlisted[violation.checker] += 1
            return
        self.violations.append(violation)
        if self._report is not None:
            self._report(violation)

    def _listed(self, checker: str) -> int:
        return sum(violation.checker == checker for violation in self.violations)

    # ---- the end -------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let the cluster run on until all is quiet, and judge what must hold then."""
        end_ns = self._faults.end_ns() if self._faults is not None else self._cluster.now_ns
        for violation in settle(self._cluster, self._open_ends, end_ns):
            self._found(violation)
        self.judge()

    def judge(self) -> None:
        """Look at what must hold whenever somebody looks, quiet or not."""
        for checker in self._checkers:
            checker.at_end()

    def _open_ends(self, is_last: bool) -> list[Violation]:
        return [violation for checker in self._checkers for violation in checker.open_ends(is_last=is_last)]

    # ---- what the cluster tells ----------------------------------------------------------------------------

    def saw_change(self, now_ns: int, entry: HistoryEntry) -> None:
        if isinstance(entry, JobHistory):
            for listener in self._on_job:
                listener(now_ns, entry)
            return
        execution = self._facts.store.execution(entry.execution_id)
        if execution is None:
            return  # Its record is gone already, and with it all that could be judged.
        for listener in self._on_execution:
            listener(now_ns, entry, execution)
        if entry.new in TERMINAL:
            for listener in self._on_end:
                listener(now_ns, entry, execution)
        elif entry.new_revision == 1:
            for listener in self._on_placement:
                listener(now_ns, entry)

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        for listener in self._on_local_change:
            listener(now_ns, node_id, change)

    def saw_action(self, now_ns: int, node_id: str, action: Any) -> None:
        for listener in self._on_action:
            listener(now_ns, node_id, action)

    def saw_report(self, now_ns: int, node_id: str, event: Any) -> None:
        for listener in self._on_report:
            listener(now_ns, node_id, event)

    def saw_note(self, now_ns: int, machine: str, kind: str, text: str) -> None:
        if kind == "plan":
            job_id = text.split(" ", 2)[1]
            for listener in self._on_plan:
                listener(now_ns, job_id)
        elif kind == "node":
            node_id, what = text.split(" ", 1)
            for listener in self._on_node:
                listener(now_ns, node_id, what)
        elif kind in ("unanswered", "refused"):
            execution_id = text.split(" ", 2)[1]
            for listener in self._on_unanswered:
                listener(now_ns, execution_id)

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        if is_on and self._cluster.requester.store is not self._facts.store:
            for checker in self._checkers:
                checker.forget()
        for listener in self._on_power:
            listener(now_ns, machine, is_on)
