"""What is exported, and as what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import attrs

from devstack.cluster import SIMULATED_START_NS, Cluster
from devstack.errors import UsageError
from devstack.notebook.recorder import Recorder
from devstack.scenario.decorator import Scenario
from devstack.scenario.run import Outcome, RunOptions
from devstack.scenario.run import run as run_scenario
from devstack.scenario.story import Storyteller
from devstack.scenario.token import Token

__all__ = ["FORMATS", "PARTS", "Run", "Step", "export"]


@attrs.frozen
class Run:
    """One run of a scenario: what came of it, and what those who looked on have kept."""

    scenario: Scenario
    outcome: Outcome
    token: Token
    recorder: Recorder
    teller: Storyteller

    @classmethod
    def of(cls, scenario: Scenario, options: RunOptions, token: Token) -> Run:
        """Run it now, and look on."""
        seen: list[tuple[Recorder, Storyteller]] = []

        def watch(cluster: Cluster) -> None:
            seen.append((Recorder(cluster), Storyteller(cluster)))

        outcome = run_scenario(scenario, attrs.evolve(options, watch=watch))
        return cls(scenario, outcome, attrs.evolve(token, digest=outcome.digest), *seen[0])

    @property
    def start_ns(self) -> int:
        """The instant that is zero in every export: the cluster was switched on, as in the story."""
        return SIMULATED_START_NS

    @property
    def about(self) -> dict[str, Any]:
        """What every export says of its run."""
        return {
            "scenario": self.scenario.name,
            "seed": self.outcome.seed,
            "verdict": self.outcome.verdict.value,
            "digest": self.outcome.digest,
            "replay": str(self.token),
        }


Step = Callable[[Any], None]
"""Told of each part that is done."""


def _perfetto(run: Run, path: Path, step: Step) -> None:
    from devstack.exports.perfetto import pieces

    _write(path, pieces(run))


def _jsonl(run: Run, path: Path, step: Step) -> None:
    from devstack.exports.lines import lines

    _write(path, (line + "\n" for line in lines(run)))


def _csv(run: Run, path: Path, step: Step) -> None:
    from devstack.exports.tables import write_csv

    write_csv(run, path)


def _parquet(run: Run, path: Path, step: Step) -> None:
    from devstack.exports.tables import write_parquet

    write_parquet(run, path)


def _html(run: Run, path: Path, step: Step) -> None:
    from devstack.exports.report import page

    _write(path, [page(run, step)])


FORMATS: Final[dict[str, Callable[[Run, Path, Step], None]]] = {
    "perfetto": _perfetto,
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
    "html": _html,
}
PARTS: Final = 8
"""So many parts has a report, of which each takes its time; the other formats have one."""


def export(run: Run, to: str, path: Path, step: Step = lambda _: None) -> None:
    """Write the run to a file, or as tables to a folder; `step` is told of each part of a report.

    Raises:
        UsageError: an unknown format, a file that cannot be written, or a missing extra.
    """
    make = FORMATS.get(to)
    if make is None:
        raise UsageError(f"runs are not exported as {to!r}", f"choose one of {', '.join(FORMATS)}")
    try:
        make(run, path, step)
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}", "name another place") from None


def _write(path: Path, pieces: Iterable[str]) -> None:
    """In one step: nobody finds half a file, and a failure leaves nothing behind."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
