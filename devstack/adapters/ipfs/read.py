"""From blocks to files and folders, whoever made them: each block is proved, and everything has a limit.

Hashes make circles impossible, but not a small folder that links to one file a million times. So blocks are counted
as often as they are met, and a tree that holds more than its root says is refused, for a node has made room for that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from devstack.adapters.ipfs.cid import Cid
from devstack.adapters.ipfs.node import MOST_BLOCK_BYTES, Kind, Link, Node, decode_block
from devstack.adapters.ipfs.shard import prefix_letters
from devstack.errors import AdapterError
from devstack.machine import remove_tree

__all__ = ["DEFAULT_LIMITS", "Get", "Limits", "Reader"]

Get = Callable[[Cid], bytes]
_MOST_DEPTH: Final = 64  # A file with default pieces and this depth is larger than anything.
_SHOWN_NAME: Final = 200
_FILES: Final = (Kind.FILE, Kind.RAW)
_FOLDERS: Final = (Kind.FOLDER, Kind.SHARD)


@attrs.frozen
class Limits:
    """How much one tree may hold."""

    total_bytes: int = 16 * 1024**3
    entries: int = 200_000
    blocks: int = 1_000_000
    folder_depth: int = 1_000


DEFAULT_LIMITS: Final = Limits()


class Reader:
    """Reads the tree below one root, once.

    Args:
        get: Gives the bytes of a block; they are checked here.
        check: Called before every block; what it raises ends the work.

    Raises:
        AdapterError: (all methods) a block is not there, is not what its CID says, or is no part of a file or folder;
            the tree goes beyond the limits, or has names that lead out of it.
    """

    def __init__(
        self, get: Get, root: Cid, limits: Limits = DEFAULT_LIMITS, check: Callable[[], object] = lambda: None
    ) -> None:
        self._get = get
        self._limits = limits
        self._check = check
        self._blocks = self._bytes = self._entries = 0
        self._most_bytes = limits.total_bytes
        self.root_cid = root
        self.root, block = self._read(root)
        self.total_bytes = self.root.total_bytes(block)
        if self.total_bytes > limits.total_bytes:
            raise AdapterError(f"{root} holds {self.total_bytes} bytes, more than {limits.total_bytes}")
        self._most_bytes = self.total_bytes

    @property
    def is_folder(self) -> bool:
        return self.root.kind in _FOLDERS

    def node(self, link: Link) -> Node:
        """What the link leads to."""
        return self._read(link.cid)[0]

    def content(self, node: Node) -> Iterator[bytes]:
        """The bytes of a file, piece by piece."""
        if node.kind not in _FILES:
            raise AdapterError(f"{self.root_cid} holds something else where a file should be")
        size = 0
        for piece in self._pieces(node):
            size += len(piece)
            yield piece
        if node.file_bytes not in (None, size):
            raise AdapterError(f"{self.root_cid} holds a file that says it has {node.file_bytes} bytes, and has {size}")

    def _pieces(self, node: Node) -> Iterator[bytes]:
        ahead = [iter(node.links)]
        if node.content:
            yield node.content
        while ahead:
            link = next(ahead[-1], None)
            if link is None:
                ahead.pop()
                continue
            part = self.node(link)
            if part.kind not in _FILES or len(ahead) == _MOST_DEPTH:
                raise AdapterError(f"{self.root_cid} holds a file that is not made as files are")
            ahead.append(iter(part.links))
            if part.content:
                yield part.content

    def entries(self, folder: Node) -> list[Link]:
        """What is in a folder, in the order of names; no name leads out of it, none is there twice."""
        found: dict[bytes, Link] = {}
        for link in self._unsharded(folder):
            self._entries += 1
            if self._entries > self._limits.entries:
                raise AdapterError(f"{self.root_cid} holds more than {self._limits.entries} entries")
            self._check_name(link.name, found)
            found[link.name] = link
        return [found[name] for name in sorted(found)]

    def _unsharded(self, folder: Node) -> Iterator[Link]:
        if folder.kind is Kind.FOLDER:
            yield from folder.links
            return
        ahead = [(iter(folder.links), prefix_letters(folder.fanout))]
        while ahead:
            links, letters = ahead[-1]
            link = next(links, None)
            if link is None:
                ahead.pop()
            elif len(link.name) > letters:
                yield attrs.evolve(link, name=link.name[letters:])
            else:
                shard = self.node(link)
                if shard.kind is not Kind.SHARD or len(ahead) == _MOST_DEPTH:
                    raise AdapterError(f"{self.root_cid} holds a large folder that is not made as those are")
                ahead.append((iter(shard.links), prefix_letters(shard.fanout)))

    def _check_name(self, name: bytes, found: dict[bytes, Link]) -> None:
        shown = os.fsdecode(name)[:_SHOWN_NAME]
        if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
            raise AdapterError(f"{self.root_cid} holds the name {shown!r}, which no file or folder may have")
        if name in found:
            raise AdapterError(f"{self.root_cid} holds the name {shown!r} twice")

    def _read(self, cid: Cid) -> tuple[Node, bytes]:
        self._check()
        block = cid.inline if cid.inline is not None else self._get(cid)
        self._blocks += 1
        self._bytes += len(block)
        if self._blocks > self._limits.blocks:
            raise AdapterError(f"{self.root_cid} holds more than {self._limits.blocks} blocks")
        if len(block) > MOST_BLOCK_BYTES:
            raise AdapterError(f"block {cid} is larger than {MOST_BLOCK_BYTES} bytes")
        if not cid.proves(block):
            raise AdapterError(f"block {cid} is damaged: its bytes have another hash")
        if self._bytes > self._most_bytes:
            raise AdapterError(f"{self.root_cid} holds more than the {self._most_bytes} bytes that it says")
        try:
            return decode_block(cid, block), block
        except ValueError as exc:
            raise AdapterError(f"block {cid} cannot be read: {exc}") from None

    def walk(self, name: str) -> Iterator[tuple[str, Node]]:
        """Every file, folder and link, each folder before what is in it; `name` is the root's."""
        # A stack of our own: folders may be nested deeper than Python calls. It holds links and no content.
        ahead: list[tuple[str, Link | None, int]] = [(name, None, 0)]
        while ahead:
            name, link, depth = ahead.pop()
            node = self.root if link is None else self.node(link)
            yield name, node
            if node.kind not in _FOLDERS:
                continue
            if depth == self._limits.folder_depth:
                raise AdapterError(f"{self.root_cid} has more than {depth} folders in each other")
            for entry in reversed(self.entries(node)):
                ahead.append((f"{name}/{os.fsdecode(entry.name)}", entry, depth + 1))

    def save(self, path: Path) -> None:
        """Write the file or folder to `path`, where nothing is yet. Links are left out: none can lead out of it.

        Nothing is left there if it fails.
        """
        if path.exists():
            raise AdapterError(f"{path} exists already")
        try:
            for name, node in self.walk(str(path)):
                if node.kind in _FOLDERS:
                    Path(name).mkdir()
                elif node.kind is not Kind.SYMLINK or name == str(path):
                    self._save_file(node, Path(name))
        except BaseException as exc:
            remove_tree(path)
            if isinstance(exc, OSError):
                raise AdapterError(f"cannot write what is in {self.root_cid}: {exc.strerror or exc}") from exc
            raise

    def _save_file(self, node: Node, path: Path) -> None:
        with path.open("xb") as file:
            for piece in self.content(node):
                file.write(piece)
