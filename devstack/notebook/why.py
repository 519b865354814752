"""Why a job's executions went where they did: a row a node, a column a ranker, and what would have flipped it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from devstack.explain.choices import Choice
from devstack.explain.verdicts import Verdict, verdicts
from devstack.models.gotext import SECOND_NS
from devstack.notebook import html
from devstack.notebook.extra import pandas

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Why"]


@attrs.frozen
class Why:
    """One choice of nodes. `table` is its data frame; `verdicts` the same as values."""

    job: str
    time_s: float
    because: Sequence[str]
    verdicts: Sequence[Verdict]

    @classmethod
    def of(cls, choice: Choice, job: str, start_ns: int) -> Why:
        """The explanation of a choice; each of its changes is proved by making the choice again."""
        time_s = (choice.time_ns - start_ns) / SECOND_NS
        return cls(job, time_s, choice.because, tuple(verdicts(choice)))

    @property
    def chosen(self) -> list[str]:
        """The nodes that got an execution."""
        return [verdict.node_id for verdict in self.verdicts if verdict.is_placed]

    @property
    def _title(self) -> str:
        went = f"went to {', '.join(self.chosen)}" if self.chosen else "found no node"
        return f"why {self.job} {went} at {self.time_s:g} s"

    @property
    def table(self) -> DataFrame:
        """One row a node: its rank by every ranker, or the reason, and the smallest change that flips the choice."""
        return pandas().DataFrame(self._rows(), columns=self._head())

    def _rules(self) -> list[str]:
        return list(dict.fromkeys(rule.rule for verdict in self.verdicts for rule in verdict.rules))

    def _head(self) -> list[str]:
        return ["node", "chosen", "rank", *self._rules(), "reason", "would be chosen with"]

    def _rows(self) -> list[list[object]]:
        rules = self._rules()
        rows: list[list[object]] = []
        for one in self.verdicts:
            said = {rule.rule: "refused" if rule.rank < 0 else rule.rank for rule in one.rules}
            rank = one.rank if one.rank >= 0 else None
            ranks = [said.get(rule) for rule in rules]
            rows.append([one.node_id, one.is_placed, rank, *ranks, one.reason, " and ".join(one.changes)])
        return rows

    def __str__(self) -> str:
        lines = [self._title]
        lines += [f"  after {reason}" for reason in self.because]
        for one in self.verdicts:
            rank = f"rank {one.rank}" if one.rank >= 0 else one.reason
            change = f"; chosen with {' and '.join(one.changes)}" if one.changes else ""
            lines.append(f"  {'*' if one.is_placed else ' '} {one.node_id}: {rank}{change}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        after = "".join(html.line(f"after {reason}") for reason in self.because)
        marked = [at for at, one in enumerate(self.verdicts) if one.is_placed]
        rows = [["yes" if cell is True else "" if cell is False else cell for cell in row] for row in self._rows()]
        return html.card(self._title, after, html.table(self._head(), rows, marked=marked))
