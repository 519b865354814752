"""One match of a tournament: a workload under every policy, seed by seed, here or in other processes."""

from __future__ import annotations

import base64
import json
import pickle
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from typing import IO, Final

import attrs

from devstack.errors import DevstackError, UsageError
from devstack.metrics import Figures
from devstack.notebook.extra import needed
from devstack.notebook.lab import Lab
from devstack.notebook.policies import Policy
from devstack.notebook.settings import Settings
from devstack.notebook.world import World
from devstack.scenario.builders import Duration
from devstack.scenario.workers import collecting_seldom, spread

__all__ = ["Match", "Workload", "played_by", "serve"]

Workload = Callable[[Lab], object]
# Seeds that a process is given at a time: a run takes some tenths of a second.
CHUNK: Final = 4


@attrs.frozen
class Match:
    """What every seed is played with."""

    settings: Settings
    policies: Sequence[Policy]
    workload: Workload
    within: Duration

    def play(self, seed: int) -> list[Figures]:
        """One seed under every policy. Raises DevstackError."""
        with collecting_seldom():
            return [self._figures(attrs.evolve(self.settings, seed=seed, policy=one)) for one in self.policies]

    def _figures(self, settings: Settings) -> Figures:
        lab = Lab(World(settings))
        try:
            self.workload(lab)
            lab.run_until_over(self.within)
            return lab.figures
        finally:
            lab.close()


def played_by(match: Match, seeds: Sequence[int], processes: int) -> Generator[tuple[int, list[Figures]]]:
    """The figures of each seed as they come, one a policy.

    Raises:
        UsageError: the match breaks off; the seed is named.
    """
    if processes <= 1:
        for seed in seeds:
            yield seed, match.play(seed)
        return
    # Functions of a notebook are known in its process alone, and go to the others by value.
    packed = base64.b64encode(needed("cloudpickle", "tournaments in several processes").dumps(match)).decode()
    command = [sys.executable, "-m", "devstack.notebook.worker"]
    for answer in spread(command, seeds, processes, opening=packed, chunk=CHUNK):
        if "error" in answer:
            raise UsageError(*answer["error"])
        yield answer["seed"], [Figures(*values) for values in answer["figures"]]


def serve(orders: IO[str], answers: IO[str]) -> None:
    """What a process of a tournament does: read the match, then play the seeds of each line."""
    packed = base64.b64decode(orders.readline())
    match: Match | None = None
    for order in orders:
        for seed in json.loads(order):
            try:
                match = match or pickle.loads(packed)
                assert match is not None
                answer = {"seed": seed, "figures": [attrs.astuple(one) for one in match.play(seed)]}
            except DevstackError as exc:
                answer = {"error": [f"seed {seed}: {exc.message}", exc.hint]}
            except Exception as exc:
                frame = traceback.extract_tb(exc.__traceback__)[-1]
                text = f"seed {seed}: {type(exc).__name__}: {exc} (line {frame.lineno} of {frame.name})"
                answer = {"error": [text, "play it here with processes=1"]}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
