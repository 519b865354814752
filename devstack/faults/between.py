"""Where executor faults stand: between the nodes and their shell.

What an effect keeps back goes on, when it is released, past the effects that began later, as if nothing had been.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from devstack.cluster import Cluster
from devstack.compute.actions import Discard, Prepare, Publish, StartRun, StopRun
from devstack.faults.effects import Effect, ExecutorEffect

__all__ = ["NAME", "Between", "HandOver"]

NAME: Final = "faults"
_PAST_ALL: Final = 2**63


@attrs.frozen
class HandOver:
    """The timer of what was kept: it goes on, past the effects up to `serial`."""

    kept: int
    serial: int

    def __str__(self) -> str:
        return f"hand over {self.kept}"


@attrs.frozen
class _Kept:
    """An action or a report that is kept back; `machine` is the node's life that it belongs to."""

    node_id: str
    machine: Any
    what: Any

    @property
    def is_action(self) -> bool:
        return isinstance(self.what, Prepare | StartRun | Publish)


class Between:
    """The hook of a cluster, while there are `effects`."""

    def __init__(self, cluster: Cluster) -> None:
        self.effects: tuple[ExecutorEffect, ...] = ()
        self._cluster = cluster
        self._count = 0
        self._kept: dict[int, _Kept] = {}
        self._past = 0  # The report that is being handed over has passed the effects up to this serial.

    # ---- what the cluster asks -----------------------------------------------------------------------------

    def takes_action(self, node_id: str, action: Any) -> bool:
        """A node asks its shell for something; True: a fault has taken it over."""
        if isinstance(action, StopRun | Discard):
            self._give_up(node_id, action.execution_id)
            return False
        return self._takes_action(node_id, action, 0)

    def _takes_action(self, node_id: str, action: Any, past: int) -> bool:
        for effect in self.effects:
            if effect.serial > past and effect.takes_action(node_id, action):
                _end_if_done(effect)
                return True
        return False

    def takes_report(self, node_id: str, event: Any) -> bool:
        """The shell reports something to a node; True: a fault has taken it over."""
        past, self._past = self._past, 0
        for effect in self.effects:
            if effect.serial > past and effect.takes_report(node_id, event):
                _end_if_done(effect)
                return True
        return False

    def _give_up(self, node_id: str, execution_id: str) -> None:
        """The node is through with the execution: nothing of it is to go on."""
        for number, kept in list(self._kept.items()):
            if kept.node_id == node_id and kept.what.execution_id == execution_id:
                del self._kept[number]
        for effect in self.effects:
            effect.forget(node_id, execution_id)
            _end_if_done(effect)

    # ---- what effects ask ----------------------------------------------------------------------------------

    def report(self, node_id: str, event: Any) -> None:
        """Tell a node something in the shell's place, past all effects."""
        self._set_timer(self.keep(node_id, event), _PAST_ALL, 0)

    def keep(self, node_id: str, what: Any) -> int:
        """Keep an action or a report back; the answer is its number, for `release`."""
        self._count += 1
        self._kept[self._count] = _Kept(node_id, self._cluster.machine(node_id), what)
        return self._count

    def release(self, kept: int, *, after: Effect, delay_ns: int = 0) -> None:
        """Let what was kept go on, past the effects up to `after`; nothing happens if it was given up."""
        if kept in self._kept:
            self._set_timer(kept, after.serial, delay_ns)

    def _set_timer(self, kept: int, past: int, delay_ns: int) -> None:
        kernel = self._cluster.kernel
        kernel.set_timer(NAME, HandOver(kept, past), kernel.now_ns + delay_ns)

    def hand_over(self, due: HandOver) -> None:
        """What was kept goes on now."""
        kept, cluster = self._kept.pop(due.kept, None), self._cluster
        # A node that has lost its power meanwhile is another machine now, or none.
        if kept is None or cluster.machine(kept.node_id) is not kept.machine:
            return
        if kept.is_action:
            if not self._takes_action(kept.node_id, kept.what, due.serial):
                cluster.shell.perform(kept.node_id, kept.what)
            return
        cluster.kernel.trace.add(cluster.now_ns, "event", kept.node_id, str(kept.what))
        self._past = due.serial
        try:
            cluster.post(kept.node_id, kept.what)
        finally:
            self._past = 0  # Nobody may have asked: no effect is left, or the node is paused.


def _end_if_done(effect: Effect) -> None:
    if effect.is_done:
        effect.engine.finish(effect)
