"""Results that go to an S3 server, whole or not at all: as one archive, or file by file."""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import attrs
import trio

from devstack.adapters import archive
from devstack.adapters.s3.clients import S3Clients
from devstack.adapters.s3.errors import failure
from devstack.adapters.s3.folder import check_results, loose_files, shown
from devstack.adapters.source_params import text_param
from devstack.errors import AdapterError
from devstack.models.job import SpecConfig

__all__ = ["S3Publisher", "S3Target", "is_amazons", "read_target"]

_SUFFIX: Final = ".tar.gz"
_MARK: Final = "execution-id"  # Metadata of what we have put there, so that nothing else is ever taken away.
_MAX_OBJECT_BYTES: Final = 5 * 1024**3  # What S3 takes in one piece.
_MAX_FILES: Final = 10_000
_CHUNK_BYTES: Final = 1024 * 1024
_NS: Final = 1_000_000_000


@attrs.frozen
class S3Target:
    """The parameters of the publisher; `packed` says whether the results become one archive."""

    bucket: str
    key: str
    endpoint: str = ""
    region: str = ""
    packed: bool = True

    def filled_in(self, execution_id: str, job_id: str, node_id: str, now: datetime) -> str:
        """The key, with its placeholders replaced and the ending that it needs."""
        ending = _SUFFIX if self.packed else "/"
        key = self.key if self.key.endswith(ending) else self.key + ending
        words = {
            "{nodeID}": node_id, "{executionID}": execution_id, "{jobID}": job_id,
            "{date}": now.strftime("%Y%m%d"), "{time}": now.strftime("%H%M%S"),
        }  # fmt: skip
        for word, value in words.items():
            key = key.replace(word, value)
        return key


def read_target(spec: SpecConfig, *, always_packed: bool = False) -> S3Target:
    """The parameters, checked. Source: compute reference 9.

    Raises:
        AdapterError: which of them is missing or no text.
    """
    if spec.key != "s3":
        raise AdapterError(f"invalid publisher type. expected s3, but received: {spec.type}")
    texts = {name.lower(): text_param(spec, name, "s3 params") for name in ("Bucket", "Key", "Endpoint", "Region")}
    for name in ("bucket", "key"):
        if not texts[name].strip():
            raise AdapterError(f"invalid s3 params. {name} cannot be empty")
    packed = str(spec.param("Compress", True)).lower()
    if packed not in ("true", "false") and not always_packed:
        raise AdapterError(f"invalid s3 params: Compress must be true or false, not {packed!r}")
    return S3Target(**texts, packed=always_packed or packed == "true")


def is_amazons(endpoint: str) -> bool:
    """Whether the endpoint is one of Amazon's, which keeps a SHA-256 with each object."""
    return not endpoint or endpoint.rstrip("/").endswith("amazonaws.com")


