"""How much of a node is in use: what runs may not exceed the total, what waits is only summed up.

Source: compute reference 3.
"""

from __future__ import annotations

import attrs

from devstack.models.resources import Gpu, Resources

__all__ = ["RunningTracker", "UsageTracker", "usage_of"]


def usage_of(requested: Resources, default: Resources, input_bytes: int = 0) -> Resources:
    """What a job will use: what it asks for, the defaults where it asks for nothing, and room for its inputs."""
    filled = requested.or_default(default)
    return filled if input_bytes <= filled.disk_bytes else attrs.evolve(filled, disk_bytes=input_bytes)


class UsageTracker:
    """A plain sum. The value that is shown is made once for each change: reports ask for it far more often."""

    __slots__ = ("_cpu_millis", "_disk_bytes", "_gpu", "_memory_bytes", "_used")

    def __init__(self) -> None:
        self._cpu_millis = self._memory_bytes = self._disk_bytes = self._gpu = 0
        self._used: Resources | None = None

    @property
    def used(self) -> Resources:
        if self._used is None:
            self._used = self._sum()
        return self._used

    def _sum(self) -> Resources:
        return Resources(self._cpu_millis, self._memory_bytes, self._disk_bytes, self._gpu)

    def add(self, usage: Resources) -> None:
        self._used = None
        self._cpu_millis += usage.cpu_millis
        self._memory_bytes += usage.memory_bytes
        self._disk_bytes += usage.disk_bytes
        self._gpu += usage.gpu

    def remove(self, usage: Resources) -> None:
        """Subtract; no dimension goes below zero."""
        self._used = None
        self._cpu_millis = max(0, self._cpu_millis - usage.cpu_millis)
        self._memory_bytes = max(0, self._memory_bytes - usage.memory_bytes)
        self._disk_bytes = max(0, self._disk_bytes - usage.disk_bytes)
        self._gpu = max(0, self._gpu - usage.gpu)


class RunningTracker(UsageTracker):
    """What is granted out of a total, with the devices that go with it."""

    __slots__ = ("_available", "_free", "total")

    def __init__(self, total: Resources) -> None:
        super().__init__()
        self.total = total
        self._available: tuple[Resources, Resources] | None = None  # What was used, and what that leaves.
        self._free: list[Gpu] = list(total.gpus)

    def _sum(self) -> Resources:
        taken = tuple(gpu for gpu in self.total.gpus if gpu not in self._free)
        return Resources(self._cpu_millis, self._memory_bytes, self._disk_bytes, self._gpu, taken)

    @property
    def available(self) -> Resources:
        used = self.used
        if self._available is None or self._available[0] is not used:
            self._available = (used, self.total - used)
        return self._available[1]

    def fits(self, usage: Resources) -> bool:
        """Whether there is room, and enough free devices; a node that lists none never runs what wants one."""
        total = self.total
        return (
            self._cpu_millis + usage.cpu_millis <= total.cpu_millis
            and self._memory_bytes + usage.memory_bytes <= total.memory_bytes
            and self._disk_bytes + usage.disk_bytes <= total.disk_bytes
            and self._gpu + usage.gpu <= total.gpu
            and usage.gpu - len(usage.gpus) <= len(self._free)
        )

    def take(self, usage: Resources) -> Resources | None:
        """Grant the usage, with its first free devices; None if it does not fit."""
        if not self.fits(usage):
            return None
        self.add(usage)
        if not usage.gpu:
            return usage
        wanted = usage.gpu - len(usage.gpus)
        granted = usage.gpus + tuple(gpu for gpu in self._free if gpu not in usage.gpus)[:wanted]
        self._free = [gpu for gpu in self._free if gpu not in granted]
        self._used = None
        return attrs.evolve(usage, gpus=granted)

    def give_back(self, granted: Resources) -> None:
        self.remove(granted)
        if granted.gpus:
            free = {*self._free, *granted.gpus}
            self._free = [gpu for gpu in self.total.gpus if gpu in free]
            self._used = None
