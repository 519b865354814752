"""The embedded store: blocks in a folder of this disk, each under its hash.

What is added is staged first, and moved to the others when its root is known: a root that is here has all of its
blocks here, whatever ended the work. Several may add and read at once, from any thread.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from devstack.adapters.ipfs.cid import Cid
from devstack.errors import AdapterError

__all__ = ["Adding", "BlockStore", "Content"]

_MOST_BYTES: Final = 64 * 1024**3


class Adding(Protocol):
    """One tree on its way into a store."""

    def put(self, cid: Cid, block: bytes) -> None: ...

    def keep(self, root: Cid) -> None:
        """All of the tree is put; without this call nothing of it stays."""


class Content(Protocol):
    """Where blocks are: the embedded store, or an outside IPFS node. Methods are called in worker threads of trio.

    Raises:
        AdapterError: (all methods) it is not there, or cannot be had.
    """

    def get(self, cid: Cid) -> bytes: ...

    def has(self, cid: Cid) -> bool:
        """Whether it is there without a download."""

    @contextmanager
    def adding(self) -> Iterator[Adding]: ...


class BlockStore:
    """Blocks in `directory`, which is made when it is first needed, and is this store's alone.

    Args:
        max_bytes: All blocks together; what does not fit is refused.
    """

    def __init__(self, directory: Path, max_bytes: int = _MOST_BYTES) -> None:
        self._blocks = directory / "blocks"
        self._staging = directory / "staging"
        self._max_bytes = max_bytes
        self._used_bytes: int | None = None
        self._lock = Lock()

    def get(self, cid: Cid) -> bytes:
        try:
            return self._path(cid).read_bytes()
        except FileNotFoundError:
            raise AdapterError(
                f'the IPFS store of this stack does not have the content "{cid}"',
                "add it with the IPFS publisher, or with `ipfs add` and --ipfs-port",
            ) from None
        except OSError as exc:
            raise AdapterError(f"cannot read the IPFS block {cid}: {exc.strerror or exc}") from exc

    def has(self, cid: Cid) -> bool:
        return cid.inline is not None or self._path(cid).is_file()

    @property
    def used_bytes(self) -> int:
        """Of all blocks, those that are staged too."""
        with self._lock:
            return self._counted()

    @contextmanager
    def adding(self) -> Iterator[Adding]:
        adding = _Staged(self, self._new_staging())
        try:
            yield adding
        finally:
            adding.discard()

    def _path(self, cid: Cid) -> Path:
        name = cid.multihash.hex()
        return self._blocks / name[-2:] / name

    def _new_staging(self) -> Path:
        try:
            _ = self.used_bytes
            self._staging.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(dir=self._staging))
        except OSError as exc:
            raise _unwritten(exc) from exc

    def _counted(self) -> int:
        if self._used_bytes is None:
            # Nobody has added anything: what is staged is of a stack that was killed.
            shutil.rmtree(self._staging, ignore_errors=True)
            files = self._blocks.glob("*/*")
            self._used_bytes = sum(path.stat().st_size for path in files if path.is_file())
        return self._used_bytes

    def take_room(self, size: int) -> None:
        """Count `size` bytes more, or less.

        Raises:
            AdapterError: they do not fit.
        """
        with self._lock:
            used_bytes = self._counted() + size
            if size > 0 and used_bytes > self._max_bytes:
                raise AdapterError(
                    f"the IPFS store of this stack is full: it holds {self._max_bytes} bytes",
                    "start a new stack, or use an outside IPFS node: --ipfs-connect",
                )
            self._used_bytes = used_bytes

    def move_here(self, cid: Cid, staged: Path) -> bool:
        """Whether the block was moved; another one may have brought it meanwhile."""
        path = self._path(cid)
        if path.exists():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(path)
        return True


class _Staged:
    def __init__(self, store: BlockStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._sizes: dict[Cid, int] = {}  # In the order in which they were put: the root is the last.

    def put(self, cid: Cid, block: bytes) -> None:
        if cid in self._sizes or self._store.has(cid):
            return
        self._store.take_room(len(block))
        self._sizes[cid] = len(block)
        try:
            self._staged(cid).write_bytes(block)
        except OSError as exc:
            raise _unwritten(exc) from exc

    def keep(self, root: Cid) -> None:
        try:
            for cid in list(self._sizes):
                if self._store.move_here(cid, self._staged(cid)):
                    del self._sizes[cid]
        except OSError as exc:
            raise _unwritten(exc) from exc
        assert self._store.has(root)

    def discard(self) -> None:
        """Nothing staged stays."""
        self._store.take_room(-sum(self._sizes.values()))
        self._sizes.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _staged(self, cid: Cid) -> Path:
        return self._folder / cid.multihash.hex()


def _unwritten(error: OSError) -> AdapterError:
    return AdapterError(f"cannot write to the IPFS store of this stack: {error.strerror or error}")
