"""Real-time pace: virtual time follows the clock on the wall, optionally faster.

The wall clock is read once at the start; from then on a monotonic clock says how far virtual time may go.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import trio

from devstack.cluster import Cluster

__all__ = ["RealTimePace"]

R = TypeVar("R")

# So many events at a stretch, then others get their turn: the API answers while the cluster is busy.
EVENTS_AT_A_STRETCH: Final = 200
LONGEST_WAIT_S: Final = 3600.0


class RealTimePace:
    """Moves one cluster along with the wall clock.

    Args:
        speed: Virtual seconds per second; 0 stops time, and what the outside reports still happens, at that instant.
        monotonic_ns: The clock that says how much time has passed.
    """

    def __init__(self, cluster: Cluster, speed: int = 1, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.cluster = cluster
        self.speed = speed
        self._monotonic_ns = monotonic_ns
        self._started_ns = monotonic_ns()
        self._origin_ns = cluster.now_ns
        self._nudged = trio.Event()
        self._speed_changed = trio.Event()

    def now_ns(self) -> int:
        """Virtual time as the wall clock has it."""
        return self._origin_ns + (self._monotonic_ns() - self._started_ns) * self.speed

    def set_speed(self, speed: int) -> None:
        """From now on, so many virtual seconds per second."""
        self.catch_up()
        self._origin_ns, self._started_ns, self.speed = self.now_ns(), self._monotonic_ns(), speed
        self._speed_changed.set()
        self._speed_changed = trio.Event()
        self.nudge()

    def catch_up(self) -> None:
        """Let everything happen that is due by now, so that what comes next comes after it."""
        self.cluster.run_until(self.now_ns())

    def ask(self, question: Callable[..., R], *arguments: Any) -> R:
        """Put a question to the cluster now; what follows from it happens soon."""
        self.catch_up()
        try:
            return question(*arguments)
        finally:
            self.nudge()

    def post(self, node_id: str, event: Any) -> None:
        """Report an event of the outside to a node, now."""
        self.cluster.kernel.post(node_id, event, self.now_ns())
        self.nudge()

    def nudge(self) -> None:
        """Have the loop look at the queue again."""
        self._nudged.set()

    async def sleep_until(self, time_ns: int) -> None:
        """Wait until virtual time has come to `time_ns`."""
        while (left_ns := time_ns - self.now_ns()) > 0:
            with trio.move_on_after(self._wait_s(left_ns)):
                await self._speed_changed.wait()

    def _wait_s(self, left_ns: int) -> float:
        """How long to wait for virtual time to move on by that much; a while, if it stands still."""
        return min(left_ns / (self.speed * 1e9), LONGEST_WAIT_S) if self.speed else LONGEST_WAIT_S

    async def run(self) -> None:
        """Move the cluster along for ever."""
        while True:
            self._nudged = trio.Event()
            count = self.cluster.run_until(self.now_ns(), EVENTS_AT_A_STRETCH)
            if count == EVENTS_AT_A_STRETCH:
                await trio.lowlevel.checkpoint()
                continue
            next_ns = self.cluster.kernel.next_time_ns()
            wait_s = LONGEST_WAIT_S if next_ns is None else self._wait_s(next_ns - self.now_ns())
            if wait_s <= 0:
                await trio.lowlevel.checkpoint()
                continue
            with trio.move_on_after(wait_s):
                await self._nudged.wait()
