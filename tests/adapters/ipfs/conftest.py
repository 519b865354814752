"""A store, and a server that answers over it as Kubo does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio

from devstack.adapters.ipfs.rpc import rpc_app
from devstack.adapters.ipfs.store import BlockStore
from devstack.http_api.serve import listen, serve


@pytest.fixture
def block_store(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "ipfs")


@pytest.fixture
async def rpc_url(block_store: BlockStore, nursery: trio.Nursery) -> AsyncIterator[str]:
    """The address of a running server over the store."""
    port = await nursery.start(partial(serve, rpc_app(block_store), listen("127.0.0.1", 0)))
    yield f"http://127.0.0.1:{port}"
