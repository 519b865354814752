"""One root number explains every draw of a run."""

from __future__ import annotations

import struct
from hashlib import sha256
from random import Random

__all__ = ["Seed", "Stream"]


class Stream:
    """One consumer's own generator; `draws` counts what was taken from it."""

    __slots__ = ("_random", "draws", "name")

    def __init__(self, name: tuple[str, ...], state: int) -> None:
        self.name = name
        self.draws = 0
        self._random = Random(state)

    def bits(self, count: int) -> int:
        """A whole number of that many random bits."""
        self.draws += 1
        return self._random.getrandbits(count)

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1, each as likely."""
        assert bound > 0, bound
        self.draws += 1
        # Spelled out: the generator's bits are the same in every Python, what `randrange` makes of them need not be.
        bits = bound.bit_length()
        number = self._random.getrandbits(bits)
        while number >= bound:
            number = self._random.getrandbits(bits)
        return number

    def many_below(self, bound: int, count: int) -> list[int]:
        """`count` independent numbers from 0 to `bound` - 1; `bound` is small."""
        self.draws += count
        # Scaling 32 bits instead of rejecting: one call for all nodes. The bias is below bound / 2**32.
        drawn = self._random.getrandbits(32 * count) if count else 0
        words = struct.unpack(f"<{count}I", drawn.to_bytes(4 * count, "little"))
        return [word * bound >> 32 for word in words]


class Seed:
    """The root of all streams of a run."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._streams: dict[tuple[str, ...], Stream] = {}

    def stream(self, *name: str) -> Stream:
        """The stream of that name; the same object each time."""
        # A stream a consumer, not one for all: a further draw in one place must not shift the draws of another,
        # or every recorded seed would change its meaning.
        found = self._streams.get(name)
        if found is None:
            digest = sha256("\x00".join((str(self.root), *name)).encode()).digest()
            found = self._streams[name] = Stream(name, int.from_bytes(digest, "big"))
        return found

    def total(self) -> int:
        """How many draws all streams have given so far."""
        return sum(stream.draws for stream in self._streams.values())

    def draws(self) -> dict[tuple[str, ...], int]:
        """How many draws each stream has given so far, by name."""
        return {name: self._streams[name].draws for name in sorted(self._streams)}
