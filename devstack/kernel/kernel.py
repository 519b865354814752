"""The kernel owns time. It takes the next event, tells the host whose it is, and writes the trace.

It never waits: virtual pace runs it from event to event, real-time pace runs it up to the instant that the clock
on the wall has reached.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final, Protocol

from devstack.kernel.network import Drop, Network, Packet
from devstack.kernel.queue import EventQueue, QueuedEvent
from devstack.kernel.seed import Seed
from devstack.kernel.trace import Trace

__all__ = ["Host", "Kernel", "LivelockError"]

MESSAGE: Final = 0
TIMER: Final = 1
EVENT: Final = 2

# So many events at one instant are no burst any more but a loop; 10,000 nodes that answer at once stay far below.
EVENTS_AT_ONE_INSTANT: Final = 1_000_000


class LivelockError(Exception):
    """Events without delay follow each other for ever: time stands still."""


class Host(Protocol):
    """Who takes what is due: the cluster."""

    def deliver(self, target: str, source: str, message: Any) -> None:
        """A message arrives."""

    def fire(self, target: str, key: Hashable) -> None:
        """A timer is due."""

    def post(self, target: str, event: Any) -> None:
        """Something that the shell reports is due."""


class Kernel:
    """Time, queue, network, chance and trace of one world."""

    def __init__(self, seed: Seed, start_ns: int, network: Network | None = None, trace: Trace | None = None) -> None:
        self.seed = seed
        self.now_ns = start_ns
        self.network = network or Network()
        self.trace = trace or Trace()
        self._queue = EventQueue()
        self._timers: dict[tuple[str, Hashable], int] = {}
        self._posted: set[int] = set()  # Events that have not happened yet.
        self._packets = 0
        self._at_this_instant = 0  # Events since time last moved on.
        self.is_halted = False

    # ---- asking for things to happen -----------------------------------------------------------------------

    def send(self, source: str, target: str, message: Any) -> None:
        """Put a message on the wire."""
        now_ns, network = self.now_ns, self.network
        self._packets = sequence = self._packets + 1
        self.trace.add(now_ns, "send", source, f"{sequence} {target} {message!s}")
        travel_ns = network.travel_ns(source, target) if network.links_ns else network.latency_ns
        packet = Packet(sequence, source, target, message, now_ns)
        if not network.rules:
            self._queue.push(now_ns + travel_ns, target, MESSAGE, packet)
            return
        verdict = network.judge(packet)
        if isinstance(verdict, Drop):
            self.trace.add(now_ns, "drop", target, f"{sequence} {verdict.reason}")
            return
        arriving = verdict.instead or packet
        for _ in range(verdict.copies):
            self._queue.push(now_ns + travel_ns + verdict.delay_ns, arriving.target, MESSAGE, arriving)

    def set_timer(self, target: str, key: Hashable, at_ns: int) -> None:
        """Wake `target` with `key`; an earlier timer of the same key is forgotten."""
        name = (target, key)
        old = self._timers.get(name)
        if old is not None:
            self._queue.cancel(old)
        now_ns = self.now_ns
        self._timers[name] = self._queue.push(at_ns if at_ns > now_ns else now_ns, target, TIMER, key)

    def cancel_timer(self, target: str, key: Hashable) -> None:
        sequence = self._timers.pop((target, key), None)
        if sequence is not None:
            self._queue.cancel(sequence)

    def cut_power(self, target: str) -> None:
        """Forget all timers and reports that wait for a machine; messages to it stay under way."""
        self._posted.difference_update(self._queue.cancel_all(target, (TIMER, EVENT)))
        for name in [name for name in self._timers if name[0] == target]:
            del self._timers[name]

    def post(self, target: str, event: Any, at_ns: int | None = None) -> int:
        """Have the host hear of `event` at `at_ns` (now if None); the answer cancels it."""
        due_ns = self.now_ns if at_ns is None else max(at_ns, self.now_ns)
        sequence = self._queue.push(due_ns, target, EVENT, event)
        self._posted.add(sequence)
        return sequence

    def cancel(self, sequence: int) -> None:
        """Forget a posted event; one that has happened, or was cancelled before, changes nothing."""
        if sequence in self._posted:
            self._posted.remove(sequence)
            self._queue.cancel(sequence)

    # ---- letting them happen -------------------------------------------------------------------------------

    def next_time_ns(self) -> int | None:
        """When something is due next."""
        return self._queue.next_time_ns()

    def halt(self) -> None:
        """Have `run_until` return after the event that is happening: somebody wants to act at this instant."""
        self.is_halted = True

    def run_until(self, time_ns: int, host: Host, at_most: int = -1) -> int:
        """Let everything happen that is due at `time_ns` or before, then stand at `time_ns`.

        Args:
            at_most: Stop after that many events (and do not move on to `time_ns`); below zero: no limit.

        Returns:
            How many events happened.

        Raises:
            LivelockError: events without delay follow each other for ever.
        """
        pop, note = self._queue.pop_until, self.trace.add
        count = 0
        self.is_halted = False
        while count != at_most and not self.is_halted:
            due = pop(time_ns)
            if due is None:
                if time_ns > self.now_ns:
                    self.now_ns, self._at_this_instant = time_ns, 0
                break
            count += 1
            at_ns, sequence, target, kind, payload = due
            if at_ns != self.now_ns:
                self.now_ns, self._at_this_instant = at_ns, 0
            self._at_this_instant += 1
            if self._at_this_instant > EVENTS_AT_ONE_INSTANT:
                raise LivelockError(self._describe_loop(due))
            if kind == MESSAGE:
                note(at_ns, "recv", target, str(payload.sequence))
                host.deliver(target, payload.source, payload.message)
            elif kind == TIMER:
                del self._timers[target, payload]
                note(at_ns, "timer", target, str(payload))
                host.fire(target, payload)
            else:
                self._posted.discard(sequence)
                note(at_ns, "event", target, str(payload))
                host.post(target, payload)
        return count

    def _describe_loop(self, due: QueuedEvent) -> str:
        """Who keeps time from moving on."""
        last = [f"{kind} {subject} {detail[:80]}" for _, kind, subject, detail in list(self.trace.records())[-6:]]
        last = last or [f"{due[2]} {str(due[4])[:80]}"]
        return (
            f"{EVENTS_AT_ONE_INSTANT:,} events happened at one instant and time does not move on: an event without "
            "delay causes itself. The last ones: " + "; ".join(last)
        )
