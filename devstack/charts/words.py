"""Numbers, durations and names as sentences have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from devstack.models.gotext import SECOND_NS, duration_text

__all__ = ["counted", "duration", "in_order", "listing", "name_of", "number", "percent", "sentence"]

_WORDS: Final = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
_UUID: Final = re.compile(r"([A-Za-z]-)?([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_LONGEST: Final = 28


def number(count: int) -> str:
    """`three`, `5,000`."""
    return _WORDS[count] if 0 <= count < len(_WORDS) else f"{count:,}"


def counted(count: int, noun: str) -> str:
    """`no nodes`, `one node`, `three nodes`."""
    return f"{'no' if not count else number(count)} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """`4m10s`, `2.5s`, `12ms`: as precise as anyone wants to know."""
    step = (
        1.0
        if abs(seconds) >= 20
        else 0.1
        if abs(seconds) >= 2
        else 0.01
        if abs(seconds) >= 0.2
        else 0.001
        if abs(seconds) >= 0.01
        else 1e-6
    )
    return duration_text(round(round(seconds / step) * step * 1e6) * (SECOND_NS // 10**6))


def percent(share: float) -> str:
    """`38 %`; what is there is never zero, and what is not all never a hundred."""
    whole = round(share * 100)
    if whole == 0 and share > 0:
        return "under 1 %"
    return "over 99 %" if whole == 100 and share < 1 else f"{whole} %"


def listing(names: Sequence[str], most: int = 3) -> str:
    """`a, b and c`; of many, the first and how many more."""
    if len(names) > most + 1:
        names = [*names[:most], f"{number(len(names) - most)} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def sentence(text: str) -> str:
    """With a capital letter, and nothing else changed."""
    return text[:1].upper() + text[1:]


def name_of(identifier: str) -> str:
    """A name short enough to stand beside a chart: of an id its beginning."""
    found = _UUID.match(identifier)
    text = f"{found[1] or ''}{found[2]}" if found else " ".join(identifier.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def in_order(names: Iterable[str]) -> list[str]:
    """Each name once, `node-9` before `node-10`."""
    return sorted(set(names), key=lambda name: [(not part.isdigit(), int(part) if part.isdigit() else 0, part)
                                                for part in re.split(r"(\d+)", name)])  # fmt: skip
