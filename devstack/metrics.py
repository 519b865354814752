"""What a run amounts to: waiting, makespan, use, fairness, wasted work; from what was recorded, as whole numbers.

Times are virtual nanoseconds since one common instant; shares are parts per million. What is not over yet counts up to
the instant of looking, so that a job that never starts is no short wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

__all__ = [
    "MILLION",
    "Amounts",
    "Attempt",
    "Figures",
    "JobLife",
    "Load",
    "balance_ppm",
    "fairness_ppm",
    "figures",
    "jain_ppm",
    "makespan_ns",
    "quantile",
    "queue_steps",
    "utilisation_ppm",
    "waits_ns",
    "wasted_core_ns",
]

MILLION: Final = 1_000_000
Amounts = tuple[int, int, int, int]
"""Milli-CPU, bytes of memory, bytes of disk, devices."""


@attrs.frozen
class JobLife:
    """One job; `over_ns` is None while it is not over. `wanted`: how many executions it asks for (0: one a node)."""

    id: str
    type: str
    submitted_ns: int
    over_ns: int | None
    wanted: int
    is_long_running: bool = False


@attrs.frozen
class Attempt:
    """One execution. `started_ns` to `stopped_ns` its program ran; at `ended_ns` the requester took it for over."""

    id: str
    job_id: str
    node_id: str
    placed_ns: int
    started_ns: int | None = None
    stopped_ns: int | None = None
    ended_ns: int | None = None
    is_completed: bool = False
    cpu_millis: int = 0

    def ran_ns(self, until_ns: int) -> int:
        """How long its program has run by then."""
        if self.started_ns is None:
            return 0
        return (until_ns if self.stopped_ns is None else self.stopped_ns) - self.started_ns


@attrs.frozen
class Load:
    """From `time_ns` on a node has so much granted and waiting, of so much in all (nothing, without power)."""

    time_ns: int
    node_id: str
    used: Amounts
    queued: Amounts
    total: Amounts


@attrs.frozen
class Figures:
    """A run in numbers: nanoseconds, parts per million, and core-nanoseconds of work that was in vain."""

    jobs: int
    completed: int
    wait_p50_ns: int
    wait_p95_ns: int
    makespan_ns: int
    utilisation_ppm: int
    fairness_ppm: int
    balance_ppm: int
    wasted_core_ns: int


def figures(jobs: Sequence[JobLife], attempts: Sequence[Attempt], loads: Sequence[Load], until_ns: int) -> Figures:
    """All of it at once, as seen at `until_ns`."""
    waits = sorted(waits_ns(jobs, attempts, until_ns).values())
    begin_ns = min((job.submitted_ns for job in jobs), default=0)
    makespan = makespan_ns(jobs, until_ns)
    return Figures(
        jobs=len(jobs),
        completed=len({attempt.job_id for attempt in attempts if attempt.is_completed}),
        wait_p50_ns=quantile(waits, 50),
        wait_p95_ns=quantile(waits, 95),
        makespan_ns=makespan,
        utilisation_ppm=utilisation_ppm(loads, begin_ns, begin_ns + makespan),
        fairness_ppm=fairness_ppm(jobs, attempts, until_ns),
        balance_ppm=balance_ppm(loads, begin_ns, begin_ns + makespan),
        wasted_core_ns=wasted_core_ns(jobs, attempts, until_ns),
    )


# ---- waiting -----------------------------------------------------------------------------------------------


def waits_ns(jobs: Iterable[JobLife], attempts: Iterable[Attempt], until_ns: int) -> dict[str, int]:
    """For each job how long it waited for its first program to start; one that never did waited to its end."""
    first: dict[str, int] = {}
    for attempt in attempts:
        if attempt.started_ns is not None:
            first[attempt.job_id] = min(attempt.started_ns, first.get(attempt.job_id, attempt.started_ns))
    return {job.id: first.get(job.id, _end(job, until_ns)) - job.submitted_ns for job in jobs}


def quantile(ordered: Sequence[int], percent: int) -> int:
    """The nearest-rank quantile of sorted numbers; zero of none."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0


def makespan_ns(jobs: Sequence[JobLife], until_ns: int) -> int:
    """From the first submission to the end of the last job that ends by itself, or to now while one has not."""
    ending = [job for job in jobs if not job.is_long_running or job.over_ns is not None] or jobs
    if not ending:
        return 0
    return max(_end(job, until_ns) for job in ending) - min(job.submitted_ns for job in ending)


def _end(job: JobLife, until_ns: int) -> int:
    return until_ns if job.over_ns is None else job.over_ns


def queue_steps(jobs: Sequence[JobLife], attempts: Iterable[Attempt]) -> list[tuple[int, int, int]]:
    """(time_ns, waiting, running) whenever one of them changes.

    Running are programs that run; waiting is what jobs want beyond what runs or has completed.
    """
    of_job: dict[str, list[Attempt]] = {job.id: [] for job in jobs}
    for attempt in attempts:
        of_job[attempt.job_id].append(attempt)
    changes: dict[int, tuple[int, int]] = {}
    for job in jobs:
        for time_ns, waiting, running in _steps_of(job, of_job[job.id]):
            before = changes.get(time_ns, (0, 0))
            changes[time_ns] = before[0] + waiting, before[1] + running
    steps, waiting, running = [], 0, 0
    for time_ns in sorted(changes):
        waiting, running = waiting + changes[time_ns][0], running + changes[time_ns][1]
        steps.append((time_ns, waiting, running))
    return steps


