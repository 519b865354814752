"""Fetching what a stack has published, from another process: blocks over HTTP, each proved by its hash.

The stack answers `GET /ipfs/CID?format=raw`, as trustless gateways of IPFS do.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from devstack.adapters.ipfs.cid import Cid, parse_cid
from devstack.adapters.ipfs.node import MOST_BLOCK_BYTES
from devstack.adapters.ipfs.read import DEFAULT_LIMITS, Reader
from devstack.errors import AdapterError

__all__ = ["BLOCK_TYPE", "fetch"]

BLOCK_TYPE: Final = "application/vnd.ipld.raw"
_NOT_FOUND: Final = 404


def fetch(
    cid: str,
    path: Path,
    gateway_url: str,
    *,
    limit_s: float = 300.0,
    progress: Callable[[int], object] = lambda n: None,
) -> None:
    """Save the file or folder with that CID at `path`, where nothing is yet.

    Args:
        gateway_url: Of a stack, or any trustless gateway, such as `http://127.0.0.1:1234`.
        limit_s: For each block.
        progress: Is told the bytes of each block that has come.

    Raises:
        AdapterError: it cannot be had, or holds what no folder may hold; nothing is left at `path`.
    """
    # A proxy of the environment has no business between us and a stack on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(block: Cid) -> bytes:
        url = f"{gateway_url.rstrip('/')}/ipfs/{block}?format=raw"
        try:
            with opener.open(urllib.request.Request(url, headers={"Accept": BLOCK_TYPE}), timeout=limit_s) as answer:
                content: bytes = answer.read(MOST_BLOCK_BYTES + 1)
        except urllib.error.HTTPError as exc:
            reason = "the stack does not have it" if exc.code == _NOT_FOUND else f"{exc.code} {exc.reason}"
            raise AdapterError(f"could not fetch the IPFS block {block}: {reason}") from None
        except (OSError, ValueError) as exc:
            raise AdapterError(f"could not fetch {url}: {getattr(exc, 'reason', exc)}") from None
        progress(len(content))
        return content

    Reader(get, parse_cid(cid), DEFAULT_LIMITS).save(path)
