"""An outside node."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from devstack.adapters.ipfs.cid import Cid
from devstack.adapters.ipfs.kubo import KuboNode, parse_address
from devstack.errors import AdapterError, UsageError
from devstack.http_api.serve import listen, serve

CID = Cid.of(b"x")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("/ip4/127.0.0.1/tcp/5001", "http://127.0.0.1:5001"),
        ("/ip4/127.0.0.1/tcp/5001/http", "http://127.0.0.1:5001"),
        ("/dns4/ipfs.example/tcp/443/https", "https://ipfs.example:443"),
        ("/ip6/::1/tcp/5001", "http://[::1]:5001"),
        ("http://localhost:5001", "http://localhost:5001"),
        ("https://ipfs.example/", "https://ipfs.example"),
    ],
)
def test_addresses(text: str, url: str):
    """Multiaddresses, as Bacalhau takes them, and URLs."""
    assert url == parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "localhost:5001", "ftp://x", "http://", "http://h:port", "http://h/api", "http://me:secret@h",
        "/ip4/127.0.0.1", "/ip4/300.0.0.1/tcp/1", "/ip4/127.0.0.1/udp/1", "/ip4/127.0.0.1/tcp/0", "/ip4/::1x/tcp/1",
        "/ip4/127.0.0.1/tcp/4001/p2p/QmPeer",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str):
    """With an example."""
    with pytest.raises(UsageError, match="is no address of an IPFS API") as caught:
        parse_address(text)
    assert "/ip4/127.0.0.1/tcp/5001" in caught.value.hint


async def answering(nursery: trio.Nursery, answer: Any) -> str:
    """The address of a server that gives this answer to everything."""

    async def handler(request: Request) -> Response:
        return answer() if callable(answer) and not isinstance(answer, Response) else answer

    app = Starlette(routes=[Route("/{path:path}", handler, methods=["POST"])])
    return f"http://127.0.0.1:{await nursery.start(partial(serve, app, listen('127.0.0.1', 0)))}"


async def reason(url: str, limit_s: float = 5.0) -> str:
    node = KuboNode(url, limit_s)
    with pytest.raises(AdapterError) as caught:
        await trio.to_thread.run_sync(node.get, CID)
    await node.aclose()
    return caught.value.message


async def test_an_error_of_the_node_is_told(nursery: trio.Nursery):
    """In its own words."""
    url = await answering(nursery, JSONResponse({"Message": "block was not found", "Code": 0}, status_code=500))
    assert f"the IPFS node at {url} says: block was not found" == await reason(url)
    url = await answering(nursery, Response("<html>", status_code=404))
    assert f"the IPFS node at {url} says: HTTP 404" == await reason(url)


async def test_an_endless_answer_is_cut_off(nursery: trio.Nursery):
    """No block is so large."""

    async def endless() -> Any:
        while True:
            yield bytes(65536)

    url = await answering(nursery, lambda: StreamingResponse(endless()))
    assert "answers with more than 2097152 bytes" in await reason(url)


async def test_a_node_that_does_not_answer_is_not_waited_for(nursery: trio.Nursery):
    """One line with the CID."""
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert f"the IPFS node at {url} did not answer within 0.05 s: {CID}" == await reason(url, 0.05)
    listener.close()
    assert f"no IPFS node answers at {url}" in await reason(url)


async def test_what_is_no_ipfs_node_is_found_out(nursery: trio.Nursery):
    """Some other server."""
    url = await answering(nursery, Response("hello"))
    node = KuboNode(url)
    with pytest.raises(AdapterError, match="is no IPFS node"):
        await node.version()
    await node.aclose()


async def test_a_node_that_stores_something_else_is_found_out(nursery: trio.Nursery):
    """The CID that it gives is held against ours."""
    url = await answering(nursery, JSONResponse({"Key": str(Cid.of(b"other")), "Size": 1}))
    node = KuboNode(url)
    with pytest.raises(AdapterError, match=f"instead of {CID}"):
        await trio.to_thread.run_sync(node.put, CID, b"x")
    await node.aclose()