class S3Publisher:
    """Source of the rules: compute reference 9.

    Args:
        now_ns: The time of the stack, for `{date}` and `{time}`.
        always_packed: What Compress says is not read, as in Bacalhau v1.4.0.
    """

    key = "s3"

    def __init__(self, clients: S3Clients, now_ns: Callable[[], int], *, always_packed: bool = False) -> None:
        self._clients = clients
        self._now_ns = now_ns
        self._always_packed = always_packed

    async def publish(
        self, spec: SpecConfig, execution_id: str, job_id: str, node_id: str, results_dir: Path
    ) -> SpecConfig:
        """Send the folder. The server has no part of it if this fails or is cancelled.

        Raises:
            AdapterError: the server refuses, or a result may not leave this machine.
        """
        target = read_target(spec, always_packed=self._always_packed)
        now = datetime.fromtimestamp(self._now_ns() // _NS)
        key = target.filled_in(execution_id, job_id, node_id, now)
        upload = _Upload(self._clients, target, execution_id)
        send = partial(upload.archive if target.packed else upload.files, key, results_dir)
        stored = await self._clients.change(send, upload.take_back)
        return SpecConfig("s3", {
            "Bucket": target.bucket, "Key": key, "Filter": "", "Region": target.region, "Endpoint": target.endpoint,
            "VersionID": stored.get("VersionId", ""), "ChecksumSHA256": stored.get("ChecksumSHA256", ""),
        })  # fmt: skip


class _Upload:
    """What one execution has put on a server. Its methods run in a thread."""

    def __init__(self, clients: S3Clients, target: S3Target, execution_id: str) -> None:
        self._clients = clients
        self._target = target
        self._mark = {_MARK: execution_id}
        self._keys: list[str] = []

    def archive(self, key: str, folder: Path) -> Mapping[str, Any]:
        """Put the folder there as one archive. One request: the object is there whole or not at all."""
        with _reading(folder):
            check_results(folder)
            with tempfile.TemporaryFile(dir=folder.parent) as packed:
                archive.pack(folder, packed, trio.from_thread.check_cancelled)
                return self._put(key, packed)

    def files(self, prefix: str, folder: Path) -> Mapping[str, Any]:
        """Put its files there one by one."""
        with _reading(folder):
            found = loose_files(folder)
            if len(found) > _MAX_FILES:
                raise AdapterError(
                    f"{len(found)} results are more than {_MAX_FILES} objects", "publish them in an archive (Compress)"
                )
            for name, path in found:
                with io.BytesIO() if path is None else path.open("rb") as file:
                    self._put(prefix + name, file)
        return {}

    def take_back(self) -> None:
        """Remove what is there; the server may be the very reason why it cannot be done."""
        for key in self._keys:
            with suppress(Exception):
                self._remove(key)

    def _put(self, key: str, file: BinaryIO) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        size_bytes, sums = _sums(file)
        where = f"s3://{self._target.bucket}/{key}"
        if size_bytes > _MAX_OBJECT_BYTES:
            raise AdapterError(f"cannot write {where}: {size_bytes} bytes are more than {_MAX_OBJECT_BYTES}")
        # A service of another maker may not know SHA-256; every one knows MD5.
        amazon = is_amazons(self._target.endpoint)
        kept = {"ChecksumSHA256": sums["sha256"]} if amazon else {"ContentMD5": sums["md5"]}
        self._keys.append(key)
        try:
            return dict(
                self._client.put_object(
                    Bucket=self._target.bucket, Key=key, Body=_Checked(file, size_bytes), Metadata=self._mark, **kept
                )
            )
        except (BotoCoreError, ClientError) as exc:
            raise failure(f"cannot write {where}", exc) from None

    def _remove(self, key: str) -> None:
        """Remove the object if it is ours: that it arrived may be the answer that was lost."""
        where = {"Bucket": self._target.bucket, "Key": key}
        head = self._client.head_object(**where)
        if head.get("Metadata") == self._mark:
            version = {"VersionId": head["VersionId"]} if head.get("VersionId") else {}
            self._client.delete_object(**where, **version)

    @property
    def _client(self) -> Any:
        return self._clients.client(self._target.endpoint, self._target.region)


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        name = str(exc.filename or "").removeprefix(f"{folder}/")
        raise failure(f"cannot read the results{f': {shown(name)}' if name else ''}", exc) from None


def _sums(file: BinaryIO) -> tuple[int, dict[str, str]]:
    """Length and checksums, in base64, of the whole file, which is then at its beginning."""
    digests = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
    size_bytes = file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        trio.from_thread.check_cancelled()
        size_bytes += len(chunk)
        for digest in digests.values():
            digest.update(chunk)
    file.seek(0)
    return size_bytes, {name: base64.b64encode(digest.digest()).decode() for name, digest in digests.items()}


class _Checked(io.RawIOBase):
    """A file that is read no further once nobody waits for it.

    A server forgets a part of an object. Once it has the whole, its answer is waited for: what is there by then can be
    taken back, what comes to be there later could not.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes

    def read(self, size: int = -1) -> bytes:
        if self._file.tell() < self._size_bytes:
            trio.from_thread.check_cancelled()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
