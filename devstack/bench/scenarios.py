"""Figures of scenarios: many seeds, long quiet times, very many nodes, and the way from the command line.

What one core does in virtual time is measured in its own seconds, so that a busy machine gives the same figure.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from devstack.bench.simulated import SECOND_NS, ready_cluster
from devstack.scenario.builders import batch, noop
from devstack.scenario.many import run_many
from devstack.scenario.token import Token, short_path

__all__ = [
    "cold_scenario_s",
    "heartbeats_of_10000_s",
    "idle_hour_of_1000_nodes_s",
    "mixed_token",
    "placement_on_10000_ms",
    "ready_10000_nodes_s",
    "seeds_per_second",
    "times_real_time",
]

SEEDS: Final = 200
HOUR_NS: Final = 3600 * SECOND_NS
MANY: Final = 10_000
SMALL: Final = '''from devstack import batch, crash, noop, scenario


@scenario(nodes=3)
async def small(cluster):
    """A job whose node dies is run again elsewhere."""
    job = await cluster.submit(batch(noop(runs_for="1m")))
    execution = await job.wait_running()
    cluster.inject(crash(execution.node, after="10s"))
    await job.wait("Completed", within="15m")
'''


def mixed_token() -> Token:
    """The token of the mixed universe."""
    return Token(short_path(str(Path(__file__).with_name("mixed.py"))), "mixed", 0)


def _cpu_s(work: Callable[[], object]) -> float:
    """Seconds of one core that the work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def seeds_per_second() -> float:
    """Seeds of the mixed universe in one process, with checkers and digest, no records kept."""
    token = mixed_token()
    run_many(token, range(SEEDS, SEEDS + 10), 1)
    return SEEDS / _cpu_s(lambda: run_many(token, range(SEEDS), 1))


def idle_hour_of_1000_nodes_s() -> float:
    """A virtual hour of heartbeats and reports."""
    cluster = ready_cluster(1000)
    return _cpu_s(lambda: cluster.run_for(HOUR_NS))


def times_real_time(nodes: int = 5, minutes: int = 60) -> float:
    """Virtual seconds in a second of one core, with a job of a minute every minute."""
    cluster, job = ready_cluster(nodes), batch(noop("1m"))

    def hour() -> None:
        for _ in range(minutes):
            cluster.submit(job)
            cluster.run_for(60 * SECOND_NS)

    return 60 * minutes / _cpu_s(hour)


def cold_scenario_s() -> float:
    """From the command to its end: the median of five."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "small.py"
        file.write_text(SMALL)
        return median(_seconds_of("scenario", "run", str(file)) for _ in range(5))


def _seconds_of(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "devstack", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def ready_10000_nodes_s() -> float:
    """From nothing to the last node's first heartbeat."""
    return _cpu_s(lambda: ready_cluster(MANY))


def placement_on_10000_ms(count: int = 50) -> float:
    """A job of Count 1 from its submission to its end, the ranking of its like known: the mean."""
    cluster, job = ready_cluster(MANY), batch(noop())

    def place(times: int) -> None:
        for _ in range(times):
            cluster.submit(job)
            cluster.run_for(SECOND_NS // 100)

    place(1)
    return _cpu_s(lambda: place(count)) / count * 1000


def heartbeats_of_10000_s(rounds: int = 4) -> float:
    """A heartbeat of every node and half a report of its room, which is the mean of a round."""
    cluster = ready_cluster(MANY)
    round_ns = next(iter(cluster.nodes.values())).config.heartbeat_interval_ns
    return _cpu_s(lambda: cluster.run_for(rounds * round_ns)) / rounds
