"""Figures of the command line: a process of its own for each command, as a shell starts it."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from devstack.bench.clients import Api
from devstack.bench.live import noop_job, stack

__all__ = ["job_list_s", "version_s"]

_RUNS = 9
_JOBS = 10


def job_list_s() -> float:
    """`devstack job list` of ten jobs, from the command to its end: the median."""
    with stack("--nodes", "5", "--docker", "off") as (port, _, _):
        api = Api(port)
        for _ in range(_JOBS):
            api.seconds_to_completed(noop_job())
        api.close()
        return _command_s("job", "list", "--api-port", str(port))


def version_s() -> float:
    """`devstack version` with a server that answers: the median."""
    with stack("--nodes", "1", "--docker", "off") as (port, _, _):
        return _command_s("version", "--api-port", str(port))


def _command_s(*words: str) -> float:
    return median(_once_s(words) for _ in range(_RUNS))


def _once_s(words: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "devstack", *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
