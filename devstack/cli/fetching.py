"""Fetching one result: whole or not at all under its name.

A file over HTTP is gone on with where an earlier try broke off; a tree of IPFS comes block by block, from the stack.
"""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from devstack.errors import AdapterError
from devstack.machine import remove_tree

__all__ = ["Advance", "fetch", "fetch_ipfs", "file_name"]

Advance = Callable[[int, int], None]
"""Told how many bytes are here, and how many there are in all (0: nobody knows)."""

_CHUNK_BYTES: Final = 256 * 1024
_ETAG: Final = re.compile(r'"([\w-]{1,100})"', re.ASCII)  # A strong one that can be part of a file name.
_PARTIAL: Final = 206
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


def file_name(url: str) -> str:
    """Under which name Bacalhau keeps what it fetches from there. Source: compute reference 9."""
    parts = urlsplit(url)
    return re.sub(r'[/\\:*?"<>|]', "_", parts.netloc + parts.path)


def fetch(url: str, place: Path, limit_s: float, advance: Advance) -> None:
    """Fetch the file to `place`; one that is there already is taken as it is.

    A transfer that breaks off leaves `<place>.part-<version>`, with which the next try goes on if the server still
    has the same version of the file.

    Raises:
        AdapterError: it cannot be had, or not in time.
    """
    if place.exists():
        return
    deadline_s = time.monotonic() + limit_s
    part, version = _unfinished(place)
    try:
        with _open(url, part, version, limit_s) as answer:
            part = _part_for(answer, place, part)
            _save(answer, part, deadline_s, advance)
    except urllib.error.HTTPError as exc:
        raise AdapterError(f"could not fetch {url}: {exc.code} {exc.reason}") from None
    except TimeoutError:
        hint = "run the same command again to go on, or give it longer with --download-timeout-secs"
        raise AdapterError(f"could not fetch {url} within {limit_s:g} s", hint) from None
    except (OSError, ValueError, HTTPException) as exc:
        if isinstance(getattr(exc, "reason", None), TimeoutError):
            raise AdapterError(f"could not fetch {url}: no answer within {limit_s:g} s") from None
        raise AdapterError(f"could not fetch {url}: {getattr(exc, 'reason', exc)}") from None
    part.replace(place)


def fetch_ipfs(cid: str, place: Path, stack_url: str, limit_s: float, advance: Advance) -> None:
    """Fetch the file or folder with that CID to `place`, out of the stack; what is there already is taken as it is.

    Raises:
        AdapterError: it cannot be had, or not in time; nothing is left.
    """
    from devstack.adapters.ipfs.cid import parse_cid
    from devstack.adapters.ipfs.gateway import fetch as fetch_blocks

    parse_cid(cid)  # Before its name is looked for: `..` is always there.
    if place.exists():
        return
    deadline_s = time.monotonic() + limit_s
    here = 0

    def count(block_bytes: int) -> None:
        nonlocal here
        here += block_bytes
        advance(here, 0)
        if time.monotonic() > deadline_s:
            hint = "give it longer with --download-timeout-secs"
            raise AdapterError(f"could not fetch ipfs://{cid} within {limit_s:g} s", hint)

    part = place.with_name(f"{place.name}.part")
    if part.exists():  # Of a try that was killed: nobody knows how much of it is there.
        remove_tree(part)
    fetch_blocks(cid, part, stack_url, limit_s=limit_s, progress=count)
    part.replace(place)


def _unfinished(place: Path) -> tuple[Path | None, str]:
    """What an earlier try has left, and of which version it is."""
    prefix = f"{place.name}.part-"
    for path in sorted(place.parent.iterdir()):
        if path.name.startswith(prefix):
            return path, path.name.removeprefix(prefix)
    return None, ""


def _open(url: str, part: Path | None, version: str, limit_s: float) -> HTTPResponse:
    request = urllib.request.Request(url)
    if part is not None and version and (size := part.stat().st_size):
        request.add_header("Range", f"bytes={size}-")
        request.add_header("If-Range", f'"{version}"')
    # A proxy of the environment has no business between us and a stack on this machine.
    handlers = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOCAL else []
    answer: HTTPResponse = urllib.request.build_opener(*handlers).open(request, timeout=limit_s)
    return answer


def _part_for(answer: HTTPResponse, place: Path, earlier: Path | None) -> Path:
    """Where to write: the earlier part if the server goes on with it, else a new one."""
    if earlier is not None:
        if answer.status == _PARTIAL:
            return earlier
        earlier.unlink()
    found = _ETAG.fullmatch(answer.headers.get("ETag", ""))
    return place.with_name(f"{place.name}.part-{found[1] if found else ''}")


def _save(answer: HTTPResponse, part: Path, deadline_s: float, advance: Advance) -> None:
    length = answer.headers.get("Content-Length", "")
    with part.open("ab") as file:
        total = file.tell() + int(length) if length.isdecimal() else 0
        advance(file.tell(), total)
        # As much as is there: to wait for a whole chunk could take longer than there is time.
        while chunk := answer.read1(_CHUNK_BYTES):
            file.write(chunk)
            advance(file.tell(), total)
            if time.monotonic() > deadline_s:
                raise TimeoutError
        if file.tell() < total:
            raise OSError(f"the transfer broke off after {file.tell()} of {total} bytes; the same command goes on")
