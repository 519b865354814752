"""Inline input."""

from __future__ import annotations

import io
import tarfile
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.archive import pack
from devstack.adapters.inline import InlineStorage, parse_data_url
from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput


def source(url: object, kind: str = "inline") -> SpecConfig:
    return SpecConfig(kind, {"url": url})


def archive_url(folder: Path) -> str:
    buffer = io.BytesIO()
    pack(folder, buffer)
    return "data:application/gzip;base64," + b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    ("url", "media_type", "content"),
    [
        ("data:,hello%0A", "", b"hello\n"),
        ("data:text/plain;base64,aGVsbG8K", "text/plain", b"hello\n"),
        ("data:text/plain;charset=utf-8,a,b", "text/plain", b"a,b"),
        ("data:text/plain;charset=utf-8;base64,YQ==", "text/plain", b"a"),
        ("data:Application/GZIP;base64,", "application/gzip", b""),
    ],
)
def test_data_urls(url, media_type, content):
    """A data URL has a type, attributes, and text or base64."""
    data = parse_data_url(url)
    assert (media_type, content) == (data.media_type, data.content)


@given(content=st.binary())
def test_any_bytes_fit_into_a_data_url(content):
    """What is put into a data URL comes out again."""
    assert content == parse_data_url("data:x/y;base64," + b64encode(content).decode()).content


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (source("nonsense"), "missing data prefix"),
        (source("data:text/plain"), "missing comma before data"),
        (source("data:;base64,?"), "illegal base64 data"),
        (source(""), "invalid inline params: url cannot be empty"),
        (source(5), "invalid inline params: URL must be a text, not 5"),
        (SpecConfig("inline"), "invalid storage source params. cannot be nil"),
        (source("data:,x", "s3"), "invalid storage source type. expected inline, but received: s3"),
    ],
)
async def test_wrong_sources_are_told(tmp_path, spec, text):
    """The texts are those of a real node, at bidding and at preparing."""
    with pytest.raises(AdapterError) as caught:
        await InlineStorage().size_bytes(spec)
    assert caught.value.message.startswith(text)
    with pytest.raises(AdapterError):
        await InlineStorage().prepare(InputSource(spec, "", "/in"), tmp_path)


async def test_text_stands_at_the_target_itself(tmp_path):
    """A raw file is mounted at the target, not below it."""
    wanted = InputSource(source("data:,hello%0A"), "greeting", "/in/greeting")
    prepared = await InlineStorage().prepare(wanted, tmp_path)
    expected = PreparedInput(prepared.path, "/in/greeting", "greeting", read_only=False, input_target="/in/greeting")
    assert expected == prepared
    assert b"hello\n" == prepared.path.read_bytes()
    assert tmp_path == prepared.path.parent


async def test_an_archive_becomes_a_folder(tmp_path):
    """T171: a folder with `test` and `more` takes 8 bytes and can be read again."""
    folder = tmp_path / "up"
    (folder / "dir").mkdir(parents=True)
    (folder / "dir" / "file1").write_text("test")
    (folder / "dir" / "file2").write_text("more")
    spec = source(archive_url(folder), "INLINE")
    here = tmp_path / "here"
    here.mkdir()
    assert 8 == await InlineStorage().size_bytes(spec)
    assert await InlineStorage().has_locally(spec)
    prepared = await InlineStorage().prepare(InputSource(spec, "", "/in"), here)
    assert ("/in", "test", "more") == (
        prepared.target,
        (prepared.path / "dir" / "file1").read_text(),
        (prepared.path / "dir" / "file2").read_text(),
    )


async def test_large_input_is_unpacked_in_a_thread(tmp_path):
    """Size makes no difference to the result."""
    content = bytes(range(256)) * 400
    spec = source("data:;base64," + b64encode(content).decode())
    prepared = await InlineStorage().prepare(InputSource(spec, "", "/in"), tmp_path)
    assert len(content) == await InlineStorage().size_bytes(spec)
    assert content == prepared.path.read_bytes()


async def test_an_archive_that_leads_out_is_refused(tmp_path):
    """Nothing is written outside the input's own folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../escaped"))
    spec = source("data:application/gzip;base64," + b64encode(buffer.getvalue()).decode())
    here = tmp_path / "here"
    here.mkdir()
    with pytest.raises(AdapterError, match="invalid name"):
        await InlineStorage().prepare(InputSource(spec, "", "/in"), here)
    assert [here] == list(tmp_path.iterdir())


async def test_a_refused_archive_leaves_nothing(tmp_path):
    """What was unpacked until the error is removed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("good"))
        archive.addfile(tarfile.TarInfo("no/such/folder"))
    spec = source("data:application/gzip;base64," + b64encode(buffer.getvalue()).decode())
    with pytest.raises(AdapterError, match="no such file or directory"):
        await InlineStorage().prepare(InputSource(spec, "", "/in"), tmp_path)
    assert [] == list(tmp_path.iterdir())


async def test_a_folder_that_is_gone_is_told(tmp_path):
    """A file that cannot be written is an error for people."""
    with pytest.raises(AdapterError, match="cannot keep the inline input"):
        await InlineStorage().prepare(InputSource(source("data:,x"), "", "/in"), tmp_path / "gone")
