"""Workloads: functions that submit jobs to a lab, drawn from the lab's own seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from devstack.models.gotext import SECOND_NS
from devstack.scenario.builders import Duration, batch, duration_ns, noop

if TYPE_CHECKING:
    from devstack.notebook.lab import Lab

__all__ = ["Mixed"]

MILLISECOND_NS: Final = 1_000_000
CPU_MILLIS: Final = (500, 1000, 1000, 2000, 3000)
_DOUBLINGS: Final = 6


@attrs.frozen
class Mixed:
    """Batch jobs at random instants: many short ones and few long ones (a factor of 64), of half a core to three.

    `over` is the time in which they arrive, `shortest` how long the shortest runs, `patience` how long one waits for
    room before it fails.
    """

    jobs: int = 60
    over: Duration = "10m"
    shortest: Duration = "5s"
    patience: Duration = "2h"

    def __call__(self, lab: Lab) -> None:
        """Plan the jobs."""
        chance = lab.chance("workload")
        over_ms, shortest_ns = max(1, duration_ns(self.over) // MILLISECOND_NS), duration_ns(self.shortest)
        for number in range(1, self.jobs + 1):
            runs_ns = (shortest_ns << chance.below(_DOUBLINGS)) * (1000 + chance.below(1000)) // 1000
            cpu = CPU_MILLIS[chance.below(len(CPU_MILLIS))]
            job = batch(
                noop(runs_for=runs_ns // SECOND_NS), name=f"job-{number}", cpu=f"{cpu}m", queue_timeout=self.patience,
                total_timeout="24h",
            )  # fmt: skip
            lab.submit(job, after=chance.below(over_ms) / 1000)
