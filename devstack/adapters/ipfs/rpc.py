"""The few routes of Kubo's RPC API that clients need, over the embedded store.

As at Kubo everything is a POST, and nothing is answered to a page of another site that a browser shows: whoever may
ask may also add. Errors are Kubo's objects with status 500.

Source: Kubo's RPC API v0, 0.29.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, Final, TypeVar

import attrs
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import devstack
from devstack.adapters.ipfs.cid import DAG_PB, RAW, Cid, parse_cid
from devstack.adapters.ipfs.node import MOST_BLOCK_BYTES, Kind, Node
from devstack.adapters.ipfs.read import Reader
from devstack.adapters.ipfs.store import BlockStore
from devstack.adapters.ipfs.uploads import MOST_BYTES, NOWHERE, add_uploads, uploads_of
from devstack.errors import AdapterError

__all__ = ["rpc_app"]

_T = TypeVar("_T")
_Handler = Callable[[Request], Awaitable[Response]]
_API_VERSION: Final = "0.29.0"
# What would give other CIDs than those of Kubo's defaults, and the one value that each may have.
_FIXED: Final = {
    "chunker": "size-262144", "cid-version": "0", "hash": "sha2-256", "raw-leaves": "false", "trickle": "false",
    "inline": "false", "nocopy": "false", "preserve-mode": "false", "preserve-mtime": "false",
}  # fmt: skip
_TYPES: Final = {Kind.FOLDER: 1, Kind.SHARD: 1, Kind.SYMLINK: 4}
_FILE_TYPE: Final = 2


def rpc_app(store: BlockStore) -> Starlette:
    """The API as an application."""
    api = _Api(store)
    handlers: Mapping[str, _Handler] = {
        "id": api.id, "version": api.version, "add": api.add, "cat": api.cat, "get": api.get, "ls": api.ls,
        "files/stat": api.stat, "block/get": api.block_get, "block/stat": api.block_stat, "block/put": api.block_put,
        "pin/add": api.pin_add,
    }  # fmt: skip
    return Starlette(
        routes=[
            Route(f"/api/v0/{name}", _guarded(handler), methods=["POST"]) for name, handler in handlers.items()
        ]
    )  # fmt: skip


def _guarded(handler: _Handler) -> _Handler:
    async def guarded(request: Request) -> Response:
        if "origin" in request.headers or "referer" in request.headers:
            return PlainTextResponse("403 - Forbidden\n", status_code=403)
        try:
            return await handler(request)
        except AdapterError as exc:
            return JSONResponse({"Message": exc.message, "Code": 0, "Type": "error"}, status_code=500)

    return guarded


class _Api:
    def __init__(self, store: BlockStore) -> None:
        self._store = store

    # ---- what there is -------------------------------------------------------------------------------------

    async def id(self, request: Request) -> Response:
        agent = f"devstack/{devstack.__version__}"
        peer = str(Cid.of(agent.encode()))
        return JSONResponse({"ID": peer, "PublicKey": "", "Addresses": [], "AgentVersion": agent, "Protocols": []})

    async def version(self, request: Request) -> Response:
        return JSONResponse({"Version": _API_VERSION, "Commit": "devstack", "Repo": "15", "System": "", "Golang": ""})

    # ---- reading -------------------------------------------------------------------------------------------

    async def cat(self, request: Request) -> Response:
        reader = await _in_thread(lambda: self._reader(request))
        skipped, length = _number(request, "offset", 0), _number(request, "length", MOST_BYTES)
        pieces = _cut(reader.content(reader.root), skipped, length)
        # What is wrong with the first piece can still be said.
        first = await _in_thread(lambda: next(pieces, b""))
        return StreamingResponse(chain((first,), pieces), media_type="text/plain", headers={"X-Stream-Output": "1"})

    async def get(self, request: Request) -> Response:
        if request.query_params.get("compress") == "true":
            raise AdapterError("compressed archives are not given")
        reader = await _in_thread(lambda: self._reader(request))
        return StreamingResponse(_tar(reader), media_type="application/x-tar")

    async def ls(self, request: Request) -> Response:
        reader = await _in_thread(lambda: self._reader(request))
        links = await _in_thread(partial(_listed, reader))
        arg = request.query_params["arg"]
        if request.query_params.get("stream") == "true":
            return _lines({"Objects": [{"Hash": arg, "Links": [link]}]} for link in links)
        return JSONResponse({"Objects": [{"Hash": arg, "Links": links}]})

    async def stat(self, request: Request) -> Response:
        reader = await _in_thread(lambda: self._reader(request))
        kind, size = ("directory", 0) if reader.is_folder else ("file", reader.root.file_bytes or 0)
        return JSONResponse(
            {"Hash": str(reader.root_cid), "Size": size, "CumulativeSize": reader.total_bytes,
             "Blocks": len(reader.root.links), "Type": kind}
        )  # fmt: skip

    def _reader(self, request: Request) -> Reader:
        """Of what the argument names: a CID, and perhaps a path below it."""
        arg = request.query_params.get("arg", "")
        cid, *names = arg.removeprefix("ipfs://").removeprefix("/ipfs/").rstrip("/").split("/")
        reader = Reader(self._store.get, parse_cid(cid))
        for name in names:
            entries = reader.entries(reader.root) if reader.is_folder else []
            found = next((link for link in entries if link.name == name.encode()), None)
            if found is None:
                raise AdapterError(f'no link named "{name}" under {reader.root_cid}')
            reader = Reader(self._store.get, found.cid)
        return reader

    # ---- adding --------------------------------------------------------------------------------------------

    async def add(self, request: Request) -> Response:
        for name, value in _FIXED.items():
            if request.query_params.get(name, value) != value:
                raise AdapterError(f"{name}={request.query_params[name]} is not done here, only {name}={value}")
        uploads = await uploads_of(request)
        store = NOWHERE if request.query_params.get("only-hash") == "true" else self._store
        wrap = request.query_params.get("wrap-with-directory") == "true"
        return _lines(await _in_thread(lambda: add_uploads(uploads, wrap, store)))

    # ---- blocks --------------------------------------------------------------------------------------------

    async def block_get(self, request: Request) -> Response:
        return Response(await _in_thread(lambda: self._block(request)), media_type="application/octet-stream")

    async def block_stat(self, request: Request) -> Response:
        size = len(await _in_thread(lambda: self._block(request)))
        return JSONResponse({"Key": request.query_params["arg"], "Size": size})

    async def block_put(self, request: Request) -> Response:
        (upload, *_) = await uploads_of(request)
        block = await upload.read(MOST_BLOCK_BYTES + 1)
        if len(block) > MOST_BLOCK_BYTES:
            raise AdapterError(f"a block has at most {MOST_BLOCK_BYTES} bytes")
        codec = {"dag-pb": DAG_PB, "raw": RAW}.get(request.query_params.get("cid-codec", "raw"))
        if codec is None or request.query_params.get("mhtype", "sha2-256") != "sha2-256":
            raise AdapterError("blocks are dag-pb or raw here, and hashed with sha2-256")
        cid = attrs.evolve(Cid.of(block, codec), version=1)
        await _in_thread(lambda: self._put(cid, block))
        return JSONResponse({"Key": str(cid), "Size": len(block)})

    async def pin_add(self, request: Request) -> Response:
        """Nothing is ever cleaned up here, so all is pinned; but it must be whole."""
        reader = await _in_thread(lambda: self._reader(request))
        await _in_thread(lambda: _read_all(reader))
        return JSONResponse({"Pins": [str(reader.root_cid)]})

    def _block(self, request: Request) -> bytes:
        cid = parse_cid(request.query_params.get("arg", ""))
        return cid.inline if cid.inline is not None else self._store.get(cid)

    def _put(self, cid: Cid, block: bytes) -> None:
        with self._store.adding() as adding:
            adding.put(cid, block)
            adding.keep(cid)


# ---- what goes ---------------------------------------------------------------------------------------------


def _lines(values: Iterable[Any]) -> Response:
    lines = (json.dumps(value) + "\n" for value in values)
    return Response("".join(lines), media_type="application/json", headers={"X-Chunked-Output": "1"})


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if text and not text.isdecimal():
        raise AdapterError(f"{name} must be a number, not {text}")
    return int(text) if text else default


def _cut(pieces: Iterator[bytes], skipped: int, length: int) -> Iterator[bytes]:
    for piece in pieces:
        wanted = piece[skipped : skipped + length]
        skipped = max(0, skipped - len(piece))
        length -= len(wanted)
        if wanted:
            yield wanted
        if not length:
            return


def _listed(reader: Reader) -> list[dict[str, Any]]:
    """What is in the folder; of a file the file itself, without a name."""
    if not reader.is_folder:
        return [_entry("", reader.root_cid, reader.root)]
    links = reader.entries(reader.root)
    return [_entry(link.name.decode(errors="replace"), link.cid, reader.node(link)) for link in links]


def _entry(name: str, cid: Cid, node: Node) -> dict[str, Any]:
    kind = _TYPES.get(node.kind, _FILE_TYPE)
    target = node.content.decode(errors="replace") if node.kind is Kind.SYMLINK else ""
    size = (node.file_bytes or 0) if kind == _FILE_TYPE else 0
    return {"Name": name, "Hash": str(cid), "Size": size, "Type": kind, "Target": target}


def _read_all(reader: Reader) -> None:
    for _, node in reader.walk(""):
        if node.kind in (Kind.FILE, Kind.RAW):
            for _ in reader.content(node):
                pass


def _tar(reader: Reader) -> Iterator[bytes]:
    """What is below the root, named by its CID, as a tar archive."""
    for name, node in reader.walk(str(reader.root_cid)):
        header = tarfile.TarInfo(name)
        header.mode = 0o755 if node.kind in (Kind.FOLDER, Kind.SHARD) else 0o644
        if node.kind is Kind.SYMLINK:
            header.type, header.linkname = tarfile.SYMTYPE, node.content.decode(errors="surrogateescape")
        elif node.kind in (Kind.FOLDER, Kind.SHARD):
            header.type = tarfile.DIRTYPE
        else:
            header.size = node.file_bytes or 0
        yield header.tobuf(tarfile.PAX_FORMAT)
        if header.isreg():
            yield from reader.content(node)
            yield bytes(-header.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


async def _in_thread(function: Callable[[], _T]) -> _T:
    return await trio.to_thread.run_sync(function)
