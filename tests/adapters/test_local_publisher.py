"""Publishing to a folder of this machine."""

from __future__ import annotations

import errno
import io
import tarfile
import threading
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
import trio

from devstack.adapters import archive
from devstack.adapters.local_publisher import LocalPublisher, NoopPublisher, local_publisher_app
from devstack.errors import AdapterError
from devstack.models.job import SpecConfig


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    (folder / "subdir").mkdir(parents=True)
    (folder / "file.txt").write_text("one")
    (folder / "subdir" / "file.txt").write_text("two")
    return folder


def client(directory: Path) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(local_publisher_app(directory))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:6001")


async def test_the_answer_is_where_the_archive_can_be_had(tmp_path, results):
    """T213: `http://<address>:<port>/<execution id>.tar.gz`."""
    publisher = LocalPublisher(tmp_path / "published", "http://127.0.0.1:6001/")
    published = await publisher.publish(SpecConfig("local"), "eid", "j-1", "node-1", results)
    assert SpecConfig("urlDownload", {"URL": "http://127.0.0.1:6001/eid.tar.gz"}) == published
    assert ["eid.tar.gz"] == [path.name for path in (tmp_path / "published").iterdir()]


async def test_what_was_published_can_be_fetched(tmp_path, results):
    """The archive comes with the headers that a file server gives, and holds the folder's content."""
    await LocalPublisher(tmp_path, "http://x").publish(SpecConfig("local"), "eid", "j-1", "node-1", results)
    async with client(tmp_path) as http:
        answer = await http.get("/eid.tar.gz")
        head = await http.head("/eid.tar.gz")
        part = await http.get("/eid.tar.gz", headers={"Range": "bytes=0-1"})
    with tarfile.open(fileobj=io.BytesIO(answer.content), mode="r:gz") as opened:
        assert [".", "file.txt", "subdir", "subdir/file.txt"] == opened.getnames()
    for response in (answer, head):
        assert 200 == response.status_code
        assert "application/gzip" == response.headers["content-type"]
        assert str(len(answer.content)) == response.headers["content-length"]
        assert "bytes" == response.headers["accept-ranges"]
        assert parsedate_to_datetime(response.headers["last-modified"])
    assert b"" == head.content
    assert (206, b"\x1f\x8b") == (part.status_code, part.content)


@pytest.mark.parametrize(
    "path",
    ["/", "/other.tar.gz", "/secret.txt", "/..%2Fsecret.tar.gz", "/.hidden.tar.gz", "/folder.tar.gz", "/a/b.tar.gz"],
)
async def test_nothing_else_is_served(tmp_path, path):
    """Only archives of the directory itself can be had, by their plain names."""
    directory = tmp_path / "published"
    (directory / "folder.tar.gz").mkdir(parents=True)
    for file in (directory / "secret.txt", tmp_path / "secret.tar.gz", directory / ".hidden.tar.gz"):
        file.write_text("secret")
    async with client(directory) as http:
        assert 404 == (await http.get(path)).status_code


async def test_an_archive_cannot_be_changed(tmp_path):
    """Only reading is allowed."""
    async with client(tmp_path) as http:
        assert 405 == (await http.post("/eid.tar.gz")).status_code


async def test_a_second_publishing_replaces_the_first(tmp_path, results):
    """An archive is whole at every moment: the new one takes the old one's place."""
    publisher = LocalPublisher(tmp_path, "http://x")
    await publisher.publish(SpecConfig("local"), "eid", "j-1", "node-1", results)
    (results / "file.txt").unlink()
    await publisher.publish(SpecConfig("local"), "eid", "j-1", "node-1", results)
    with tarfile.open(tmp_path / "eid.tar.gz") as opened:
        assert [".", "subdir", "subdir/file.txt"] == opened.getnames()


async def test_missing_results_are_told(tmp_path):
    """What cannot be packed is an error with the execution's id, and leaves nothing behind."""
    with pytest.raises(AdapterError, match="cannot pack the results of eid"):
        await LocalPublisher(tmp_path / "p", "http://x").publish(
            SpecConfig("local"), "eid", "j-1", "node-1", tmp_path / "missing"
        )
    assert [] == list((tmp_path / "p").iterdir())


async def test_a_cancelled_publishing_leaves_nothing(tmp_path, results, monkeypatch):
    """Cancelling stops the packing, and the half archive is removed."""
    begun = threading.Event()

    def endless(folder, destination, check, **options):
        while True:
            begun.set()
            check()

    monkeypatch.setattr(archive, "pack", endless)
    directory = tmp_path / "published"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            LocalPublisher(directory, "http://x").publish, SpecConfig("local"), "eid", "j-1", "node-1", results
        )
        await trio.to_thread.run_sync(begun.wait)
        nursery.cancel_scope.cancel()
    assert [] == list(directory.iterdir())


async def test_the_noop_publisher_publishes_nothing(tmp_path):
    """Its answer is an empty result."""
    assert SpecConfig("") == await NoopPublisher().publish(SpecConfig("noop"), "eid", "j-1", "node-1", tmp_path)


async def test_a_publishing_that_dies_in_the_middle_leaves_no_result(tmp_path, results, monkeypatch):
    """The disk is full after the first bytes: the reason is told, and no archive or part of one is there."""
    whole = archive.pack

    def dying(folder, destination, **options):
        whole(folder, destination, **options)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive, "pack", dying)
    publisher = LocalPublisher(tmp_path / "p", "http://x")
    with pytest.raises(AdapterError, match="cannot pack the results of eid: No space left on device"):
        await publisher.publish(SpecConfig("local"), "eid", "j-1", "node-1", results)
    assert [] == list((tmp_path / "p").iterdir())
