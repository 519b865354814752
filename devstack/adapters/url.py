"""Input from the web: one file, kept under the name that its last address gives it."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote, urlsplit
from uuid import NAMESPACE_URL, uuid5

import trio

from devstack.adapters.source_params import check_source, text_param
from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput

if TYPE_CHECKING:
    import httpx

__all__ = ["UrlStorage", "check_url", "file_name"]

_ATTEMPTS: Final = 4
_MAX_REDIRECTS: Final = 10
_MAX_BYTES: Final = 16 * 1024**3
_CHUNK_BYTES: Final = 64 * 1024
_OK: Final = 200


class UrlStorage:
    """Source of the rules: compute reference 8.

    Args:
        retry_wait_s: Between two attempts; network errors and any status from 400 on are tried three times more.
        timeout_s: For an answer to begin, and again for its body to come.
        max_bytes: A longer body is an error.
        transport: Instead of the network.
    """

    key = "urldownload"

    def __init__(
        self,
        *,
        retry_wait_s: float = 1.0,
        timeout_s: float = 300.0,
        max_bytes: int = _MAX_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retry_wait_s = retry_wait_s
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._transport = transport

    async def size_bytes(self, source: SpecConfig) -> int:
        """What the server says to HEAD.

        Raises:
            AdapterError: it gives no length, or no answer but errors.
        """
        url = _url(source)
        async with self._client() as client:
            response = await self._answer(client, "HEAD", url)
            await response.aclose()
        if response.status_code != _OK:
            raise AdapterError(
                f"received non-OK response code {response.status_code} while fetching size of file download"
            )
        length = response.headers.get("content-length", "")
        if not length.isdecimal():
            raise AdapterError("content-length not provided by the server")
        return int(length)

    async def has_locally(self, source: SpecConfig) -> bool:
        return False

    async def prepare(self, source: InputSource, directory: Path) -> PreparedInput:
        """Download the file; it stands below the target under its own name.

        Raises:
            AdapterError: the download failed; nothing is left of it.
        """
        assert source.source is not None  # validation refuses an input without a source
        url = _url(source.source)
        async with self._client() as client:
            try:
                response = await self._answer(client, "GET", url)
            except AdapterError as exc:
                raise AdapterError(f"failed to begin download from url {url}: {exc}") from exc
            try:
                path = await self._save(response, url, directory)
            finally:
                await response.aclose()
        target = f"{source.target.rstrip('/')}/{path.name}"
        return PreparedInput(path, target, alias=source.alias, read_only=False, input_target=source.target)

    def _client(self) -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(
            transport=self._transport,
            verify=_tls_context(),
            mounts={"all://127.0.0.1": None, "all://localhost": None},  # Never through a proxy.
            follow_redirects=True,
            max_redirects=_MAX_REDIRECTS,
            timeout=None,
            # The file is wanted as it is, not as the transport may pack it.
            headers={"Accept-Encoding": "identity", "User-Agent": "devstack"},
        )

    async def _answer(self, client: httpx.AsyncClient, method: str, url: str) -> httpx.Response:
        """The first answer below 400, its body not yet read."""
        reason = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await trio.sleep(self._retry_wait_s)
            response, reason = await self._try(client, method, url)
            if response is not None:
                return response
        raise AdapterError(f"{method} {url} giving up after {_ATTEMPTS} attempt(s): {reason}")

    async def _try(self, client: httpx.AsyncClient, method: str, url: str) -> tuple[httpx.Response | None, str]:
        """One attempt: an answer, or why it is worth another one."""
        import httpx

        try:
            with trio.fail_after(self._timeout_s):
                response = await client.send(client.build_request(method, url), stream=True)
        except trio.TooSlowError:
            return None, f"no answer within {self._timeout_s:g} s"
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as exc:
            raise AdapterError(f"{method} {url}: {exc}") from exc
        except httpx.TransportError as exc:
            return None, str(exc) or type(exc).__name__
        if response.is_error:
            await response.aclose()
            return None, _status(response)
        return response, ""

    async def _save(self, response: httpx.Response, url: str, directory: Path) -> Path:
        import httpx

        if not response.is_success:
            raise AdapterError(f"non-200 response from URL ({url}): {_status(response)}")
        path = directory / file_name(response)
        try:
            with trio.fail_after(self._timeout_s):
                await self._copy_body(response, path)
        except (trio.TooSlowError, httpx.HTTPError, OSError) as exc:
            late = f"not complete within {self._timeout_s:g} s" if isinstance(exc, trio.TooSlowError) else ""
            reason = late or str(exc) or type(exc).__name__
            raise AdapterError(f"failed to download from url {url}: {reason}") from exc
        return path

    async def _copy_body(self, response: httpx.Response, path: Path) -> None:
        with path.open("wb") as file:
            try:
                body = cast("AsyncGenerator[bytes, None]", response.aiter_raw(_CHUNK_BYTES))
                async with aclosing(body) as chunks:
                    async for chunk in chunks:
                        file.write(chunk)
                        if file.tell() > self._max_bytes:
                            raise OSError(f"the file is longer than {self._max_bytes} bytes")
            except BaseException:
                path.unlink(missing_ok=True)
                raise


def check_url(text: str) -> str:
    """The URL without the quotes and blanks around it.

    Raises:
        AdapterError: it cannot be downloaded. The texts are Bacalhau's.
    """
    url = text.strip(" '\"")
    if not url:
        raise AdapterError("invalid url storage params: url cannot be empty")
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise AdapterError(f"invalid url storage params: {exc}") from exc
    if parts.scheme not in ("http", "https"):
        raise AdapterError(f"URLs must begin with 'http' or 'https'. The submitted one began with {parts.scheme}")
    if not parts.path:
        raise AdapterError("URL must end with a file name")
    return url


def _url(source: SpecConfig) -> str:
    check_source(source, "urlDownload")
    return check_url(text_param(source, "URL", "url storage params"))


@cache
def _tls_context() -> ssl.SSLContext:
    # Made once: it reads all certificates, which takes longer than a small download.
    return ssl.create_default_context()


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".rstrip()


# ---- the name of the file ----------------------------------------------------------------------------------

_EXTENDED_NAME: Final = re.compile(r"filename\*\s*=\s*([\w-]*)'[^']*'([^;\s]+)", re.IGNORECASE)
_QUOTED_NAME: Final = re.compile(r'filename\s*=\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_BARE_NAME: Final = re.compile(r"filename\s*=\s*([^;\s\"]+)", re.IGNORECASE)


def file_name(response: httpx.Response) -> str:
    """Under which name the body is kept: never a path.

    The last segment of the final address; after a redirect the name that the server gives goes before.
    """
    given = _base_name(_disposition_name(response.headers.get("content-disposition", ""))) if response.history else ""
    # Bacalhau draws a random name where there is none; ours hangs on the address, so that a run can be repeated.
    return given or _base_name(response.url.path) or str(uuid5(NAMESPACE_URL, str(response.url)))


def _disposition_name(header: str) -> str:
    if found := _EXTENDED_NAME.search(header):
        charset = found[1].lower() if found[1].lower() in ("utf-8", "iso-8859-1") else "utf-8"
        return unquote(found[2], encoding=charset, errors="replace")
    if found := _QUOTED_NAME.search(header):
        return re.sub(r"\\(.)", r"\1", found[1])
    return found[1] if (found := _BARE_NAME.search(header)) else ""


def _base_name(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2]
    return "" if name in (".", "..") or "\0" in name else name
