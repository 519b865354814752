"""An outside IPFS node, through Kubo's RPC API.

Block by block: what comes is proved by its hash, and what goes is cut here as for the embedded store, so that the CID
of a result does not depend on where it is kept. A tree is pinned when all of it is there; what was put before that and
is not pinned goes with the node's next clean-up.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import trio

from devstack.adapters.ipfs.cid import DAG_PB, Cid, parse_cid
from devstack.adapters.ipfs.node import MOST_BLOCK_BYTES
from devstack.adapters.ipfs.store import Adding
from devstack.errors import AdapterError, UsageError

if TYPE_CHECKING:
    import httpx

__all__ = ["KuboNode", "parse_address"]

_LIMIT_S: Final = 120.0
_OK: Final = 200
_HOSTS: Final = ("ip4", "ip6", "dns", "dns4", "dns6")
_EXAMPLE: Final = "write it as /ip4/127.0.0.1/tcp/5001 or http://127.0.0.1:5001"


def parse_address(text: str) -> str:
    """The URL of an IPFS node's API, from a multiaddress or a URL.

    Raises:
        UsageError: it is neither.
    """
    try:
        return _from_multiaddress(text) if text.startswith("/") else _from_url(text)
    except ValueError as exc:
        raise UsageError(f"--ipfs-connect {text} is no address of an IPFS API: {exc}", _EXAMPLE) from None


def _from_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is neither a multiaddress nor a URL with http or https")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("there must be nothing but a host and a port")
    _ = parts.port  # Is a ValueError if it is none.
    return f"{parts.scheme}://{parts.netloc}"


def _from_multiaddress(text: str) -> str:
    words = text.strip("/").split("/")
    scheme = words.pop() if words[-1] in ("http", "https") else "http"
    if len(words) != 4 or words[0] not in _HOSTS or words[2] != "tcp":
        raise ValueError("a multiaddress of it has a host and a tcp port")
    kind, host, _, port = words
    if kind in ("ip4", "ip6"):
        address = ipaddress.ip_address(host)
        host = f"[{host}]" if address.version == 6 else host
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(f"{port} is no port")
    return f"{scheme}://{host}:{port}"


class KuboNode:
    """The Content of an outside node.

    Args:
        url: Of its API, as `parse_address` gives it.
        limit_s: For each answer; a node looks for what it does not have on the whole network.
    """

    def __init__(self, url: str, limit_s: float = _LIMIT_S) -> None:
        self._url = url
        self._limit_s = limit_s
        self._made_client: httpx.AsyncClient | None = None

    async def version(self) -> str:
        """What the node calls itself.

        Raises:
            AdapterError: none answers there.
        """
        return str(self._json(await self._call("version", {})).get("Version", ""))

    async def aclose(self) -> None:
        if self._made_client is not None:
            await self._made_client.aclose()

    # ---- in worker threads ---------------------------------------------------------------------------------

    def get(self, cid: Cid) -> bytes:
        return trio.from_thread.run(self._call, "block/get", {"arg": str(cid)})

    def has(self, cid: Cid) -> bool:
        try:
            trio.from_thread.run(self._call, "block/stat", {"arg": str(cid), "offline": "true"})
        except _RefusedError:
            return False
        return True

    @contextmanager
    def adding(self) -> Iterator[Adding]:
        yield self

    def put(self, cid: Cid, block: bytes) -> None:
        codec = "dag-pb" if cid.codec == DAG_PB else "raw"
        answer = trio.from_thread.run(self._call, "block/put", {"cid-codec": codec, "mhtype": "sha2-256"}, block)
        stored = str(self._json(answer).get("Key", ""))
        if parse_cid(stored).multihash != cid.multihash:
            raise AdapterError(f"the IPFS node at {self._url} has stored {stored} instead of {cid}")

    def keep(self, root: Cid) -> None:
        trio.from_thread.run(self._call, "pin/add", {"arg": str(root), "recursive": "true"})

    # ---- HTTP ----------------------------------------------------------------------------------------------

    async def _call(self, route: str, params: Mapping[str, str], body: bytes | None = None) -> bytes:
        import httpx

        files = None if body is None else {"data": ("block", body, "application/octet-stream")}
        try:
            with trio.fail_after(self._limit_s):
                async with self._client().stream("POST", f"/api/v0/{route}", params=params, files=files) as response:
                    content = await self._content(response)
        except trio.TooSlowError:
            wanted = params.get("arg", route)
            raise AdapterError(
                f"the IPFS node at {self._url} did not answer within {self._limit_s:g} s: {wanted}"
            ) from None
        except (httpx.HTTPError, OSError) as exc:
            raise AdapterError(
                f"no IPFS node answers at {self._url}: {exc or type(exc).__name__}", "start it: `ipfs daemon`"
            ) from None
        if response.status_code != _OK:
            raise _RefusedError(f"the IPFS node at {self._url} says: {_said(content, response.status_code)}")
        return content

    async def _content(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for part in response.aiter_bytes():
            content += part
            if len(content) > MOST_BLOCK_BYTES:
                raise AdapterError(f"the IPFS node at {self._url} answers with more than {MOST_BLOCK_BYTES} bytes")
        return bytes(content)

    def _client(self) -> httpx.AsyncClient:
        import httpx

        if self._made_client is None:
            # Never through a proxy: the API of an IPFS node is for its own machine or network.
            self._made_client = httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=None)
        return self._made_client

    def _json(self, content: bytes) -> dict[str, Any]:
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise AdapterError(f"what answers at {self._url} is no IPFS node")
        return value


class _RefusedError(AdapterError):
    """The node has answered, but not with what was wanted."""


def _said(content: bytes, status: int) -> str:
    try:
        return str(json.loads(content)["Message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"
