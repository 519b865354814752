"""Blocks in memory, and trees that were made by somebody who wishes no good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from devstack.adapters.ipfs.add import add_path
from devstack.adapters.ipfs.cid import Cid
from devstack.adapters.ipfs.node import Kind, Link, Node
from devstack.adapters.ipfs.store import Adding
from devstack.errors import AdapterError


@attrs.define
class MemoryContent:
    """A Content that keeps what it is given, whole trees or not."""

    blocks: dict[bytes, bytes] = attrs.field(factory=dict)

    def get(self, cid: Cid) -> bytes:
        try:
            return self.blocks[cid.multihash]
        except KeyError:
            raise AdapterError(f"no block {cid}") from None

    def has(self, cid: Cid) -> bool:
        return cid.multihash in self.blocks

    @contextmanager
    def adding(self) -> Iterator[Adding]:
        yield self

    def put(self, cid: Cid, block: bytes) -> None:
        self.blocks[cid.multihash] = block

    def keep(self, root: Cid) -> None:
        assert self.has(root)

    def add(self, path: Path) -> Cid:
        return add_path(path, self.put).cid

    def node(self, node: Node, name: bytes = b"", total_bytes: int | None = None) -> Link:
        """A link to that node, kept; it may lie about its size."""
        block = node.encode()
        cid = Cid.of(block)
        self.put(cid, block)
        return Link(cid, name, node.total_bytes(block) if total_bytes is None else total_bytes)

    def file(self, content: bytes, name: bytes = b"") -> Link:
        return self.node(Node(Kind.FILE, content, file_bytes=len(content)), name)

    def folder(self, *links: Link, name: bytes = b"") -> Link:
        return self.node(Node(Kind.FOLDER, links=links), name)


def content_of(path: Path) -> dict[str, bytes | str | None]:
    """Everything below: bytes of files, targets of links, None for folders."""
    return {
        str(child.relative_to(path)): str(child.readlink())
        if child.is_symlink()
        else None
        if child.is_dir()
        else child.read_bytes()
        for child in path.rglob("*")
    }
