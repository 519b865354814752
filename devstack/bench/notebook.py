"""Figures of the notebook."""

from __future__ import annotations

import statistics
import time

from devstack.notebook import simulate
from devstack.scenario.builders import batch, noop

__all__ = ["fork_ms"]

NODES = 100
JOBS = 1_000
FORKS = 7


def fork_ms() -> float:
    """CPU time of the median fork of 100 nodes that have 1,000 jobs under way, now."""
    lab = simulate(NODES)
    for _ in range(JOBS):
        lab.submit(batch(noop(runs_for="1h")))
    lab.run("1m")
    assert lab.job_states() == {"Running": JOBS}
    times_s = []
    for _ in range(FORKS):
        started_s = time.process_time()
        lab.fork()
        times_s.append(time.process_time() - started_s)
    return statistics.median(times_s) * 1_000
