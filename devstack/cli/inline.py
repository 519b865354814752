"""Files that travel inside the job, as a data URL. Source: command line reference 4.1."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from pathlib import Path
from typing import Final

from devstack.errors import UsageError

__all__ = ["inline_source"]

_EMBEDDED_AS_IS_BYTES: Final = 512
# A server takes bodies of at most ten megabytes.
_MOST_BYTES: Final = 7_000_000
_BEST_RATIO: Final = 10  # what packs better than that is nothing that a job needs


def inline_source(path: Path) -> str:
    """The file as it is up to 512 bytes; a larger one, or a folder, as a tar.gz.

    Raises:
        UsageError: it cannot be read, or is too large to travel in a job.
    """
    try:
        if path.is_file() and path.stat().st_size <= _EMBEDDED_AS_IS_BYTES:
            content = path.read_bytes()
            return f"data:{_media_type(content)};base64,{base64.b64encode(content).decode()}"
        _check_size(path)
        packed = _packed(path)
    except OSError as exc:
        raise UsageError(f"{exc.filename or path}: {(exc.strerror or str(exc)).lower()}") from None
    if len(packed) > _MOST_BYTES:
        raise UsageError(f"{path} is too large to travel in a job: {len(packed)} bytes when packed, {_MOST_BYTES} fit")
    return f"data:application/gzip;base64,{base64.b64encode(packed).decode()}"


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


def _check_size(path: Path) -> None:
    files = _files(path)
    if not files:
        raise UsageError(f"{path} is no file, and no folder with files in it")
    if sum(file.stat().st_size for file in files) > _MOST_BYTES * _BEST_RATIO:
        raise UsageError(f"{path} is too large to travel in a job: {_MOST_BYTES} bytes fit, when packed")


def _packed(path: Path) -> bytes:
    """Names and contents without times and owners: the same files give the same job."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for file in _files(path):
            content = file.read_bytes()
            entry = tarfile.TarInfo(path.name if file == path else str(file.relative_to(path)))
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _media_type(content: bytes) -> str:
    if content.startswith(b"\0asm"):
        return "application/wasm"
    return "application/octet-stream" if b"\0" in content else "text/plain; charset=utf-8"
