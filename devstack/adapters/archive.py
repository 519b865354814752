"""Packing result folders, and unpacking archives that strangers made.

An archive is packed as Bacalhau packs it, for its client makes no folders by itself: the first entry is `.`, every
folder has an entry and comes before what is in it, names are in order. Nothing is unpacked but plain files and
folders, so no link can lead out of the folder, and every size has a limit.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Final, cast

import attrs

from devstack.errors import AdapterError

__all__ = ["DEFAULT_LIMITS", "Limits", "content_bytes", "pack", "unpack", "walk"]

_MIB: Final = 1024 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_COPY_BYTES: Final = _MIB
_HEADER_BYTES: Final = _MIB
_READABLE_TYPES: Final = (tarfile.REGTYPE, tarfile.AREGTYPE)


@attrs.frozen
class Limits:
    """How much an archive may hold. Source of the size of a file: compute reference 8, T173."""

    file_bytes: int = 10 * _MIB
    total_bytes: int = 1024 * _MIB
    entries: int = 20_000


DEFAULT_LIMITS: Final = Limits()


# ---- packing -----------------------------------------------------------------------------------------------


class _PlainName(tarfile.TarInfo):
    """A header whose folder names have no slash at their end, so that the first entry is `.` itself."""

    def get_info(self) -> dict[str, Any]:
        return {**super().get_info(), "name": self.name}


def pack(
    folder: Path, destination: BinaryIO, check: Callable[[], object] = lambda: None, *, compresses: bool = True
) -> None:
    """Write what is in `folder` as a gzipped tar; equal folders give equal bytes.

    Links are entries without content: they are never followed. Sockets and devices are entries as well.

    Args:
        check: Called again and again while packing; what it raises ends the work.
        compresses: Else the bytes stay as they are inside the gzip, which is twenty times as fast.

    Raises:
        OSError: a file could not be read, or the archive not be written.
    """
    with _zip(destination, compresses) as zipped, _open(zipped) as archive:
        for name, path in walk(folder):
            _add(archive, name, path, check)


def _open(zipped: gzip.GzipFile | BinaryIO) -> tarfile.TarFile:
    # The stubs do not know that `TarFile` has this argument.
    options: Any = {"copybufsize": _COPY_BYTES}
    return tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT, **options)


def _zip(destination: BinaryIO, compresses: bool) -> gzip.GzipFile | BinaryIO:
    if not compresses:
        return cast("BinaryIO", _StoredGzip(destination))
    return gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=destination, mtime=0)


class _StoredGzip(io.RawIOBase):
    """A gzip file of stored blocks. zlib makes the same at level 0, and takes five times as long. Source: RFC 1951."""

    _HEAD: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    _BLOCK_BYTES: Final = 0xFFFF

    def __init__(self, destination: BinaryIO) -> None:
        self._destination = destination
        self._checksum = self._count = 0
        destination.write(self._HEAD)

    def write(self, data: Any) -> int:
        parts: list[Any] = []
        with memoryview(data).cast("B") as view:
            for start in range(0, len(view), self._BLOCK_BYTES):
                block = view[start : start + self._BLOCK_BYTES]
                parts += [struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF), block]
            self._checksum = zlib.crc32(view, self._checksum)
            self._count += len(view)
            self._destination.write(b"".join(parts))
            return len(view)

    def tell(self) -> int:
        return self._count

    def close(self) -> None:
        if not self.closed:
            super().close()
            end = struct.pack("<BHH", 1, 0, 0xFFFF)
            self._destination.write(end + struct.pack("<II", self._checksum, self._count & 0xFFFFFFFF))


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """The folder and all below it, each folder before its content, in the order of names."""
    # A stack of our own: a program may nest folders deeper than Python calls.
    ahead = [(".", folder)]
    while ahead:
        name, path = ahead.pop()
        yield name, path
        if path.is_dir() and not path.is_symlink():
            children = sorted(os.listdir(path), reverse=True)
            ahead += [(child if name == "." else f"{name}/{child}", path / child) for child in children]


def _add(archive: tarfile.TarFile, name: str, path: Path, check: Callable[[], object]) -> None:
    check()
    status = path.lstat()
    header = _PlainName(name)
    header.mode = stat.S_IMODE(status.st_mode)
    header.mtime = int(status.st_mtime)
    header.type = _entry_type(status.st_mode)
    if header.type == tarfile.SYMTYPE:
        header.linkname = str(path.readlink())
    if header.type != tarfile.REGTYPE:
        archive.addfile(header)
        return
    # Not followed even if the file was exchanged for a link after the look at it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        header.size = os.fstat(file.fileno()).st_size
        archive.addfile(header, _Checked(file, check))


def _entry_type(mode: int) -> bytes:
    if stat.S_ISREG(mode):
        return tarfile.REGTYPE
    if stat.S_ISDIR(mode):
        return tarfile.DIRTYPE
    if stat.S_ISLNK(mode):
        return tarfile.SYMTYPE
    return tarfile.FIFOTYPE


class _Checked(io.RawIOBase):
    """A file that asks before every read whether to go on."""

    def __init__(self, file: BinaryIO, check: Callable[[], object]) -> None:
        self._file = file
        self._check = check

    def read(self, size: int = -1) -> bytes:
        self._check()
        return self._file.read(size)


# ---- unpacking ---------------------------------------------------------------------------------------------


def content_bytes(archive: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> int:
    """The sum of the sizes of what a gzipped tar holds.

    Raises:
        AdapterError: it is no such archive, or goes beyond the limits.
    """
    return sum(entry.size for entry, _ in _entries(archive, limits))


def unpack(
    archive: BinaryIO, folder: Path, limits: Limits = DEFAULT_LIMITS, check: Callable[[], object] = lambda: None
) -> None:
    """Unpack a gzipped tar into `folder`, which exists and is empty; links, devices and sockets are left out.

    A file whose folder has no entry of its own before it is an error, as it is in Bacalhau.

    Raises:
        AdapterError: it is no such archive, holds a name that leads out of the folder, or goes beyond the limits.
            What was unpacked until then is left to the caller, whose folder it is.
    """
    for entry, content in _entries(archive, limits):
        check()
        path = folder / entry.name
        try:
            if entry.isdir():
                path.mkdir(mode=0o755, parents=True, exist_ok=True)
            elif content is not None:
                _write(path, entry.mode, content, check)
        except OSError as exc:
            raise AdapterError(f"open {path}: {(exc.strerror or str(exc)).lower()}") from exc


def _write(path: Path, mode: int, content: IO[bytes], check: Callable[[], object]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    # The owner must be able to read and replace it; set-user-id bits are no business of an archive.
    with os.fdopen(os.open(path, flags, (mode & 0o777) | 0o600), "wb") as file:
        while chunk := content.read(_CHUNK_BYTES):
            check()
            file.write(chunk)


def _entries(archive: BinaryIO, limits: Limits) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Every entry with its content (None: no plain file), checked."""
    total_bytes = 0
    try:
        with (
            gzip.GzipFile(fileobj=archive, mode="rb") as zipped,
            tarfile.open(fileobj=_Bounded(zipped, limits), mode="r:") as opened,
        ):
            for count, entry in enumerate(opened, start=1):
                _check_name(entry.name)
                total_bytes += entry.size
                _check_size(entry, total_bytes, count, limits)
                yield entry, opened.extractfile(entry) if entry.type in _READABLE_TYPES else None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, RecursionError, ValueError) as exc:
        raise AdapterError(f"not a gzipped tar archive: {exc}") from exc


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or path.is_absolute() or ".." in path.parts:
        raise AdapterError(f'tar contained invalid name error "{name}"')


