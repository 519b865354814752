"""Input that is in the job itself, as a data URL: a file, or a folder as a gzipped tar."""

from __future__ import annotations

import binascii
import io
import shutil
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

import attrs
import trio

from devstack.adapters import archive
from devstack.adapters.source_params import check_source, text_param
from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput

__all__ = ["DataUrl", "InlineStorage", "parse_data_url"]

_T = TypeVar("_T")
_ARCHIVE_TYPE: Final = "application/gzip"
_SMALL: Final = 16 * 1024  # Characters of a URL that cost less to unpack than a thread costs.


@attrs.frozen
class DataUrl:
    media_type: str
    content: bytes

    @property
    def is_archive(self) -> bool:
        return self.media_type == _ARCHIVE_TYPE


def parse_data_url(url: str) -> DataUrl:
    """What a `data:[type][;base64],...` URL holds.

    Raises:
        AdapterError: it is no data URL.
    """
    if not url.startswith("data:"):
        raise AdapterError("missing data prefix", "an inline source has a URL such as data:text/plain;base64,aGk=")
    head, comma, body = url.removeprefix("data:").partition(",")
    if not comma:
        raise AdapterError("missing comma before data", "an inline source has a URL such as data:,text")
    media_type, *attributes = head.split(";")
    content = unquote_to_bytes(body)
    if attributes[-1:] == ["base64"]:
        try:
            content = b64decode(content, validate=True)
        except binascii.Error as exc:
            raise AdapterError(f"illegal base64 data in the inline URL: {exc}") from exc
    return DataUrl(media_type.strip().lower(), content)


class InlineStorage:
    key = "inline"

    async def size_bytes(self, source: SpecConfig) -> int:
        """The decoded bytes; of an archive what is in it. Source: compute reference 8."""
        url = _url(source)
        return await _work(url, lambda: _size_bytes(parse_data_url(url)))

    def size_bytes_here(self, source: SpecConfig) -> int:
        """The same at once, for virtual time, where nothing else may happen meanwhile."""
        return _size_bytes(parse_data_url(_url(source)))

    async def has_locally(self, source: SpecConfig) -> bool:
        return True

    async def prepare(self, source: InputSource, directory: Path) -> PreparedInput:
        """A file that stands at the target itself, or a folder with what the archive holds."""
        assert source.source is not None  # validation refuses an input without a source
        return await _work(_url(source.source), lambda: self.prepare_here(source, directory))

    def prepare_here(self, source: InputSource, directory: Path) -> PreparedInput:
        """The same at once, for virtual time."""
        assert source.source is not None
        path = _unpack(parse_data_url(_url(source.source)), directory)
        return PreparedInput(path, source.target, alias=source.alias, read_only=False, input_target=source.target)


def _url(source: SpecConfig) -> str:
    check_source(source, "inline")
    url = text_param(source, "URL", "inline params")
    if not url:
        raise AdapterError("invalid inline params: url cannot be empty")
    return url


def _size_bytes(data: DataUrl) -> int:
    return archive.content_bytes(io.BytesIO(data.content)) if data.is_archive else len(data.content)


def _unpack(data: DataUrl, directory: Path) -> Path:
    path = directory / "inline"
    try:
        if data.is_archive:
            path.mkdir()
            archive.unpack(io.BytesIO(data.content), path)
        else:
            path.write_bytes(data.content)
    except OSError as exc:
        raise AdapterError(f"cannot keep the inline input: {exc}") from exc
    except AdapterError:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return path


async def _work(url: str, function: Callable[[], _T]) -> _T:
    """Off the event loop if it may take long; a cancelled caller waits for the end, which the limits bring near."""
    return function() if len(url) <= _SMALL else await trio.to_thread.run_sync(function)
