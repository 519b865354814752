"""The short forms of inputs, publishers and outputs on the command line. Source: command line reference 5.

`-i s3://bucket/key:/data,opt=region=eu` is one CSV record: a URI with an optional `:TARGET`, then `key=value` fields.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from devstack.errors import UsageError

__all__ = ["parse_input", "parse_output", "parse_publisher"]

Spec = dict[str, Any]

_DEFAULT_TARGET: Final = "/inputs"
_TRUE: Final = frozenset({"1", "t", "true", "TRUE", "True", "T"})
_FALSE: Final = frozenset({"0", "f", "false", "FALSE", "False", "F"})


@attrs.define
class _Fields:
    uri: str = ""
    target: str = ""
    options: dict[str, str] = attrs.field(factory=dict)


def parse_input(text: str) -> Spec:
    """The input source that `-i` names: source, alias and target.

    Raises:
        UsageError: what cannot be read, and how to write it.
    """
    fields = _read(text, "storage", split_target=True)
    scheme = urlsplit(fields.uri).scheme
    read = _SCHEMES.get(scheme)
    if read is None:
        raise UsageError(
            f"unknown storage schema: {scheme or fields.uri!r} (use {', '.join(f'{s}://' for s in _SCHEMES)})"
        )
    return {"Source": read(fields.uri, fields.options), "Alias": fields.uri, "Target": fields.target or _DEFAULT_TARGET}


def parse_publisher(text: str) -> Spec:
    """The publisher that `-p` names.

    Raises:
        UsageError: what cannot be read.
    """
    fields = _read(text, "publisher", split_target=False)
    kind = fields.uri.partition("://")[0].lower()
    if kind in ("ipfs", "local"):
        return {"Type": kind, "Params": {}}
    if kind == "s3":
        return {"Type": "s3", "Params": _s3_target(fields)}
    raise UsageError(f"unknown publisher type: {fields.uri or text!r} (use local, ipfs or s3://BUCKET/KEY)")


def parse_output(text: str) -> Spec:
    """The result path that `-o NAME:PATH` names."""
    name, colon, path = text.partition(":")
    if not (name and colon and path) or ":" in path:
        raise UsageError(f"invalid output volume: {text} (write NAME:PATH, such as outputs:/outputs)")
    return {"Name": name, "Path": path}


def _read(text: str, what: str, *, split_target: bool) -> _Fields:
    if not text.strip():
        raise UsageError(f"empty {what}: write a URI, such as s3://BUCKET/KEY")
    found = _Fields()
    for index, field in enumerate(next(csv.reader([text]))):
        key, equals, value = field.partition("=")
        if index == 0 and not equals:
            found.uri, target = _split_target(_trimmed(field)) if split_target else (_trimmed(field), "")
            found.target = found.target or _trimmed(target)
        elif not equals:
            raise UsageError(f"invalid {what} option: {field}. Must be a key=value pair")
        else:
            _assign(found, key.strip().lower(), value, field, what)
    return found


def _assign(found: _Fields, key: str, value: str, field: str, what: str) -> None:
    if key in ("source", "src"):
        found.uri = _trimmed(value)
    elif key in ("target", "dst", "destination"):
        found.target = _trimmed(value)
    elif key in ("opt", "option"):
        name, equals, content = value.partition("=")
        if not equals:
            raise UsageError(f"invalid {what} option: {value}. Must be a key=value pair")
        found.options[name] = content
    else:
        raise UsageError(f"unexpected key {key} in field {field}: use src, dst or opt")


def _trimmed(text: str) -> str:
    return text.strip().strip("\"'").strip()


def _split_target(text: str) -> tuple[str, str]:
    """Cut at the last colon if an absolute path follows it, so that ports and `s3://b/a:b` stay whole."""
    match = re.fullmatch(r"([a-z0-9]+://.+?):(/[^:]*)", text, re.IGNORECASE)
    if match is None or match[2].startswith("//"):
        return text, ""
    return match[1], match[2]


def _ipfs(uri: str, options: Mapping[str, str]) -> Spec:
    cid, _, rest = uri.partition("://")[2].partition("/")
    if not cid or rest:
        raise UsageError(f"{uri}: an IPFS source is ipfs://CID, without a path")
    return {"Type": "ipfs", "Params": {"CID": cid}}


def _url(uri: str, options: Mapping[str, str]) -> Spec:
    path = urlsplit(uri).path
    if not path or path.endswith("/"):
        raise UsageError(f"{uri}: URL must end with a file name")
    return {"Type": "urlDownload", "Params": {"URL": uri}}


_S3_OPTIONS: Final = {
    "endpoint": "Endpoint", "region": "Region", "filter": "Filter",
    "versionID": "VersionID", "version-id": "VersionID", "version_id": "VersionID",
    "checksum-256": "ChecksumSHA256", "checksum256": "ChecksumSHA256", "checksum_256": "ChecksumSHA256",
}  # fmt: skip


def _s3(uri: str, options: Mapping[str, str]) -> Spec:
    bucket, _, key = uri.partition("://")[2].partition("/")
    if not bucket:
        raise UsageError(f"{uri}: an S3 source is s3://BUCKET/KEY")
    names = ("Bucket", "Key", "Filter", "Region", "Endpoint", "VersionID", "ChecksumSHA256")
    params = dict.fromkeys(names, "") | {"Bucket": bucket, "Key": key}
    for name, value in options.items():
        params[_known(_S3_OPTIONS, name, "s3")] = value
    return {"Type": "s3", "Params": params}


def _file(uri: str, options: Mapping[str, str]) -> Spec:
    path = uri.partition("://")[2]
    if not path.startswith("/"):
        raise UsageError(f"{uri}: a local source is file:///ABSOLUTE/PATH")
    writable = False
    for name, value in options.items():
        _known(dict.fromkeys(("rw", "read-write", "read_write", "readwrite"), ""), name, "file")
        if value not in _TRUE | _FALSE:
            raise UsageError(f"{name}={value}: it is true or false")
        writable = value in _TRUE
    return {"Type": "localDirectory", "Params": {"ReadWrite": writable, "SourcePath": path}}


def _known(table: Mapping[str, str], name: str, storage: str) -> str:
    if name not in table:
        raise UsageError(f'unknown option "{name}" for storage {storage} (known: {", ".join(table)})')
    return table[name]


_SCHEMES: Final[Mapping[str, Callable[[str, Mapping[str, str]], Spec]]] = {
    "ipfs": _ipfs, "http": _url, "https": _url, "s3": _s3, "file": _file,
}  # fmt: skip


def _s3_target(fields: _Fields) -> dict[str, str]:
    bucket, _, key = fields.uri.partition("://")[2].partition("/")
    params = {"Bucket": bucket, "Endpoint": "", "Key": key, "Region": ""}
    for name, value in fields.options.items():
        if name.title() not in params:
            raise UsageError(f'unknown option "{name}" for publisher s3 (known: bucket, key, endpoint, region)')
        params[name.title()] = value
    for name in ("Bucket", "Key"):
        if not params[name]:
            raise UsageError(f"invalid s3 params. {name.lower()} cannot be empty")
    return params
