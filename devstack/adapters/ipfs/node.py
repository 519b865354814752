"""Blocks of files and folders: UnixFS in dag-pb, written as Kubo writes it, read with distrust.

    message PBNode { repeated PBLink Links = 2; optional bytes Data = 1; }     links are written first
    message PBLink { optional bytes Hash = 1; optional string Name = 2; optional uint64 Tsize = 3; }
    message Data   { required Type = 1; optional bytes Data = 2; optional uint64 filesize = 3;
                     repeated uint64 blocksizes = 4; optional uint64 hashType = 5, fanout = 6; }

Sixty lines of a fixed encoding, instead of a compiler for protocol buffers.

Source: the dag-pb and UnixFS specifications of IPFS.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import attrs

from devstack.adapters.ipfs.cid import RAW, Cid, decode_cid, read_varint, varint

__all__ = ["MOST_BLOCK_BYTES", "Kind", "Link", "Node", "decode_block"]

MOST_BLOCK_BYTES: Final = 2 * 1024 * 1024  # No IPFS node takes a larger block from another.
_MURMUR3: Final = 0x22
_NUMBER: Final = 0
_BYTES: Final = 2


class Kind(IntEnum):
    """What a block says it is a part of; the numbers are UnixFS's."""

    RAW = 0
    FOLDER = 1
    FILE = 2
    METADATA = 3
    SYMLINK = 4
    SHARD = 5


@attrs.frozen
class Link:
    """To another block: its name in a folder, and the bytes of all blocks below it, as its writer says."""

    cid: Cid
    name: bytes
    total_bytes: int


@attrs.frozen
class Node:
    """One block. Of files: `content` and then what the links hold, each as long as `part_bytes` says."""

    kind: Kind
    content: bytes = b""
    links: tuple[Link, ...] = ()
    file_bytes: int | None = None
    part_bytes: tuple[int, ...] = ()
    fanout: int = 0

    def encode(self) -> bytes:
        """The block, byte by byte as Kubo's."""
        links = b"".join(_field(2, _encoded_link(link)) for link in self.links)
        return links + _field(1, self._unixfs())

    def total_bytes(self, block: bytes) -> int:
        """This block and all below it: what Kubo calls the cumulative size."""
        return len(block) + sum(link.total_bytes for link in self.links)

    def _unixfs(self) -> bytes:
        parts = [_number(1, self.kind)]
        if self.content:
            parts.append(_field(2, self.content))
        if self.file_bytes is not None:
            parts.append(_number(3, self.file_bytes))
        parts += [_number(4, size) for size in self.part_bytes]
        if self.kind is Kind.SHARD:
            parts += [_number(5, _MURMUR3), _number(6, self.fanout)]
        return b"".join(parts)


def decode_block(cid: Cid, block: bytes) -> Node:
    """What a block holds; the caller has checked that the CID proves it.

    Raises:
        ValueError: it is no part of a file or folder.
    """
    if cid.codec == RAW:
        return Node(Kind.FILE, block, file_bytes=len(block))
    links, data = [], None
    for field, value in _fields(block):
        if field == 2 and isinstance(value, bytes):
            links.append(_decoded_link(value))
        elif field == 1 and isinstance(value, bytes):
            data = value
    if data is None:
        raise ValueError("it is no part of a file or folder")
    return _decoded_unixfs(data, tuple(links))


def _decoded_link(data: bytes) -> Link:
    values = dict(_fields(data))
    cid, name, size = values.get(1), values.get(2, b""), values.get(3, 0)
    if not isinstance(cid, bytes) or not isinstance(name, bytes) or not isinstance(size, int):
        raise ValueError("one of its links leads nowhere")
    return Link(decode_cid(cid), name, size)


def _decoded_unixfs(data: bytes, links: tuple[Link, ...]) -> Node:
    values: dict[int, int | bytes] = {}
    part_bytes: list[int] = []
    for field, value in _fields(data):
        if field != 4:
            values[field] = value
        elif isinstance(value, int):
            part_bytes.append(value)
        else:  # Some writers pack the sizes into one field.
            position = 0
            while position < len(value):
                part, position = read_varint(value, position)
                part_bytes.append(part)
    kind, content, size, fanout = values.get(1), values.get(2, b""), values.get(3), values.get(6, 0)
    if not isinstance(content, bytes) or isinstance(size, bytes) or not isinstance(fanout, int):
        raise ValueError("its fields are of the wrong kind")
    if not isinstance(kind, int):
        raise ValueError("it does not say what it is")
    return Node(Kind(kind), content, links, size, tuple(part_bytes), fanout)


# ---- protocol buffers --------------------------------------------------------------------------------------


def _encoded_link(link: Link) -> bytes:
    return _field(1, bytes(link.cid)) + _field(2, link.name) + _number(3, link.total_bytes)


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | _BYTES) + varint(len(content)) + content


def _number(field: int, number: int) -> bytes:
    return varint(field << 3 | _NUMBER) + varint(number)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        key, position = read_varint(data, position)
        value, position = read_varint(data, position)
        if key & 7 == _NUMBER:
            yield key >> 3, value
        elif key & 7 == _BYTES:
            if position + value > len(data):
                raise ValueError("it is cut short")
            yield key >> 3, data[position : position + value]
            position += value
        else:
            raise ValueError("it is not in the encoding that it should be in")
