"""Which objects an input means, and where each of them stands on the disk. Source: compute reference 8."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from devstack.adapters.s3.errors import failure
from devstack.adapters.source_params import check_source, text_param
from devstack.errors import AdapterError
from devstack.models.job import SpecConfig

__all__ = ["MOST_OBJECTS", "S3Object", "S3Source", "find_objects", "local_path", "read_source"]

MOST_OBJECTS: Final = 100_000
_FOLDER_TYPE: Final = "application/x-directory"


@attrs.frozen
class S3Source:
    """The parameters of an input. `checksum` is a SHA-256 in base64."""

    bucket: str
    key: str = ""
    filter: str = ""
    region: str = ""
    endpoint: str = ""
    version_id: str = ""
    checksum: str = ""

    @property
    def prefix(self) -> str:
        """What the keys of all its objects begin with."""
        return self.key.strip().removesuffix("*")

    @property
    def names_one(self) -> bool:
        return bool(self.key) and not self.key.endswith(("/", "*"))

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@attrs.frozen
class S3Object:
    """An object that was found.

    `pinned` is what a request needs to get these bytes and no later ones, `checksum` their SHA-256 in base64 if the
    job says it.
    """

    key: str
    size_bytes: int
    pinned: Mapping[str, str] = attrs.field(factory=dict)
    checksum: str = ""

    @property
    def is_folder(self) -> bool:
        return self.key.endswith("/")


def read_source(spec: SpecConfig) -> S3Source:
    """The parameters, checked.

    Raises:
        AdapterError: which of them is missing or no text.
    """
    check_source(spec, "s3")
    what = "s3 storage params"
    names = ("Bucket", "Key", "Filter", "Region", "Endpoint", "VersionID", "ChecksumSHA256")
    source = S3Source(*(text_param(spec, name, what) for name in names))
    if not source.bucket.strip():
        raise AdapterError(f"invalid {what}: bucket cannot be empty")
    return source


def find_objects(client: Any, source: S3Source, check: Callable[[], object] = lambda: None) -> list[S3Object]:
    """The objects that the input means, in the order of their keys; none is no error if a prefix was given.

    Args:
        check: Called before each page of a listing; what it raises ends the work.

    Raises:
        AdapterError: the object or bucket does not exist, is not open to us, or has another checksum.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    matches = _filter(source.filter)
    try:
        if source.names_one and (found := _one_object(client, source)) is not None:
            return [found]
        return [item for item in _listed(client, source, check) if matches(item.key[len(source.prefix) :])]
    except (BotoCoreError, ClientError) as exc:
        raise failure(f"cannot read {source.url}", exc) from None


def _one_object(client: Any, source: S3Source) -> S3Object | None:
    """The object of exactly this key; None if it stands for a folder."""
    request = {"Bucket": source.bucket, "Key": source.key}
    if source.version_id:
        request["VersionId"] = source.version_id
    if source.checksum:
        request["ChecksumMode"] = "ENABLED"
    head = _head(client, request)
    if source.checksum and (got := head.get("ChecksumSHA256", "")) != source.checksum:
        raise AdapterError(
            f"checksum mismatch for {source.url}, expected {source.checksum}, got {got}",
            "" if got else "the object was stored without a SHA-256 checksum: leave ChecksumSHA256 out",
        )
    if str(head.get("ContentType", "")).startswith(_FOLDER_TYPE):
        return None
    pinned = {"IfMatch": head["ETag"]} if head.get("ETag") else {}
    if source.version_id:
        pinned["VersionId"] = source.version_id
    return S3Object(source.key, int(head["ContentLength"]), pinned, source.checksum)


def _head(client: Any, request: Mapping[str, str]) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    try:
        return dict(client.head_object(**request))
    except ClientError:
        # An answer to HEAD has no body that says why. The same as GET has one.
        client.get_object(**request)["Body"].close()
        raise


def _listed(client: Any, source: S3Source, check: Callable[[], object]) -> Iterator[S3Object]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.prefix)
    count = 0
    for page in pages:
        check()
        for item in page.get("Contents", ()):
            count += 1
            if count > MOST_OBJECTS:
                raise AdapterError(
                    f"{source.url} means more than {MOST_OBJECTS} objects", "name a longer prefix, or fewer by a Filter"
                )
            yield S3Object(item["Key"], int(item["Size"]))


def _filter(pattern: str) -> Callable[[str], object]:
    """Whether a key, after the prefix, holds the pattern anywhere."""
    if not pattern:
        return lambda text: True
    # Bacalhau's own kind of pattern. Python's would let a job's pattern keep us busy for ever.
    import re2

    try:
        options = re2.Options()
        options.log_errors = False
        return re2.compile(pattern, options).search  # type: ignore[no-any-return]
    except re2.error as exc:
        said = exc.args[0] if exc.args else exc
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise AdapterError(f"invalid regex pattern: {reason}", f"the Filter is {pattern!r}") from None


def local_path(key: str, prefix: str) -> str:
    """Where an object stands below the input's folder; empty if it stands for that folder itself.

    The leading folders that key and prefix share are left out.

    Raises:
        AdapterError: the key leads out of the folder, or cannot be a file's name.
    """
    parts = key.removesuffix("/").split("/")
    wanted = prefix.split("/")[:-1]
    shared = 0
    while shared < min(len(wanted), len(parts)) and wanted[shared] == parts[shared]:
        shared += 1
    rest = parts[shared:]
    if any(part in ("", ".", "..") or "\0" in part for part in rest):
        raise AdapterError(
            f"the object key {key!r} cannot be a file: it has an empty part or leads out of its folder",
            "leave it out by a Filter, or name a longer prefix",
        )
    return "/".join(rest)
