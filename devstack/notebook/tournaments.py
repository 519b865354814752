"""Policies against each other: the same workload under the same seeds for each, and the differences pair by pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import attrs

from devstack.errors import UsageError
from devstack.metrics import Figures
from devstack.notebook import html
from devstack.notebook.compare import FIELDS, UNITS
from devstack.notebook.extra import pandas
from devstack.notebook.match import Match, Workload, played_by
from devstack.notebook.paired import Interval, Samples
from devstack.notebook.policies import Policy, policy
from devstack.notebook.progress import Progress
from devstack.notebook.settings import Settings
from devstack.notebook.workload import Mixed
from devstack.scenario.builders import Duration
from devstack.scenario.workers import cores

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Tournament", "tournament"]

# The figures that are compared, and whether more of them is better.
FIGURES: Final[Mapping[str, bool]] = {
    "wait_p50": False, "wait_p95": False, "makespan": False, "utilisation": True, "fairness": True, "balance": True,
    "wasted": False,
}  # fmt: skip
# Below so many runs another process is not worth its start.
FEW: Final = 24


def tournament(
    policies: Sequence[Policy | str],
    workload: Workload | None = None,
    *,
    seeds: int | Sequence[int] = 200,
    nodes: int = 5,
    within: Duration = "24h",
    processes: int | None = None,
    **settings: Any,
) -> Tournament:
    """Let the policies meet the same workload under each seed; the first is the one the others are compared with.

    Args:
        workload: A function of a lab that submits jobs, at once or later, and injects faults if it likes. What it draws
            it takes from `lab.chance(...)`, so that it is the same for all policies of a seed. None: `Mixed()`.
        within: A run ends when all jobs are over, or after so much virtual time.
        processes: How many at a time; None: one a core.
        settings: As for `simulate`.

    Raises:
        UsageError: an unknown policy or setting, or the workload breaks off.
    """
    entrants = [policy(one) if isinstance(one, str) else one for one in policies]
    names = [one.name for one in entrants]
    if len(entrants) < 2 or len(set(names)) < len(names):
        raise UsageError(f"a tournament needs two policies or more, of different names, not {names}")
    numbers = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not numbers:
        raise UsageError("a tournament needs at least one seed")
    try:
        match = Match(Settings(nodes, **settings), entrants, workload or Mixed(), within)
    except TypeError as exc:
        raise UsageError(f"a setting cannot be: {exc}") from None
    count = processes or (1 if len(numbers) * len(entrants) <= FEW else cores())
    played: dict[int, Sequence[Figures]] = {}
    # Closed in any case: what is interrupted leaves no process behind.
    with Progress("tournament") as progress, closing(played_by(match, numbers, count)) as results:
        for seed, figures in results:
            played[seed] = figures
            progress.tell(len(played) / len(numbers), f"{len(played)} of {len(numbers)} seeds")
    return Tournament(names, {seed: played[seed] for seed in numbers})


@attrs.frozen
class Tournament:
    """What came of it, by seed and then by policy. `table` is the outcome, `runs` every single run."""

    policies: Sequence[str]
    played: Mapping[int, Sequence[Figures]]

    @property
    def runs(self) -> DataFrame:
        """One row a run."""
        rows = [
            [seed, name, *(getattr(one, FIELDS[figure]) / UNITS[figure][1] for figure in FIGURES)]
            for seed, figures in self.played.items()
            for name, one in zip(self.policies, figures, strict=True)
        ]
        return pandas().DataFrame(rows, columns=["seed", "policy", *FIGURES])

    @property
    def table(self) -> DataFrame:
        """One row a policy and figure: its mean, and how it differs from the first policy, with 95 % confidence."""
        return pandas().DataFrame(self._rows(), columns=_HEAD)

    def intervals(self) -> dict[tuple[str, str], Interval]:
        """The difference to the first policy, by policy and figure, as whole numbers."""
        samples = Samples(len(self.played))
        found = {}
        for at, name in enumerate(self.policies[1:], 1):
            for figure in FIGURES:
                pairs = [(self._value(seed, at, figure), self._value(seed, 0, figure)) for seed in self.played]
                found[name, figure] = samples.interval([one - other for one, other in pairs])
        return found

    def _value(self, seed: int, at: int, figure: str) -> int:
        return int(getattr(self.played[seed][at], FIELDS[figure]))

    def _rows(self) -> list[list[object]]:
        rows: list[list[object]] = []
        intervals = self.intervals()
        for at, name in enumerate(self.policies):
            for figure, more_is_better in FIGURES.items():
                unit, scale = UNITS[figure]
                mean = sum(self._value(seed, at, figure) for seed in self.played) // len(self.played) / scale
                found = intervals.get((name, figure))
                if found is None:
                    rows.append([name, figure, unit, mean, None, None, None, ""])
                    continue
                is_better = (found.mean > 0) == more_is_better
                verdict = ("better" if is_better else "worse") if found.is_clear else "no clear difference"
                shown = (found.mean / scale, found.low / scale, found.high / scale)
                rows.append([name, figure, unit, mean, *shown, verdict])
        return rows

    def __str__(self) -> str:
        lines = [self._title]
        for name, figure, unit, mean, difference, low, high, verdict in self._rows():
            text = f"{name!s:20} {figure!s:12} {mean:12,.3f} {unit!s:7}"
            text += f" {difference:+,.3f} [{low:+,.3f}, {high:+,.3f}] {verdict}" if difference is not None else ""
            lines.append(text.rstrip())
        return "\n".join(lines)

    __repr__ = __str__

    @property
    def _title(self) -> str:
        return f"{len(self.policies)} policies, {len(self.played)} seeds, compared with {self.policies[0]}"

    def _repr_html_(self) -> str:
        rows = [
            [name, figure, f"{mean:,.3f} {unit}", *("" if one is None else f"{one:+,.3f}" for one in numbers), verdict]
            for name, figure, unit, mean, *numbers, verdict in self._rows()
        ]
        head = ["policy", "figure", "mean", "difference", "from", "to", "with 95 % confidence"]
        marked = [at for at, row in enumerate(rows) if row[-1] in ("better", "worse")]
        return html.card(self._title, html.table(head, rows, marked=marked))


_HEAD: Final = ["policy", "figure", "unit", "mean", "difference", "low", "high", "verdict"]
