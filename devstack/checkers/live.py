"""All checkers beside a cluster that somebody uses: what they find are warnings, one line each.

Nothing may come of them but lines: a checker that fails itself is told of like anything else, and from then on nobody
looks on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devstack.checkers.checkers import MOST_OF_A_CHECKER, Checkers, FaultSchedule
from devstack.checkers.violation import Violation
from devstack.cluster import Cluster
from devstack.compute.store import LocalChange
from devstack.models.gotext import rfc3339
from devstack.orchestrator.store import HistoryEntry

__all__ = ["LiveCheckers"]


class LiveCheckers(Checkers):
    """Watches from now on.

    Args:
        warn: Is given a line for each violation that is listed: virtual time, rule, what happened.
    """

    def __init__(
        self, cluster: Cluster, faults: FaultSchedule | None = None, warn: Callable[[str], None] = lambda line: None
    ) -> None:
        self._warn = warn
        self._has_failed = False
        super().__init__(cluster, faults, self._tell)

    def _tell(self, violation: Violation) -> None:
        self._warn(_line(violation))
        if self._listed(violation.checker) == MOST_OF_A_CHECKER:
            self._warn(f"what else is found of {violation.checker!r} is only counted")

    def _guarded(self, look: Callable[..., None], now_ns: int, *what: Any) -> None:
        if self._has_failed:
            return
        try:
            look(now_ns, *what)
        except Exception as exc:  # A mistake of ours must not cost the cluster.
            self._has_failed = True
            self._found(Violation("checkers", now_ns, f"no rule is checked any more: {type(exc).__name__}: {exc}"))

    def judge(self) -> None:
        self._guarded(lambda now_ns: super(LiveCheckers, self).judge(), self._cluster.now_ns)

    # ---- what the cluster tells ----------------------------------------------------------------------------

    def saw_change(self, now_ns: int, entry: HistoryEntry) -> None:
        self._guarded(super().saw_change, now_ns, entry)

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        self._guarded(super().saw_local_change, now_ns, node_id, change)

    def saw_action(self, now_ns: int, node_id: str, action: Any) -> None:
        self._guarded(super().saw_action, now_ns, node_id, action)

    def saw_report(self, now_ns: int, node_id: str, event: Any) -> None:
        self._guarded(super().saw_report, now_ns, node_id, event)

    def saw_note(self, now_ns: int, machine: str, kind: str, text: str) -> None:
        self._guarded(super().saw_note, now_ns, machine, kind, text)

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        self._guarded(super().saw_power, now_ns, machine, is_on)


def _line(violation: Violation) -> str:
    """As it may be shown on a terminal: what jobs and programs say is part of it."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(violation))
    return f"{rfc3339(violation.time_ns)} {text}"
