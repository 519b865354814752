"""Faults of whole machines: power, pauses, clocks.

Several faults may hold one machine down at a time; it comes back when the last of them lets go.
"""

from __future__ import annotations

from devstack.faults.effects import Effect

__all__ = ["Paused", "PowerCut", "Skewed"]


class PowerCut(Effect):
    """Power goes, and comes back when the fault ends."""

    @property
    def _forgets(self) -> bool:
        return self.fault.word == "forget_state" or bool(self.fault.params.get("forget"))

    def begin(self) -> None:
        self.machines = tuple(name for name in self.machines if self.hits())
        for name in self.machines:
            self.cluster.crash(name)

    def end(self) -> None:
        for name in self.machines:
            if not self.engine.is_held(PowerCut, name, but=self) and not self.cluster.has_power(name):
                self.cluster.restart(name, forget=self._forgets)


class Paused(Effect):
    def begin(self) -> None:
        self.machines = tuple(name for name in self.machines if self.hits())
        for name in self.machines:
            self.cluster.pause(name)

    def end(self) -> None:
        for name in self.machines:
            if not self.engine.is_held(Paused, name, but=self):
                self.cluster.resume(name)


class Skewed(Effect):
    """Clocks are wrong by the sum of all such faults."""

    def begin(self) -> None:
        self.machines = tuple(name for name in self.machines if self.hits())
        self._set()

    def end(self) -> None:
        self._set(but=self)

    def _set(self, but: Effect | None = None) -> None:
        for name in self.machines:
            active = self.engine.holding(Skewed, name, but=but)
            self.cluster.set_skew(name, sum(effect.fault["by"] for effect in active))
