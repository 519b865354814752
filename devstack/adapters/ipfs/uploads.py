"""Files that come in a form, as Kubo's clients send them: names with slashes make folders.

Folders are parts of their own kind, or are only meant by the names of what is in them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol
from urllib.parse import unquote_to_bytes

import attrs
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Message

from devstack.adapters.ipfs.add import add_file, add_folder, put_node
from devstack.adapters.ipfs.cid import Cid
from devstack.adapters.ipfs.node import MOST_BLOCK_BYTES, Kind, Link, Node
from devstack.adapters.ipfs.store import Adding
from devstack.errors import AdapterError

__all__ = ["MOST_BYTES", "NOWHERE", "add_uploads", "uploads_of"]

MOST_BYTES: Final = 16 * 1024**3
_MOST_FILES: Final = 20_000
_MOST_DEPTH: Final = 100
_FOLDER_TYPE: Final = "application/x-directory"
_LINK_TYPES: Final = ("application/symlink", "application/x-symlink")
_Tree = dict[bytes, Any]  # Of Links, and of trees like this one.

# What is wrong in a form is answered to who sent it; without a handler it is written on our terminal as well.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


class _Nowhere:
    """Takes blocks of which only the names are wanted."""

    @contextmanager
    def adding(self) -> Iterator[Adding]:
        yield self

    def put(self, cid: Cid, block: bytes) -> None:
        """Nothing."""

    def keep(self, root: Cid) -> None:
        """Nothing."""


NOWHERE: Final = _Nowhere()


class _Store(Protocol):
    def adding(self) -> AbstractContextManager[Adding]: ...


async def uploads_of(request: Request) -> list[UploadFile]:
    """The files of a form; they wait on the disk, without a name."""
    left = MOST_BYTES

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise AdapterError(f"one call adds at most {MOST_BYTES} bytes")
        return message

    form = await Request(request.scope, receive).form(max_files=_MOST_FILES)
    uploads = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
    if not uploads:
        raise AdapterError("there is no file to add", "send a form with files: curl -F file=@NAME")
    return uploads


def add_uploads(uploads: list[UploadFile], wrap: bool, into: _Store) -> list[dict[str, str]]:
    """Add them all or none; what Kubo says of each file, and of each folder after what is in it.

    Args:
        wrap: Put them into a folder without a name.

    Raises:
        AdapterError: a name leads out of the folder, or the store does not take them.
    """
    added: list[dict[str, str]] = []
    tree: _Tree = {}
    with into.adding() as store:
        for upload in uploads:
            names = _names(upload.filename or "")
            if upload.content_type == _FOLDER_TYPE:
                wrap = wrap or not names
                _folder(tree, names)
                continue
            link = _added(upload, store)
            names = names or [str(link.cid).encode()]  # A file without a name is called by its CID.
            _folder(tree, names[:-1])[names[-1]] = link
            added.append(_event(names, link))
        roots = _folded(tree, [], store, added)
        if wrap:
            roots = [add_folder(roots, store.put)]
            added.append(_event([], roots[0]))
        for root in roots:
            store.keep(root.cid)
    return added


def _added(upload: UploadFile, store: Adding) -> Link:
    if upload.content_type in _LINK_TYPES:
        return put_node(Node(Kind.SYMLINK, upload.file.read(MOST_BLOCK_BYTES // 2)), store.put)
    return add_file(upload.file, store.put)


def _names(filename: str) -> list[bytes]:
    names = [name for name in unquote_to_bytes(filename).split(b"/") if name]
    if b"." in names or b".." in names or any(b"\0" in name for name in names) or len(names) > _MOST_DEPTH:
        raise AdapterError(f"{filename!r} is no name of a file to add")
    return names


def _folder(tree: _Tree, names: list[bytes]) -> _Tree:
    for name in names:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise AdapterError(f"{name.decode(errors='replace')} is a file and a folder")
    return tree


def _folded(tree: _Tree, path: list[bytes], store: Adding, added: list[dict[str, str]]) -> list[Link]:
    links = []
    for name, value in tree.items():
        here = [*path, name]
        if isinstance(value, dict):
            value = add_folder(_folded(value, here, store, added), store.put)
            added.append(_event(here, value))
        links.append(attrs.evolve(value, name=name))
    return links


def _event(names: list[bytes], link: Link) -> dict[str, str]:
    return {"Name": b"/".join(names).decode(errors="replace"), "Hash": str(link.cid), "Size": str(link.total_bytes)}
