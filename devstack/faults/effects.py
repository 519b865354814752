"""What an active fault is made of: something that begins, may look at packets, actions and reports, and ends.

Every effect decides for itself whether it strikes: the right machines and job, not too often, and by its chance.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import attrs

from devstack.cluster import Cluster
from devstack.faults.fault import CERTAIN_PPM, Fault
from devstack.faults.targets import is_job
from devstack.kernel import Drop, Packet, Stream, Verdict
from devstack.models.job import Job

if TYPE_CHECKING:
    from devstack.faults.engine import FaultEngine

__all__ = ["Effect", "ExecutorEffect", "MessageEffect"]


@attrs.define(eq=False)
class Effect:
    """One active fault on the machines that it is for.

    `number` is what people call the fault, `text` says what this part of it does; `serial` orders all effects by when
    they began.
    """

    engine: FaultEngine
    number: int
    fault: Fault
    text: str
    machines: tuple[str, ...]
    stream: Stream
    serial: int
    ends_ns: int | None = None
    strikes: int = 0

    @property
    def cluster(self) -> Cluster:
        return self.engine.cluster

    @property
    def is_spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return 0 < self.fault.times <= self.strikes

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come of it, so that it may end before its time."""
        return False

    def hits(self) -> bool:
        """Whether it strikes now; asked once for each thing that it could strike."""
        if self.is_spent:
            return False
        ppm = self.fault.chance_ppm
        if ppm < CERTAIN_PPM and self.stream.below(CERTAIN_PPM) >= ppm:
            return False
        self.strikes += 1
        return True

    def begin(self) -> None:
        """The fault begins."""

    def end(self) -> None:
        """The fault ends, or is cleared: whatever it holds is let go."""


class MessageEffect(Effect, ABC):
    """Something that happens to packets."""

    @property
    def is_done(self) -> bool:
        return self.is_spent

    def lose(self) -> Drop:
        """The verdict on a packet that this fault takes."""
        return Drop(f"fault {self.number}: {self.text}")

    @abstractmethod
    def judge(self, packet: Packet) -> Verdict | None:
        """What becomes of the packet; None: this effect does not concern it."""


@attrs.define(eq=False)
class ExecutorEffect(Effect):
    """Something that happens between a node and its shell.

    `waiting` holds, by node and execution, what it has kept back (the engine knows it by number), until the node gives
    the execution up.
    """

    waiting: dict[tuple[str, str], int] = attrs.field(factory=dict)

    @property
    def is_done(self) -> bool:
        return self.is_spent and not self.waiting

    def takes_action(self, node_id: str, action: Any) -> bool:
        """Whether this effect has taken the node's action over."""
        return False

    def takes_report(self, node_id: str, event: Any) -> bool:
        """Whether this effect has taken the shell's report over."""
        return False

    def forget(self, node_id: str, execution_id: str) -> None:
        """The node has given the execution up."""
        self.waiting.pop((node_id, execution_id), None)

    def is_for(self, node_id: str, execution_id: str) -> bool:
        """Whether the execution is one that this effect could strike."""
        if node_id not in self.machines:
            return False
        wanted = self.fault.params.get("job", "")
        job = self.job_of(node_id, execution_id) if wanted else None
        return not wanted or (job is not None and is_job(job, wanted))

    def job_of(self, node_id: str, execution_id: str) -> Job | None:
        record = self.cluster.nodes[node_id].store.get(execution_id)
        return None if record is None else record.job

    def running(self) -> list[tuple[str, str]]:
        """The programs that run on its machines now, as (node, execution)."""
        return [
            (name, active.execution_id)
            for name in self.machines
            if self.cluster.has_power(name)
            for active in self.cluster.nodes[name].debug().active
            if active.state.text == "Running" and self.is_for(name, active.execution_id)
        ]
