"""Faults of the network and of what nodes say over it.

All of them together are one rule of the kernel's network, `Weather`: losses win over everything else, delays add up,
copies multiply, and each change is made to what the one before has left.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Final

import attrs

from devstack.compute.node import ComputeNode
from devstack.faults.effects import MessageEffect
from devstack.faults.fault import CERTAIN_PPM
from devstack.faults.targets import is_job, job_of, machines
from devstack.faults.values import MOST_COPIES
from devstack.kernel import Deliver, Drop, Kernel, Packet, Verdict
from devstack.messages import AskForBid, ManagementReply, Register, UpdateInfo, UpdateResources
from devstack.models.gotext import duration_text
from devstack.models.job import Job
from devstack.models.node import NodeInfo
from devstack.models.resources import Resources

__all__ = ["Clog", "Cut", "Delay", "Drops", "Duplicates", "Lie", "Stale", "Twin", "Weather"]


class Weather:
    """The rule that asks every active effect about every packet."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        # Replaced, never changed: an effect that is spent goes while packets are being judged.
        self.effects: tuple[MessageEffect, ...] = ()

    def __call__(self, packet: Packet) -> Verdict | None:
        delay_ns, copies, arriving, is_touched = 0, 1, packet, False
        for effect in self.effects:
            verdict = effect.judge(arriving)
            if effect.is_done:
                effect.engine.finish(effect)
            if isinstance(verdict, Drop):
                return verdict
            if verdict is not None:
                is_touched = True
                delay_ns, copies = delay_ns + verdict.delay_ns, min(copies * verdict.copies, MOST_COPIES)
                arriving = verdict.instead or arriving
                self._tell(effect, packet, verdict)
        return Deliver(delay_ns, copies, None if arriving is packet else arriving) if is_touched else None

    def _tell(self, effect: MessageEffect, packet: Packet, verdict: Deliver) -> None:
        changes = [f"late by {duration_text(verdict.delay_ns)}"] if verdict.delay_ns else []
        changes += [f"{verdict.copies} copies"] if verdict.copies != 1 else []
        if verdict.instead is not None:
            changes.append(f"as {verdict.instead.target} {verdict.instead.message}")
        what = f"{packet.sequence} {', '.join(changes) or 'as usual'}"
        self._kernel.trace.add(packet.sent_ns, "fault", str(effect.number), what)


@attrs.define(eq=False)
class _Link(MessageEffect):
    """Something that happens to some messages on some links; empty means any."""

    sources: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()

    def begin(self) -> None:
        self.sources, self.targets = self._ends("from"), self._ends("to")

    def _ends(self, name: str) -> frozenset[str]:
        wanted = self.fault[name]
        found = machines(self.cluster, wanted, with_requester=True, stream=self.stream) if wanted else ()
        return frozenset(found)

    def judge(self, packet: Packet) -> Verdict | None:
        return self.strike(packet) if self._concerns(packet) and self.hits() else None

    @abstractmethod
    def strike(self, packet: Packet) -> Verdict:
        """What becomes of a packet that the fault hits."""

    def _concerns(self, packet: Packet) -> bool:
        names, job = self.fault["message"], self.fault["job"]
        return (
            (not names or type(packet.message).__name__ in names)
            and (not self.sources or packet.source in self.sources)
            and (not self.targets or packet.target in self.targets)
            and (not job or self._is_about(packet.message, job))
        )

    def _is_about(self, message: Any, name: str) -> bool:
        execution_id = getattr(message, "execution_id", "")
        job: Job | None = message.job if isinstance(message, AskForBid) else job_of(self.cluster, execution_id)
        return job is not None and is_job(job, name)


class Drops(_Link):
    def strike(self, packet: Packet) -> Verdict:
        return self.lose()


class Delay(_Link):
    """Also `reorder`, whose whole delay is drawn."""

    def strike(self, packet: Packet) -> Verdict:
        if self.fault.word == "reorder":
            fixed_ns, drawn_ns = 0, self.fault["within"]
        else:
            fixed_ns, drawn_ns = self.fault["by"], self.fault["jitter"]
        return Deliver(fixed_ns + (self.stream.below(drawn_ns + 1) if drawn_ns else 0))


