"""The files that an execution has published, for scripts that look into them or hand them on."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlsplit

import trio

from devstack.errors import AdapterError
from devstack.models.job import SpecConfig
from devstack.runtime.published import files_of

__all__ = ["fetched_files", "url_of"]

_LIMIT_S: Final = 300.0
_LIMIT_BYTES: Final = 1024**3
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


def url_of(result: SpecConfig | None) -> str:
    """Where a published result can be read; empty if it has no address."""
    return str(result.param("URL", "")) if result is not None and result.key == "urldownload" else ""


async def fetched_files(url: str) -> dict[str, bytes]:
    """The files of the archive at that address.

    Raises:
        AdapterError: it cannot be had, or is no archive.
    """
    return files_of(await trio.to_thread.run_sync(_fetched, url))


def _fetched(url: str) -> bytes:
    # A proxy of the environment has no business between us and a stack on this machine.
    handlers = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOCAL else []
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=_LIMIT_S) as answer:
            content: bytes = answer.read(_LIMIT_BYTES + 1)
    except (OSError, ValueError) as exc:
        raise AdapterError(f"could not fetch {url}: {getattr(exc, 'reason', exc)}") from None
    if len(content) > _LIMIT_BYTES:
        raise AdapterError(f"{url} holds more than {_LIMIT_BYTES} bytes, too much for a script")
    return content
