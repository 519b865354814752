"""Input from an S3 server: one object, or all below a prefix, as a folder of files."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import trio

from devstack.adapters.s3.clients import CONNECTIONS, S3Clients
from devstack.adapters.s3.errors import failure
from devstack.adapters.s3.objects import S3Object, S3Source, find_objects, local_path, read_source
from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput

__all__ = ["S3Storage"]

_MAX_BYTES: Final = 16 * 1024**3
_CHUNK_BYTES: Final = 1024 * 1024
_SIZE_LIMIT_S: Final = 120.0


class S3Storage:
    """Source of the rules: compute reference 8.

    Args:
        max_bytes: Inputs that are larger are an error.
        size_limit_s: How long the question for the size may take.
    """

    key = "s3"

    def __init__(self, clients: S3Clients, *, max_bytes: int = _MAX_BYTES, size_limit_s: float = _SIZE_LIMIT_S) -> None:
        self._clients = clients
        self._max_bytes = max_bytes
        self._size_limit_s = size_limit_s

    async def size_bytes(self, source: SpecConfig) -> int:
        """The sum of the objects' sizes.

        Raises:
            AdapterError: an object or the bucket does not exist, is not open to us, or has another checksum.
        """
        wanted = read_source(source)
        with trio.move_on_after(self._size_limit_s):
            return sum(found.size_bytes for found in await self._find(wanted))
        raise AdapterError(f"cannot read {wanted.url}: its size was not told within {self._size_limit_s:g} s")

    async def has_locally(self, source: SpecConfig) -> bool:
        return False

    async def prepare(self, source: InputSource, directory: Path) -> PreparedInput:
        """Download the objects, some at a time, into a folder that stands at the target.

        Raises:
            AdapterError: one of them cannot be had; nothing is left of the others.
        """
        assert source.source is not None  # validation refuses an input without a source
        wanted = read_source(source.source)
        folder = directory / "s3-input"
        try:
            await self._fill(folder, wanted)
        except BaseException:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))
            raise
        return PreparedInput(
            folder, source.target, alias=source.alias, read_only=False, input_target=source.target
        )  # fmt: skip

    async def _find(self, wanted: S3Source) -> list[S3Object]:
        def find() -> list[S3Object]:
            client = self._clients.client(wanted.endpoint, wanted.region)
            return find_objects(client, wanted, trio.from_thread.check_cancelled)

        found = await self._clients.call(find)
        total_bytes = sum(one.size_bytes for one in found)
        if total_bytes > self._max_bytes:
            raise AdapterError(f"{wanted.url} has {total_bytes} bytes, more than the {self._max_bytes} allowed")
        return found

    async def _fill(self, folder: Path, wanted: S3Source) -> None:
        objects = await self._find(wanted)
        places = [folder / local_path(found.key, wanted.prefix) for found in objects]
        _make_folder(folder, wanted)
        ahead = iter(list(enumerate(zip(objects, places, strict=True))))
        errors: list[tuple[int, AdapterError]] = []

        async def work(nursery: trio.Nursery, ahead: Iterator[tuple[int, tuple[S3Object, Path]]]) -> None:
            for index, (found, path) in ahead:
                try:
                    await self._fetch(wanted, found, path)
                except AdapterError as exc:
                    errors.append((index, exc))
                    nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for _ in range(CONNECTIONS):
                nursery.start_soon(work, nursery, ahead)
        if errors:
            raise min(errors, key=lambda error: error[0])[1]

    async def _fetch(self, wanted: S3Source, found: S3Object, path: Path) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if found.is_folder:
            _make_folder(path, wanted)
            return
        client = self._clients.client(wanted.endpoint, wanted.region)
        request = partial(client.get_object, Bucket=wanted.bucket, Key=found.key, **found.pinned)
        digest = hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _new_file(path) as file:
                body = (await self._clients.call(request))["Body"]
                # A thread that was left alone finds its file closed, and ends.
                while await self._clients.call(partial(_copy_chunk, body, file, digest)):
                    if file.tell() > found.size_bytes:
                        break
                size_bytes = file.tell()
        except (BotoCoreError, ClientError, OSError) as exc:
            raise failure(f"cannot fetch s3://{wanted.bucket}/{found.key}", exc) from None
        if size_bytes != found.size_bytes:
            raise AdapterError(f"cannot fetch s3://{wanted.bucket}/{found.key}: the object was changed meanwhile")
        _check_content(wanted, found, digest.digest())


def _make_folder(path: Path, wanted: S3Source) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise failure(f"cannot keep {wanted.url}", exc) from None


def _new_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), "wb")


def _copy_chunk(body: Any, file: BinaryIO, digest: Any) -> bool:
    """Whether there was one more."""
    try:
        chunk = body.read(_CHUNK_BYTES)
        digest.update(chunk)
        file.write(chunk)
    except BaseException:
        body.close()
        raise
    return bool(chunk)


def _check_content(wanted: S3Source, found: S3Object, digest: bytes) -> None:
    # A checksum with a dash is one of parts, whose bounds we do not know; the server has compared it.
    if found.checksum and "-" not in found.checksum:
        got = base64.b64encode(digest).decode()
        if got != found.checksum:
            raise AdapterError(f"checksum mismatch for {wanted.url}, expected {found.checksum}, got {got}")
