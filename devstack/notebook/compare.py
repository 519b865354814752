"""Two lives of a cluster side by side: where they part, and what that came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from devstack.metrics import MILLION, Figures
from devstack.models.gotext import SECOND_NS
from devstack.notebook import html
from devstack.notebook.extra import pandas
from devstack.notebook.pictures import compared
from devstack.scenario.mismatch import Observed, find_mismatch
from devstack.scenario.story_lines import time_text

if TYPE_CHECKING:
    from pandas import DataFrame

    from devstack.notebook.lab import Lab

__all__ = ["FIELDS", "UNITS", "Comparison", "readable"]

# The figures with their units, in the order in which they are shown.
UNITS: Final[Mapping[str, tuple[str, int]]] = {
    "jobs": ("", 1),
    "completed": ("", 1),
    "wait_p50": ("s", SECOND_NS),
    "wait_p95": ("s", SECOND_NS),
    "makespan": ("s", SECOND_NS),
    "utilisation": ("%", MILLION // 100),
    "fairness": ("%", MILLION // 100),
    "balance": ("%", MILLION // 100),
    "wasted": ("core s", SECOND_NS),
}
FIELDS: Final = {
    "wait_p50": "wait_p50_ns", "wait_p95": "wait_p95_ns", "makespan": "makespan_ns", "utilisation": "utilisation_ppm",
    "fairness": "fairness_ppm", "balance": "balance_ppm", "wasted": "wasted_core_ns",
}  # fmt: skip


def readable(figures: Figures) -> dict[str, float]:
    """The figures in the units of `UNITS`."""
    return {name: getattr(figures, FIELDS.get(name, name)) / scale for name, (_, scale) in UNITS.items()}


@attrs.frozen
class Comparison:
    """`difference` says where the two part, empty if they are the same; `figures` is a data frame."""

    left: Lab
    right: Lab
    difference: str

    @classmethod
    def of(cls, left: Lab, right: Lab) -> Comparison:
        return cls(left, right, _difference(left, right))

    @property
    def is_same(self) -> bool:
        return not self.difference

    @property
    def names(self) -> tuple[str, str]:
        """What the two are called, told apart."""
        here, there = self.left.name, self.right.name
        return (here, there) if here != there else (f"this {here}", f"other {there}")

    @property
    def figures(self) -> DataFrame:
        """One row a figure: here, there, and the difference."""
        columns = ["figure", "unit", *self.names, "difference"]
        return pandas().DataFrame(self._rows(), columns=columns)

    def _rows(self) -> list[tuple[str, str, float, float, float]]:
        here, there = readable(self.left.figures), readable(self.right.figures)
        return [(name, unit, here[name], there[name], there[name] - here[name]) for name, (unit, _) in UNITS.items()]

    def chart(self, **options: Any) -> Any:
        """Both runs as one chart."""
        return compared(self.left.world, self.right.world, self.names, **options)

    def __str__(self) -> str:
        lines = [self.difference or "the two are the same, event by event"]
        lines += [f"{'':12} {self.names[0]:>12} {self.names[1]:>12}"]
        lines += [f"{name:12} {here:12,.3f} {there:12,.3f} {unit}" for name, unit, here, there, _ in self._rows()]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        title = self.difference or "the two are the same, event by event"
        rows = [
            (name, f"{here:,.3f}", f"{there:,.3f}", f"{difference:+,.3f}", unit)
            for name, unit, here, there, difference in self._rows()
        ]
        return html.card(title, html.table(["", *self.names, "difference", ""], rows))


def _difference(left: Lab, right: Lab) -> str:
    here, there = (Observed(lab.digest, list(lab.world.cluster.kernel.trace.records()), ()) for lab in (left, right))
    found = find_mismatch(here, there)
    if found is None:
        return ""
    told = [_told(lab, one.records, found.index) for lab, one in ((left, here), (right, there))]
    return f"they part at event {found.index + 1}: {left.name} goes on with {told[0]}, {right.name} with {told[1]}"


def _told(lab: Lab, records: Any, index: int) -> str:
    if index >= len(records):
        return "nothing more"
    time_ns, kind, subject, detail = records[index]
    return f"{kind} {subject} {detail[:80]} at {time_text(time_ns - lab.world.recorder.start_ns)}"