class Duplicates(_Link):
    def strike(self, packet: Packet) -> Verdict:
        return Deliver(copies=self.fault["copies"])


@attrs.define(eq=False)
class Cut(MessageEffect):
    """Nothing passes between two sides; `isolate` cuts each of its machines off from everybody."""

    side: frozenset[str] = frozenset()
    other: frozenset[str] | None = None

    def begin(self) -> None:
        self.side = frozenset(self.machines)
        if self.fault.params.get("other"):
            found = machines(self.cluster, self.fault["other"], with_requester=True, stream=self.stream)
            self.other = frozenset(found) - self.side

    def judge(self, packet: Packet) -> Verdict | None:
        direction = self.fault["direction"]
        goes_out = direction != "in" and self._is_cut(packet.source, packet.target)
        comes_in = direction != "out" and self._is_cut(packet.target, packet.source)
        return self.strike(packet) if (goes_out or comes_in) and self.hits() else None

    def strike(self, packet: Packet) -> Verdict:
        return self.lose()

    def _is_cut(self, inside: str, outside: str) -> bool:
        if inside not in self.side or inside == outside:
            return False
        if self.other is not None:
            return outside in self.other
        return self.fault.word == "isolate" or outside not in self.side


class Clog(Cut):
    """What is sent while it lasts arrives when it ends, in the order it was sent."""

    def strike(self, packet: Packet) -> Verdict:
        assert self.ends_ns is not None
        return Deliver(max(0, self.ends_ns - packet.sent_ns))


# ---- what nodes say of themselves --------------------------------------------------------------------------

_REPORTS: Final = (Register, UpdateInfo, UpdateResources)


class Lie(MessageEffect):
    """A node's capacity is reported times a factor."""

    def judge(self, packet: Packet) -> Verdict | None:
        if packet.source not in self.machines or not isinstance(packet.message, _REPORTS) or not self.hits():
            return None
        return Deliver(instead=attrs.evolve(packet, message=self._untrue(packet.message)))

    def _untrue(self, message: Any) -> Any:
        if isinstance(message, UpdateResources):
            return UpdateResources(message.node_id, self._times(message.available), message.queue_used)
        return type(message)(self._untrue_info(message.info))

    def _untrue_info(self, info: NodeInfo) -> NodeInfo:
        assert info.compute is not None
        told = info.compute
        compute = attrs.evolve(
            told,
            max_capacity=self._times(told.max_capacity),
            available=self._times(told.available),
            max_job=self._times(told.max_job),
        )
        return attrs.evolve(info, compute=compute)

    def _times(self, resources: Resources) -> Resources:
        ppm = self.fault["factor"]
        return Resources(
            resources.cpu_millis * ppm // CERTAIN_PPM,
            resources.memory_bytes * ppm // CERTAIN_PPM,
            resources.disk_bytes * ppm // CERTAIN_PPM,
            resources.gpu * ppm // CERTAIN_PPM,
            resources.gpus,
        )


class Stale(MessageEffect):
    """What a node reports of itself does not arrive; its heartbeats do."""

    def judge(self, packet: Packet) -> Verdict | None:
        is_report = isinstance(packet.message, UpdateInfo | UpdateResources)
        if packet.source not in self.machines or not is_report or not self.hits():
            return None
        return self.lose()


class Twin(MessageEffect):
    """Two nodes of one id: both speak, and each message to them reaches one of the two, as it is drawn."""

    @property
    def is_done(self) -> bool:
        return False

    def begin(self) -> None:
        for name in self.machines:
            self.cluster.add_machine(self._twin_of(name), ComputeNode(self.cluster.nodes[name].config))

    def end(self) -> None:
        for name in self.machines:
            self.cluster.crash(self._twin_of(name))

    def _twin_of(self, name: str) -> str:
        return f"{name}-twin-{self.number}"

    def judge(self, packet: Packet) -> Verdict | None:
        # The answer to a registration goes to the one who has asked.
        if packet.target not in self.machines or isinstance(packet.message, ManagementReply):
            return None
        if self.stream.below(2):
            return None
        return Deliver(instead=attrs.evolve(packet, target=self._twin_of(packet.target)))
