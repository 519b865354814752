"""Proof over many seeds: `python -m devstack.bench.proof 10000 [--first N] [--jobs N]`.

Each seed of the mixed universe is run twice, in processes that hash texts differently, and replayed from its token.
All three must give one digest, and no checker may be violated. Exit code 1: not so.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from devstack.bench.scenarios import mixed_token
from devstack.scenario.many import SeedResult, default_jobs, run_many
from devstack.scenario.replay import replay
from devstack.scenario.token import Token

__all__ = ["Proof", "main", "prove"]

MOST_SHOWN: Final = 10
# Seeds that a process replays at a time.
CHUNK: Final = 16


@attrs.define
class Proof:
    """What came of all seeds: a line for each that did not pass, and for each that was another run the next time."""

    seeds: int = 0
    violated: list[str] = attrs.field(factory=list)
    differing: list[str] = attrs.field(factory=list)

    @property
    def holds(self) -> bool:
        return not (self.violated or self.differing)

    def __str__(self) -> str:
        lines = [
            f"{self.seeds:,} seeds, each run twice and replayed: {len(self.differing):,} differ, "
            f"{len(self.violated):,} did not pass"
        ]
        return "\n".join(lines + self.differing[:MOST_SHOWN] + self.violated[:MOST_SHOWN])


def prove(
    token: Token, seeds: Sequence[int], jobs: int, on_run: Callable[[], None] = lambda: None
) -> Proof:  # fmt: skip
    """Run each seed twice and replay it, with `jobs` processes; `on_run` hears of every run."""
    proof = Proof(len(seeds))
    first: dict[int, SeedResult] = {}

    def remember(result: SeedResult) -> None:
        first[result.seed] = result
        on_run()

    def compare(result: SeedResult) -> None:
        _expect(proof, token, first[result.seed], "again", result.digest)
        on_run()

    run_many(token, seeds, jobs, remember)
    run_many(token, seeds, jobs, compare)
    for seed, digest in _replayed([_again(token, first[seed]) for seed in seeds], jobs):
        _expect(proof, token, first[seed], "replayed", digest)
        on_run()
    bad = [result for _, result in sorted(first.items()) if result.message]
    proof.violated = [f"{_again(token, result)}  {result.message}" for result in bad]
    return proof


def _again(token: Token, result: SeedResult) -> Token:
    return attrs.evolve(token, seed=result.seed, digest=result.digest)


def _expect(proof: Proof, token: Token, before: SeedResult, how: str, digest: str) -> None:
    if digest != before.digest:
        proof.differing.append(f"{_again(token, before)}  {how}: {digest}")


def _replayed(tokens: Sequence[Token], jobs: int) -> Iterable[tuple[int, str]]:
    if jobs <= 1:
        yield from map(_replay, tokens)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_replay, tokens, CHUNK)


def _replay(token: Token) -> tuple[int, str]:
    return token.seed, replay(token).outcome.digest


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m devstack.bench.proof", description="Prove many seeds.")
    parser.add_argument("seeds", type=int, help="how many")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first seed [0]")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes [one a core]")
    given = parser.parse_args(arguments)
    seeds = range(given.first, given.first + given.seeds)
    jobs = given.jobs or default_jobs(len(seeds))
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("proving", total=3 * len(seeds))
            proof = prove(mixed_token(), seeds, jobs, lambda: bar.advance(task))
    else:
        proof = prove(mixed_token(), seeds, jobs)
    print(proof)
    return 0 if proof.holds else 1


if __name__ == "__main__":
    sys.exit(main())
