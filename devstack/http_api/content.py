"""IPFS content, block by block, as trustless gateways of IPFS give it: whoever asks proves each block by its hash.

It is no part of the API's document: the path, and what is answered, are those of IPFS's own specification.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from devstack.adapters.ipfs.cid import parse_cid
from devstack.adapters.ipfs.gateway import BLOCK_TYPE
from devstack.errors import AdapterError
from devstack.http_api.backend import Backend
from devstack.http_api.call import Call, Resource, header
from devstack.http_api.errors import RefusedError
from devstack.http_api.operation import operation

__all__ = ["content_route"]

_HEADERS: Final = {"Cache-Control": "public, max-age=29030400, immutable", "X-Content-Type-Options": "nosniff"}


def content_route(backend: Backend) -> Route:
    return Route("/ipfs/{id}", Resource(backend, {"GET": ipfs_block}))


@operation(bytes, path_id="a CID")
async def ipfs_block(call: Call) -> Response:
    """One block of IPFS content."""
    if call.scope["query_string"] != b"format=raw" and BLOCK_TYPE.encode() not in header(call.scope, b"accept"):
        raise RefusedError(406, "only blocks are given here: add ?format=raw")
    try:
        cid = parse_cid(call.id)
    except AdapterError as exc:
        raise RefusedError(400, exc.message) from None
    return Response(await call.backend.ipfs_block(cid), media_type=BLOCK_TYPE, headers=_HEADERS)
