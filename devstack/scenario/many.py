"""Many seeds over several processes: each worker a process of its own, that shares nothing but its orders.

A worker reads orders from its standard input, one JSON line each, and answers each seed with one. It ends when its
input ends, so that nothing is left behind whatever happens to the parent.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from time import perf_counter
from typing import IO, Any, Final

import attrs

from devstack.errors import DevstackError, InvariantError
from devstack.kernel import Keep
from devstack.scenario.run import Outcome, Verdict, run
from devstack.scenario.token import Token

__all__ = ["SeedResult", "Summary", "default_jobs", "run_many", "serve"]

# Seeds a worker is given at a time: enough to keep it busy, few enough that none waits long for the last one.
CHUNK: Final = 16
# Below so many seeds another process is not worth its start.
FEW: Final = 24
# Objects made and not freed between two looks for garbage; a world is about 5,000, or 5 MB with what is cached.
_COLLECT_EVERY: Final = 50_000


@attrs.frozen
class SeedResult:
    """What is kept of one run."""

    seed: int
    verdict: Verdict
    message: str
    digest: str
    events: int
    virtual_ns: int
    where: str = ""

    @classmethod
    def of(cls, outcome: Outcome) -> SeedResult:
        return cls(
            outcome.seed,
            outcome.verdict,
            outcome.message,
            outcome.digest,
            outcome.events,
            outcome.virtual_ns,
            outcome.where,
        )


@attrs.define
class Summary:
    """What came of all seeds; `first` is the lowest seed that did not pass, with what it said."""

    scenario: str
    passed: int = 0
    failed: int = 0
    broken: int = 0
    events: int = 0
    virtual_ns: int = 0
    elapsed_s: float = 0.0
    first: SeedResult | None = None

    @property
    def seeds(self) -> int:
        return self.passed + self.failed + self.broken

    @property
    def seeds_per_s(self) -> float:
        return self.seeds / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def exit_code(self) -> int:
        """0: all passed, 1: some failed, 2: some are broken."""
        return 2 if self.broken else 1 if self.failed else 0

    def add(self, result: SeedResult) -> None:
        self.passed += result.verdict is Verdict.PASSED
        self.failed += result.verdict is Verdict.FAILED
        self.broken += result.verdict is Verdict.BROKEN
        self.events += result.events
        self.virtual_ns += result.virtual_ns
        if result.verdict is not Verdict.PASSED and (self.first is None or result.seed < self.first.seed):
            self.first = result


def default_jobs(seeds: int) -> int:
    """One process a core, and none for a handful of seeds."""
    return 1 if seeds <= FEW else min(len(os.sched_getaffinity(0)), -(-seeds // CHUNK))


def run_many(
    token: Token, seeds: Sequence[int], jobs: int, on_result: Callable[[SeedResult], None] = lambda _: None
) -> Summary:
    """Run the token's scenario under each seed, with `jobs` processes (1: in this one); `on_result` hears of each."""
    summary, started_s = Summary(token.name), perf_counter()
    for result in _here(token, seeds) if jobs <= 1 else _in_workers(token, seeds, jobs):
        summary.add(result)
        summary.elapsed_s = perf_counter() - started_s
        on_result(result)
    return summary


def _here(token: Token, seeds: Sequence[int]) -> Iterator[SeedResult]:
    from devstack.scenario.load import load_one
    from devstack.scenario.replay import options_of

    scenario, options = load_one(token.target), attrs.evolve(options_of(token), keep=Keep.NONE)
    with _collecting_seldom():
        for seed in seeds:
            try:
                result = SeedResult.of(run(scenario, attrs.evolve(options, seed=seed)))
            except DevstackError as exc:  # Its cluster cannot even be built.
                text = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
                result = SeedResult(seed, Verdict.BROKEN, text, "", 0, 0)
            yield result


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Within it, garbage is looked for once in some ten worlds: while one lives, next to nothing of it is garbage."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _in_workers(token: Token, seeds: Sequence[int], jobs: int) -> Iterator[SeedResult]:
    """Results as they come; each worker gets its next seeds when it has answered the last."""
    answers: SimpleQueue[SeedResult | Exception] = SimpleQueue()
    chunks = iter([list(seeds[at : at + CHUNK]) for at in range(0, len(seeds), CHUNK)])
    lock = threading.Lock()

    def next_chunk() -> list[int] | None:
        with lock:
            return next(chunks, None)

    workers = [_Worker(token) for _ in range(jobs)]
    threads = [threading.Thread(target=worker.feed, args=(next_chunk, answers), daemon=True) for worker in workers]
    try:
        for thread in threads:
            thread.start()
        for _ in seeds:
            answer = answers.get()
            if isinstance(answer, Exception):
                raise answer
            yield answer
    finally:
        for worker in workers:
            worker.end()
        for thread in threads:
            thread.join()


class _Worker:
    def __init__(self, token: Token) -> None:
        command = [sys.executable, "-m", "devstack.scenario.worker", str(token)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def feed(self, next_chunk: Callable[[], list[int] | None], answers: SimpleQueue[SeedResult | Exception]) -> None:
        """Have it run one chunk after the other."""
        to, source = self._process.stdin, self._process.stdout
        assert to is not None and source is not None  # Both are pipes.
        try:
            while (chunk := next_chunk()) is not None:
                to.write(json.dumps(chunk) + "\n")
                to.flush()
                for _ in chunk:
                    answers.put(_decoded(source.readline()))
        except (OSError, ValueError):  # It died, or somebody has given up on all of this.
            answers.put(InvariantError("a worker process has died", "run again with --jobs 1"))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except OSError:
                continue  # What was still to be written has no reader any more.


def _decoded(line: str) -> SeedResult:
    values: dict[str, Any] = json.loads(line)
    return SeedResult(**{**values, "verdict": Verdict(values["verdict"])})


def serve(token: Token, orders: IO[str], answers: IO[str]) -> None:
    """What a worker does: run the seeds of each line, answer each with a line."""
    for order in orders:
        for result in _here(token, json.loads(order)):
            values = attrs.asdict(result, recurse=False) | {"verdict": result.verdict.value}
            answers.write(json.dumps(values) + "\n")
            answers.flush()
