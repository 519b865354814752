"""Folders too large for one block: a tree of shards, each entry where the hash of its name says.

A shard has 256 places. Eight bits of the hash name the place on each level; where two entries want one place, a
shard of the next level stands there. Names of links begin with the place in two hexadecimal digits.

Source: UnixFS specification, HAMT directories; the hash is the first half of murmur3 x64 128.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

import attrs

from devstack.adapters.ipfs.node import Kind, Link, Node
from devstack.errors import AdapterError

__all__ = ["FANOUT", "is_large", "murmur3", "prefix_letters", "shards"]

FANOUT: Final = 256
_LARGE_BYTES: Final = 256 * 1024
_MASK: Final = 2**64 - 1


def is_large(entries: Sequence[Link]) -> bool:
    """Whether Kubo would make shards of it: by the bytes of its names and CIDs."""
    return sum(len(link.name) + len(bytes(link.cid)) for link in entries) >= _LARGE_BYTES


def shards(entries: Sequence[Link], put_node: Callable[[Node], Link]) -> Link:
    """Put the shards of a folder; the last one is its root."""
    placed = sorted(((murmur3(link.name), link) for link in entries), key=lambda entry: entry[0])
    return _shard(placed, 0, put_node)


def prefix_letters(fanout: int) -> int:
    """How many letters of a link's name say its place."""
    return len(f"{fanout - 1:X}")


def _shard(placed: list[tuple[bytes, Link]], level: int, put_node: Callable[[Node], Link]) -> Link:
    if level == len(placed[0][0]):
        raise AdapterError(f"two names of a folder have the same hash: {placed[0][1].name!r}")
    links, places = [], 0
    for place, group in groupby(placed, key=lambda entry: entry[0][level]):
        there = list(group)
        if len(there) == 1:
            link = there[0][1]
            links.append(attrs.evolve(link, name=b"%02X" % place + link.name))
        else:
            links.append(attrs.evolve(_shard(there, level + 1, put_node), name=b"%02X" % place))
        places |= 1 << place
    taken = places.to_bytes((places.bit_length() + 7) // 8, "big")
    return put_node(Node(Kind.SHARD, taken, tuple(links), fanout=FANOUT))


# ---- murmur3 -----------------------------------------------------------------------------------------------
# In Python: only names of very large folders are hashed, which is no reason to need a compiled library.

_C1: Final = 0x87C37B91114253D5
_C2: Final = 0x4CF5AD432745937F


def murmur3(data: bytes) -> bytes:
    """The first 64 bits of murmur3 x64 128 with seed 0, the highest byte first."""
    h1 = h2 = 0
    tail = len(data) - len(data) % 16
    for start in range(0, tail, 16):
        h1 ^= _mixed(int.from_bytes(data[start : start + 8], "little"), _C1, 31, _C2)
        h1 = ((_rotated(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK
        h2 ^= _mixed(int.from_bytes(data[start + 8 : start + 16], "little"), _C2, 33, _C1)
        h2 = ((_rotated(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK
    h2 ^= _mixed(int.from_bytes(data[tail + 8 :], "little"), _C2, 33, _C1)
    h1 ^= _mixed(int.from_bytes(data[tail : tail + 8], "little"), _C1, 31, _C2)
    h1, h2 = h1 ^ len(data), h2 ^ len(data)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    return ((_final(h1) + _final(h2)) & _MASK).to_bytes(8, "big")


def _mixed(number: int, first: int, bits: int, second: int) -> int:
    return _rotated(number * first & _MASK, bits) * second & _MASK


def _rotated(number: int, bits: int) -> int:
    return (number << bits | number >> 64 - bits) & _MASK


def _final(number: int) -> int:
    number = (number ^ number >> 33) * 0xFF51AFD7ED558CCD & _MASK
    number = (number ^ number >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return number ^ number >> 33
