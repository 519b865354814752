"""Chance as an argument: the core draws only from streams that it is handed."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Chance", "new_id"]


class Chance(Protocol):
    """A named stream of draws; `kernel.seed.Stream` is the real one."""

    def bits(self, count: int) -> int:
        """A whole number of that many random bits."""

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1, each as likely."""

    def many_below(self, bound: int, count: int) -> list[int]:
        """`count` independent numbers from 0 to `bound` - 1."""


def new_id(chance: Chance, prefix: str = "") -> str:
    """An id of the shape of a version-4 UUID, with the prefix that says what it names (`j-`, `e-`)."""
    text = f"{chance.bits(128) & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62:032x}"
    return f"{prefix}{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
