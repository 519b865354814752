"""The input source `ipfs` and the publisher `ipfs`. Source of the rules: compute reference 8, 9."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import trio

from devstack.adapters.ipfs.add import add_path
from devstack.adapters.ipfs.cid import Cid, parse_cid
from devstack.adapters.ipfs.read import Reader
from devstack.adapters.ipfs.store import Content
from devstack.adapters.source_params import check_source, text_param
from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput

__all__ = ["IpfsPublisher", "IpfsStorage", "cid_of"]

_T = TypeVar("_T")
_LIMIT_S: Final = 120.0


class IpfsStorage:
    """Input by its CID: a file or folder, in a copy that is the job's own.

    Args:
        limit_s: For the size to be known.
    """

    key = "ipfs"

    def __init__(self, content: Content, limit_s: float = _LIMIT_S) -> None:
        self._content = content
        self._limit_s = limit_s

    async def size_bytes(self, source: SpecConfig) -> int:
        """The bytes of all its blocks, as its root says: Kubo's cumulative size.

        Raises:
            AdapterError: the parameters name no CID, or nobody has it.
        """
        cid = cid_of(source)
        try:
            with trio.fail_after(self._limit_s):
                return await _in_thread(lambda: Reader(self._content.get, cid).total_bytes)
        except trio.TooSlowError:
            raise AdapterError(
                f'IPFS storage provider was unable to retrieve content "{cid}" before timeout {self._limit_s:g} s'
            ) from None

    async def has_locally(self, source: SpecConfig) -> bool:
        cid = cid_of(source)
        return await _in_thread(lambda: self._content.has(cid))

    async def prepare(self, source: InputSource, directory: Path) -> PreparedInput:
        """A file stands at the target itself, of a folder its entries stand below it.

        Raises:
            AdapterError: it cannot be had whole, or holds what no folder may hold; nothing is left of it.
        """
        assert source.source is not None  # validation refuses an input without a source
        cid = cid_of(source.source)
        path = directory / str(cid)
        check = trio.from_thread.check_cancelled
        await _in_thread(lambda: Reader(self._content.get, cid, check=check).save(path))
        return PreparedInput(path, source.target, alias=source.alias, read_only=False, input_target=source.target)


class IpfsPublisher:
    """Adds the results as a folder; the answer is its CID."""

    key = "ipfs"

    def __init__(self, content: Content) -> None:
        self._content = content

    async def publish(
        self, spec: SpecConfig, execution_id: str, job_id: str, node_id: str, results_dir: Path
    ) -> SpecConfig:
        """Add the folder off the event loop; a result that is told of is there with all its blocks.

        Raises:
            AdapterError: a file could not be read, or the store not be written.
        """
        try:
            root = await _in_thread(lambda: self._add(results_dir))
        except OSError as exc:
            raise AdapterError(f"cannot read the results of {execution_id}: {exc.strerror or exc}") from exc
        return SpecConfig("ipfs", {"CID": str(root)})

    def _add(self, results_dir: Path) -> Cid:
        with self._content.adding() as adding:
            root = add_path(results_dir, adding.put, check=trio.from_thread.check_cancelled).cid
            adding.keep(root)
        return root


def cid_of(source: SpecConfig) -> Cid:
    """The CID that the parameters of an `ipfs` source name.

    Raises:
        AdapterError: they name none.
    """
    check_source(source, "ipfs")
    text = text_param(source, "CID", "ipfs params")
    if not text.strip():
        raise AdapterError("invalid ipfs params. cid cannot be empty")
    return parse_cid(text)


async def _in_thread(function: Callable[[], _T]) -> _T:
    return await trio.to_thread.run_sync(function)
