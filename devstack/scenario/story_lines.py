"""Lines of a story: folded, and set in columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

__all__ = ["MOST_LINES", "Line", "fold", "line_text", "listed", "render", "short", "time_text"]

MOST_LINES: Final = 2_000
LONGEST: Final = 160
SHORT_ID: Final = 10
# What comes again and again until something else helps is told once, with how often.
REPEATED: Final = ("is not reached by", "nobody answers", "cannot schedule now")


@attrs.frozen
class Line:
    """One thing that happened on `machine` to `subjects`; `mood` says how to colour it."""

    time_ns: int
    machine: str
    text: str
    subjects: tuple[str, ...] = ()
    mood: str = ""
    of_nodes: bool = False  # Whether the subjects are nodes, which belong to the sentence.


def short(identifier: str) -> str:
    return identifier[:SHORT_ID]


@attrs.define
class _Folded:
    first: Line
    machines: list[str] = attrs.field(factory=list)
    subjects: list[str] = attrs.field(factory=list)
    instants: set[int] = attrs.field(factory=set)

    def add(self, line: Line) -> None:
        self.instants.add(line.time_ns)
        self.machines += [] if line.machine in self.machines else [line.machine]
        self.subjects += [one for one in line.subjects if one and one not in self.subjects]

    def line(self) -> Line:
        text = self.first.text
        if len(self.instants) > 1:
            text += f" ({len(self.instants)} times, until {time_text(max(self.instants))})"
        return attrs.evolve(self.first, machine=listed(self.machines), text=text, subjects=tuple(self.subjects))


def fold(lines: Iterable[Line]) -> list[Line]:
    """What happens at one instant, in one way, to several things or on several machines becomes one line.

    So does what is repeated: an answer that does not come, a routine message that does not arrive.
    """
    folded: dict[tuple[Any, ...], _Folded] = {}
    for line in lines:
        is_repeated = line.text.startswith(REPEATED)
        key = (line.machine, line.text, line.subjects) if is_repeated else (line.time_ns, line.text, line.mood)
        folded.setdefault(key, _Folded(line)).add(line)
    return [one.line() for one in folded.values()]


def listed(names: Sequence[str]) -> str:
    """`node-1,2,4`: names that begin alike are said once; of many, how many there are."""
    if len(names) == 1:
        return names[0]
    stems = {name.rpartition("-")[0] for name in names}
    if len(stems) == 1 and "" not in stems:
        numbers = [name.rpartition("-")[2] for name in names]
        shown = ",".join(numbers) if len(numbers) <= 6 else f"{numbers[0]}..{numbers[-1]}"
        return f"{stems.pop()}-{shown}"
    return ",".join(names) if len(names) <= 3 else f"{len(names)} machines"


def time_text(time_ns: int) -> str:
    """`+1m23.456s`"""
    sign = "-" if time_ns < 0 else "+"
    millis = abs(time_ns) // 1_000_000
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h" if hours else ""
    text += f"{minutes:02d}m" if hours else f"{minutes}m" if minutes else ""
    seconds = f"{rest // 1000:02d}" if text else str(rest // 1000)
    return f"{sign}{text}{seconds}.{rest % 1000:03d}s"


_COLOURS: Final = {"good": "32", "bad": "31", "fault": "35", "job": "1", "dim": "2"}


def render(lines: Sequence[Line], *, colour: bool = False) -> str:
    """The lines as columns: time, machine, what happened."""
    shown = lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES // 2], *lines[-MOST_LINES // 2 :]]
    times = [time_text(line.time_ns) for line in shown]
    width, room = max(map(len, times), default=0), max((len(line.machine) for line in shown), default=0)
    rows = [f"{at:>{width}}  {line.machine:<{room}}  {line_text(line)}" for at, line in zip(times, shown, strict=True)]
    if colour:
        rows = [_coloured(row, line.mood) for row, line in zip(rows, shown, strict=True)]
    if len(shown) < len(lines):
        rows.insert(MOST_LINES // 2, f"... {len(lines) - len(shown)} lines are left out ...")
    return "\n".join(rows)


def line_text(line: Line) -> str:
    """What happened, in one line."""
    subjects = list(line.subjects)
    if len(subjects) > 6:
        subjects = [*subjects[:5], f"{len(subjects) - 5} more"]
    text = " ".join(line.text.split())
    text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    if not subjects:
        return text
    return f"{text} {listed(line.subjects)}" if line.of_nodes else f"{text} [{', '.join(subjects)}]"


def _coloured(row: str, mood: str) -> str:
    return f"\x1b[{_COLOURS[mood]}m{row}\x1b[0m" if mood in _COLOURS else row