def _steps_of(job: JobLife, attempts: Sequence[Attempt]) -> list[tuple[int, int, int]]:
    """How one job changes what waits and what runs, and when."""
    moments: list[tuple[int, int, int, int]] = []  # time, placed, running, of use
    for one in attempts:
        end_ns = one.ended_ns
        moments.append((one.placed_ns, 1, 0, 0))
        if end_ns is not None and not one.is_completed:
            moments.append((end_ns, -1, 0, 0))
        if one.started_ns is None:
            continue
        moments.append((one.started_ns, 0, 1, 1))
        if one.stopped_ns is not None:
            moments.append((one.stopped_ns, 0, -1, 0 if one.is_completed else -1))
    moments.sort(key=lambda moment: moment[0])
    steps, seen = [], 0
    placed = running = useful = 0
    times = sorted({job.submitted_ns, *(moment[0] for moment in moments), *([job.over_ns] if job.over_ns else [])})
    waiting_then = running_then = 0
    for time_ns in times:
        while seen < len(moments) and moments[seen][0] <= time_ns:
            placed, running, useful = (
                placed + moments[seen][1], running + moments[seen][2], useful + moments[seen][3],
            )  # fmt: skip
            seen += 1
        is_over = job.over_ns is not None and time_ns >= job.over_ns
        wanted = job.wanted or max(1, placed)
        waiting = 0 if is_over else max(0, wanted - useful)
        if (waiting, running) != (waiting_then, running_then):
            steps.append((time_ns, waiting - waiting_then, running - running_then))
            waiting_then, running_then = waiting, running
    return steps


# ---- use and fairness --------------------------------------------------------------------------------------


def utilisation_ppm(loads: Iterable[Load], begin_ns: int, end_ns: int) -> int:
    """How much of the nodes' CPU time was granted, of all that had power between the two instants."""
    used, total = _cpu_times(loads, begin_ns, end_ns)
    return MILLION * sum(used.values()) // max(1, sum(total.values()))


def balance_ppm(loads: Iterable[Load], begin_ns: int, end_ns: int) -> int:
    """Jain's index over the nodes' use of their CPU: a million, if all are used alike."""
    used, total = _cpu_times(loads, begin_ns, end_ns)
    return jain_ppm([MILLION * used[node_id] // total[node_id] for node_id in used if total[node_id]])


def _cpu_times(loads: Iterable[Load], begin_ns: int, end_ns: int) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Milli-CPU times nanoseconds of each node: granted, and there."""
    last: dict[str, Load] = {}
    used: dict[str, int] = {}
    total: dict[str, int] = {}

    def add(load: Load, until_ns: int) -> None:
        length_ns = max(0, min(until_ns, end_ns) - max(load.time_ns, begin_ns))
        used[load.node_id] = used.get(load.node_id, 0) + length_ns * load.used[0]
        total[load.node_id] = total.get(load.node_id, 0) + length_ns * load.total[0]

    for load in loads:
        if (before := last.get(load.node_id)) is not None:
            add(before, load.time_ns)
        last[load.node_id] = load
    for load in last.values():
        add(load, end_ns)
    return used, total


def fairness_ppm(jobs: Sequence[JobLife], attempts: Iterable[Attempt], until_ns: int) -> int:
    """Jain's index over the shares of their lives in which jobs ran: a million, if all fare alike."""
    longest: dict[str, int] = {}
    for attempt in attempts:
        if attempt.is_completed or attempt.stopped_ns is None:
            longest[attempt.job_id] = max(longest.get(attempt.job_id, 0), attempt.ran_ns(until_ns))
    lives = [(longest.get(job.id, 0), _end(job, until_ns) - job.submitted_ns) for job in jobs]
    return jain_ppm([MILLION * ran // life for ran, life in lives if life > 0])


def jain_ppm(shares: Sequence[int]) -> int:
    """Jain's index of fairness: from 1/n (one has all) to a million (all have the same); a million of none.

    Source: R. Jain, D. Chiu, W. Hawe, 1984: the square of the sum, by n times the sum of the squares.
    """
    squares = len(shares) * sum(share * share for share in shares)
    return MILLION * sum(shares) ** 2 // squares if squares else MILLION


def wasted_core_ns(jobs: Iterable[JobLife], attempts: Iterable[Attempt], until_ns: int) -> int:
    """CPU time of programs that ended and did not complete, of jobs that are meant to end: lost, failed, surplus."""
    ending = {job.id for job in jobs if not job.is_long_running}
    return sum(
        attempt.ran_ns(until_ns) * attempt.cpu_millis // 1000
        for attempt in attempts
        if attempt.job_id in ending and attempt.stopped_ns is not None and not attempt.is_completed
    )
