"""Many seeds over several processes: what is kept of each, and what they add up to."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import IO, Final

import attrs

from devstack.errors import DevstackError
from devstack.kernel import Keep
from devstack.scenario.run import Outcome, Verdict, run
from devstack.scenario.token import Token
from devstack.scenario.workers import CHUNK, collecting_seldom, cores, spread

__all__ = ["SeedResult", "Summary", "default_jobs", "run_many", "serve"]

# Below so many seeds another process is not worth its start.
FEW: Final = 24


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
    return 1 if seeds <= FEW else min(cores(), -(-seeds // CHUNK))


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
    with collecting_seldom():
        for seed in seeds:
            try:
                result = SeedResult.of(run(scenario, attrs.evolve(options, seed=seed)))
            except DevstackError as exc:  # Its cluster cannot even be built.
                text = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
                result = SeedResult(seed, Verdict.BROKEN, text, "", 0, 0)
            yield result


def _in_workers(token: Token, seeds: Sequence[int], jobs: int) -> Iterator[SeedResult]:
    """Results as they come; each worker gets its next seeds when it has answered the last."""
    for values in spread([sys.executable, "-m", "devstack.scenario.worker", str(token)], seeds, jobs):
        yield SeedResult(**{**values, "verdict": Verdict(values["verdict"])})


def serve(token: Token, orders: IO[str], answers: IO[str]) -> None:
    """What a worker does: run the seeds of each line, answer each with a line."""
    for order in orders:
        for result in _here(token, json.loads(order)):
            values = attrs.asdict(result, recurse=False) | {"verdict": result.verdict.value}
            answers.write(json.dumps(values) + "\n")
            answers.flush()
