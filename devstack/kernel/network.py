"""The simulated network: latency by link, and rules that may delay, drop or repeat a packet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

__all__ = ["DEFAULT_LATENCY_NS", "Deliver", "Drop", "Network", "Packet", "Rule", "Verdict"]

DEFAULT_LATENCY_NS: Final = 500_000  # 0.5 ms each way, without jitter.


@attrs.define
class Packet:
    """A message under way. What it carries is opaque here. Nobody changes it; it is not frozen for speed alone."""

    sequence: int
    source: str
    target: str
    message: Any
    sent_ns: int


@attrs.frozen
class Deliver:
    """Let it arrive, later than usual by `delay_ns`, `copies` times; or another packet in its place."""

    delay_ns: int = 0
    copies: int = 1
    instead: Packet | None = None


@attrs.frozen
class Drop:
    reason: str


Verdict = Deliver | Drop
Rule = Callable[[Packet], Verdict | None]
"""What happens to a packet; None: no opinion."""

AS_USUAL: Final = Deliver()


class Network:
    """Links between all machines.

    `rules` are asked in order, and the first that answers decides; without an answer a packet arrives after its
    link's latency.
    """

    def __init__(self, latency_ns: int = DEFAULT_LATENCY_NS) -> None:
        self.latency_ns = latency_ns
        self.links_ns: dict[tuple[str, str], int] = {}
        self.rules: list[Rule] = []
        self.meddled_ns = -1  # Until when a rule's verdict has had an effect.

    def set_latency(self, source: str, target: str, latency_ns: int) -> None:
        """Give one direction of a link its own latency."""
        self.links_ns[source, target] = latency_ns

    def travel_ns(self, source: str, target: str) -> int:
        """How long a packet takes on that link when nothing is wrong."""
        if self.links_ns:
            return self.links_ns.get((source, target), self.latency_ns)
        return self.latency_ns

    def judge(self, packet: Packet) -> Verdict:
        """What becomes of the packet."""
        for rule in self.rules:
            verdict = rule(packet)
            if verdict is not None:
                delay_ns = verdict.delay_ns if isinstance(verdict, Deliver) else 0
                self.meddled_ns = max(self.meddled_ns, packet.sent_ns + delay_ns)
                return verdict
        return AS_USUAL