def _check_size(entry: tarfile.TarInfo, total_bytes: int, count: int, limits: Limits) -> None:
    if entry.size > limits.file_bytes:
        raise AdapterError(f"file {entry.name} bigger than max size {limits.file_bytes / _MIB:.1f} MB")
    if total_bytes > limits.total_bytes:
        raise AdapterError(f"the archive holds more than {limits.total_bytes / _MIB:.1f} MB")
    if count > limits.entries:
        raise AdapterError(f"the archive holds more than {limits.entries} entries")


class _Bounded(io.RawIOBase):
    """The unzipped archive, with an end to what a small file can swell to.

    One read is small as well: tarfile reads an extended header in one piece, however long it says it is.
    """

    def __init__(self, zipped: gzip.GzipFile, limits: Limits) -> None:
        self._zipped = zipped
        # Beside its content every entry has a few blocks of header.
        self._end = limits.total_bytes + limits.entries * 4 * tarfile.BLOCKSIZE + tarfile.RECORDSIZE

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER_BYTES:
            raise tarfile.ReadError("a header is too long")
        self._check(self._zipped.tell() + size)
        return self._zipped.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check(offset)
        return self._zipped.seek(offset, whence)

    def tell(self) -> int:
        return self._zipped.tell()

    def _check(self, position: int) -> None:
        if position > self._end:
            raise AdapterError("the archive holds too much")
