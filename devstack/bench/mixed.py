"""The universe that speed is measured on, and that ten thousand seeds must not break.

Everything is drawn from the seed. `devstack scenario run devstack/bench/mixed.py --seeds 10000` runs it for its
checkers, `python -m devstack.bench.proof 10000` also runs every seed again, and replays it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import trio

from devstack.errors import ConflictError
from devstack.faults import builders as words
from devstack.faults.fault import Fault
from devstack.kernel import Seed, Stream
from devstack.models.job import Job
from devstack.scenario.builders import batch, noop
from devstack.scenario.decorator import scenario
from devstack.scenario.handles import ClusterHandle, JobHandle

__all__ = ["mixed"]

NODES: Final = 5
JOBS: Final = 20
FAULTS: Final = 3
LIMIT_S: Final = 600
OVER: Final = ("Completed", "Failed", "Stopped")


@scenario(nodes=NODES)
async def mixed(cluster: ClusterHandle) -> None:
    """Twenty batch jobs within two minutes, three faults among them, and ten minutes at most for all of it."""
    chance = Seed(cluster.seed).stream("mixed")
    cluster.inject(*(draw_fault(chance) for _ in range(FAULTS)))
    jobs: list[JobHandle] = []
    with trio.move_on_after(LIMIT_S):
        for at_s in sorted(chance.below(120) for _ in range(JOBS)):
            await cluster.advance(max(0, at_s - cluster.now_s))
            jobs.append(await submit(cluster, draw_job(chance)))
        while waiting := [job for job in jobs if job.state not in OVER]:
            await waiting[0].wait_over()


async def submit(cluster: ClusterHandle, job: Job) -> JobHandle:
    """Hand the job in, as a client that tries again each second while the requester is down."""
    while True:
        try:
            return await cluster.submit(job)
        except ConflictError:
            await cluster.advance(1)


def draw_job(chance: Stream) -> Job:
    """One or two executions of one to sixty seconds."""
    cpu = ("", "500m", "1", "2")[chance.below(4)]
    return batch(noop(1 + chance.below(60)), count=1 + chance.below(2), cpu=cpu, priority=chance.below(3))


def draw_fault(chance: Stream) -> Fault:
    """A word, a node, a beginning within three minutes and a length of up to one and a half."""
    make, node = _FAULTS[chance.below(len(_FAULTS))], f"node-{1 + chance.below(NODES)}"
    after_s, length_s = chance.below(180), 1 + chance.below(90)
    return make(node, after=after_s, for_=length_s)


def _everywhere(word: Callable[..., Fault], **params: Any) -> Callable[..., Fault]:
    """A word for messages, which strikes between all machines."""
    return lambda node, **when: word(**params, **when)


_FAULTS: Final[tuple[Callable[..., Fault], ...]] = (
    lambda node, after, for_: words.crash(node, after=after, restart_after=for_),
    lambda node, after, for_: words.restart("requester", after=after, down_for=for_),
    lambda node, after, for_: words.forget_state(node, after=after, down_for=for_),
    words.pause,
    lambda node, **when: words.clock_skew(node, "-40s", **when),
    words.isolate,
    words.partition,
    _everywhere(words.drop, chance=0.3),
    _everywhere(words.delay, by="1s", jitter="3s"),
    _everywhere(words.duplicate, chance=0.5),
    _everywhere(words.reorder, within="4s"),
    words.lie_about_capacity,
    words.stale_info,
    words.slow,
    words.hang_executor,
    words.fail_executor,
    words.out_of_memory,
    words.full_disk,
    words.slow_pull,
    words.lose_results,
    words.zombie_result,
)
