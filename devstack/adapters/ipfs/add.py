"""From files and folders to blocks, with the CIDs that Kubo's `add` gives them.

A file is cut into pieces of 256 KiB, leaves of a tree in which no node has more than 174 children and all leaves are
equally deep. A folder is one block with its entries in order, or a tree of shards (`shard.py`) when there are many.

Source: Kubo's defaults, `size-262144` and the balanced layout; vectors in `tests/adapters/ipfs/kubo_cids.json`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from devstack.adapters.ipfs.cid import Cid
from devstack.adapters.ipfs.node import Kind, Link, Node
from devstack.adapters.ipfs.shard import is_large, shards
from devstack.errors import AdapterError

__all__ = ["Put", "add_file", "add_folder", "add_path", "put_node"]

CHUNK_BYTES: Final = 256 * 1024
MOST_LINKS: Final = 174

Put = Callable[[Cid, bytes], None]


def add_path(
    path: Path,
    put: Put,
    check: Callable[[], object] = lambda: None,
) -> Link:
    """Put a file, or a folder with all that is in it; equal content gives an equal CID. Links are never followed.

    Args:
        put: Takes each block. A block comes after those that it leads to: the last one is the root.
        check: Called before every file and piece of a file; what it raises ends the work.

    Raises:
        OSError: a file could not be read.
        AdapterError: something in the folder is neither file nor folder nor link.
    """
    # A stack of our own: a program may nest folders deeper than Python calls.
    opened = [_Opened(path)] if path.is_dir() else []
    if not opened:
        return _add_one(path, put, check)
    while True:
        here = opened[-1]
        if here.ahead:
            child = here.path / here.ahead.pop()
            if stat.S_ISDIR(child.lstat().st_mode):
                opened.append(_Opened(child))
                continue
            check()
            link = _add_one(child, put, check)
        else:
            child, link = here.path, add_folder(here.links, put)
            opened.pop()
        if not opened:
            return link
        opened[-1].links.append(attrs.evolve(link, name=os.fsencode(child.name)))


@attrs.define
class _Opened:
    """A folder, of which some entries are added."""

    path: Path
    ahead: list[str] = attrs.field(init=False)
    links: list[Link] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.ahead = sorted(os.listdir(self.path), reverse=True)


def _add_one(path: Path, put: Put, check: Callable[[], object]) -> Link:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return put_node(Node(Kind.SYMLINK, os.fsencode(path.readlink())), put)
    if not stat.S_ISREG(mode):
        raise AdapterError(f"{path.name} is neither a file nor a folder", "remove devices, pipes and sockets")
    # Not followed even if the file was exchanged for a link after the look at it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return add_file(file, put, check)


def add_file(file: BinaryIO, put: Put, check: Callable[[], object] = lambda: None) -> Link:
    """Put a file; memory holds one piece of it, and the links of one node for each level of the tree."""
    tree = _Tree(put)
    while chunk := file.read(CHUNK_BYTES):
        check()
        tree.append(_Part(put_node(Node(Kind.FILE, chunk, file_bytes=len(chunk)), put), len(chunk)))
    return tree.root() or put_node(Node(Kind.FILE, file_bytes=0), put)


@attrs.frozen
class _Part:
    """A node of a file's tree, and how much of the file is below it."""

    link: Link
    file_bytes: int


class _Tree:
    """Leaves come from the left; a node is put when the next one of its level begins."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._levels: list[list[_Part]] = []

    def append(self, part: _Part, level: int = 0) -> None:
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == MOST_LINKS:
            self.append(self._joined(level), level + 1)
        self._levels[level].append(part)

    def root(self) -> Link | None:
        """The whole tree; None if it has no leaf. A leaf alone is the root itself."""
        if self._levels and len(self._levels) == 1 and len(self._levels[0]) == 1:
            return self._levels[0][0].link
        level = 0
        while level < len(self._levels):
            joined = self._joined(level)
            level += 1
            if level == len(self._levels):
                return joined.link
            self.append(joined, level)
        return None

    def _joined(self, level: int) -> _Part:
        parts = self._levels[level]
        self._levels[level] = []
        sizes = tuple(part.file_bytes for part in parts)
        links = tuple(part.link for part in parts)
        node = Node(Kind.FILE, links=links, file_bytes=sum(sizes), part_bytes=sizes)
        return _Part(put_node(node, self._put), sum(sizes))


def add_folder(entries: list[Link], put: Put) -> Link:
    """Put a folder of these entries, whose blocks are put."""
    if is_large(entries):
        return shards(entries, lambda node: put_node(node, put))
    return put_node(Node(Kind.FOLDER, links=tuple(sorted(entries, key=lambda link: link.name))), put)


def put_node(node: Node, put: Put) -> Link:
    """Put one block; what it leads to is put."""
    block = node.encode()
    cid = Cid.of(block)
    put(cid, block)
    return Link(cid, b"", node.total_bytes(block))
