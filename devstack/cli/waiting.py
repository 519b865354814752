"""Waiting for a job: ask, show what has changed, ask again. Source: command line reference 3.5."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from devstack.cli.progress import Progress
from devstack.client import Client
from devstack.errors import DevstackError

__all__ = ["TERMINAL", "has_ended", "state_of", "wait_until", "wait_until_ended", "wait_until_started"]

Job = Mapping[str, Any]

TERMINAL: Final = frozenset({"Completed", "Failed", "Stopped"})
_LONG_RUNNING: Final = frozenset({"service", "daemon"})
# Short jobs end within a moment, so the first questions come fast; a patient job is asked about twice a second.
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 0.5

_STEPS: Final = {
    "Pending": "Creating job for submission",
    "Queued": "Waiting for a suitable node",
    "Running": "Job in progress",
}


def state_of(job: Job) -> str:
    return str((job.get("State") or {}).get("StateType", "")).capitalize()


def has_ended(job: Job) -> bool:
    """Whether there is nothing left to wait for: a service or daemon is as far as it gets when it runs."""
    return state_of(job) in TERMINAL or (job.get("Type") in _LONG_RUNNING and state_of(job) == "Running")


def wait_until_ended(client: Client, job_id: str, limit_s: float, progress: Progress) -> Job:
    """The job after its end, or after the start of a long-running one.

    Raises:
        DevstackError: it takes longer than the limit.
    """
    progress.step("Communicating with the network")
    job = wait_until(has_ended, client, job_id, limit_s, progress)
    progress.end("done" if state_of(job) in ("Completed", "Running") else "err")
    return job


def wait_until_started(client: Client, job_id: str, limit_s: float, progress: Progress) -> Job:
    """The job once it has something to print, or has ended."""
    return wait_until(lambda job: state_of(job) not in ("Pending", "Queued"), client, job_id, limit_s, progress)


def wait_until(reached: Callable[[Job], bool], client: Client, job_id: str, limit_s: float, progress: Progress) -> Job:
    end_s = time.monotonic() + limit_s
    pause_s = _FIRST_PAUSE_S
    while True:
        job: Job = client.job(job_id)["Job"]
        _show(job, progress)
        if reached(job):
            return job
        if time.monotonic() + pause_s > end_s:
            progress.end("wait")
            raise DevstackError(
                f"job {job_id} is still {_still(job)} after {limit_s:g} s",
                "it goes on; wait longer with --wait-timeout-secs",
            )
        progress.pause(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def _show(job: Job, progress: Progress) -> None:
    step = _STEPS.get(state_of(job))
    if step is not None:
        progress.step(step)
        progress.detail(str((job.get("State") or {}).get("Message") or "").partition("\n")[0])


def _still(job: Job) -> str:
    return "running" if state_of(job) in ("Running", "") else state_of(job).lower()
