"""Results that go to S3: what is there afterwards, and that nothing is when it fails."""

from __future__ import annotations

import io
import os
import socket
import stat
import tarfile
import threading
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import trio

from devstack.adapters.s3 import S3Clients, S3Publisher, S3Storage
from devstack.adapters.s3.publisher import is_amazons, read_target
from devstack.errors import AdapterError
from devstack.models.job import SpecConfig
from tests.adapters.s3.conftest import BadServer, clients_with, files, input_of
from tests.s3_server import S3Server

NOON_NS = int(datetime(2023, 9, 26, 14, 5, 30).timestamp()) * 1_000_000_000


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "execution" / "results"
    (folder / "outputs" / "deep").mkdir(parents=True)
    (folder / "outputs" / "empty").mkdir()
    (folder / "stdout").write_text("hello\n")
    (folder / "exitCode").write_text("0")
    (folder / "outputs" / "deep" / "data").write_text("x" * 100_000)
    return folder


@pytest.fixture
def publisher(clients: S3Clients) -> S3Publisher:
    return S3Publisher(clients, lambda: NOON_NS)


def target(server: Any, bucket: str, key: str = "r", **params: Any) -> SpecConfig:
    return SpecConfig("s3", {"Bucket": bucket, "Key": key, "Endpoint": server.endpoint, **params})


async def publish(publisher: S3Publisher, spec: SpecConfig, folder: Path) -> SpecConfig:
    return await publisher.publish(spec, "e-1", "j-1", "node-1", folder)


async def refusal(publisher: S3Publisher, spec: SpecConfig, folder: Path) -> str:
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(AdapterError) as caught:
        await publish(publisher, spec, folder)
    assert before == sorted(folder.parent.rglob("*"))
    return caught.value.message


@pytest.mark.parametrize(
    ("key", "params", "stored"),
    [
        ("x/r.tar.gz", {}, "x/r.tar.gz"),
        ("x/{jobID}/{executionID}", {}, "x/j-1/e-1.tar.gz"),
        ("{nodeID}/{date}/{time}-{jobID}", {}, "node-1/20230926/140530-j-1.tar.gz"),
        ("x/{jobID}", {"Compress": False}, "x/j-1/"),
        ("x/", {"Compress": "false"}, "x/"),
        ("x", {"compress": True}, "x.tar.gz"),
    ],
)
def test_the_key_gets_its_words_and_its_ending(key: str, params: dict[str, Any], stored: str):
    """T219, T220: placeholders are replaced; an archive ends with .tar.gz, anything else with a slash."""
    wanted = read_target(SpecConfig("s3", {"Bucket": "b", "Key": key, **params}))
    assert stored == wanted.filled_in("e-1", "j-1", "node-1", datetime(2023, 9, 26, 14, 5, 30))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (SpecConfig("notS3", {"Bucket": "b", "Key": "k"}), "invalid publisher type. expected s3, but received: notS3"),
        (SpecConfig("s3"), "invalid s3 params. bucket cannot be empty"),
        (SpecConfig("s3", {"Bucket": "b"}), "invalid s3 params. key cannot be empty"),
        (SpecConfig("s3", {"Bucket": "b", "Key": 1}), "invalid s3 params: Key must be a text, not 1"),
        (
            SpecConfig("s3", {"Bucket": "b", "Key": "k", "Compress": "x"}),
            "invalid s3 params: Compress must be true or false, not 'x'",
        ),
    ],
)
def test_bad_parameters_are_named(spec: SpecConfig, text: str):
    """T215, T217."""
    with pytest.raises(AdapterError) as caught:
        read_target(spec)
    assert text == caught.value.message


def test_compress_is_not_read_where_v1_4_0_is_wanted():
    """It always made an archive."""
    assert read_target(SpecConfig("s3", {"Bucket": "b", "Key": "k", "Compress": False}), always_packed=True).packed


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        ("s3.us-west-2.amazonaws.com", True),
        ("", True),
        ("https://storage.googleapis.com", False),
        ("localhost:9000", False),
        ("my-custom-s3.com", False),
    ],
)
def test_amazons_endpoints_are_known(endpoint: str, answer: bool):
    """T225: only these are asked to keep a SHA-256."""
    assert answer == is_amazons(endpoint)


async def test_an_archive_is_there_and_comes_back_as_an_input(
    server: S3Server, publisher: S3Publisher, storage: S3Storage, results: Path, tmp_path: Path
):
    """The published result names all that an S3 source needs, and is the folder, file by file."""
    bucket = server.new_bucket()
    published = await publish(publisher, target(server, bucket, "out/{jobID}", Region="us-east-1"), results)
    expected = {"Bucket": bucket, "Key": "out/j-1.tar.gz", "Filter": "", "Region": "us-east-1",
                "Endpoint": server.endpoint, "VersionID": "", "ChecksumSHA256": ""}  # fmt: skip
    assert SpecConfig("s3", expected) == published
    assert ["out/j-1.tar.gz"] == server.keys(bucket)
    (tmp_path / "in").mkdir()
    prepared = await storage.prepare(input_of(published), tmp_path / "in")
    with tarfile.open(prepared.path / "j-1.tar.gz") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert files(results) == files(tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "outputs" / "empty").is_dir()


async def test_files_one_by_one_are_there_and_come_back_as_an_input(
    server: S3Server, publisher: S3Publisher, storage: S3Storage, results: Path, tmp_path: Path
):
    """With Compress false; links that stay inside are the files that they lead to."""
    (results / "outputs" / "link").symlink_to("../stdout")
    bucket = server.new_bucket()
    published = await publish(publisher, target(server, bucket, "out", Compress=False), results)
    assert "out/" == published.params["Key"]
    (tmp_path / "in").mkdir()
    prepared = await storage.prepare(input_of(published), tmp_path / "in")
    assert files(results) == files(prepared.path)
    assert "hello\n" == (prepared.path / "outputs" / "link").read_text()
    assert (prepared.path / "outputs" / "empty").is_dir()


async def test_a_bucket_with_versions_tells_the_version(server: S3Server, publisher: S3Publisher, results: Path):
    """So that the result can be had even when the next one has its key."""
    bucket, client = server.new_bucket(), server.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first, second = [await publish(publisher, target(server, bucket), results) for _ in range(2)]
    listed = {item["VersionId"] for item in client.list_object_versions(Bucket=bucket)["Versions"]}
    assert {first.params["VersionID"], second.params["VersionID"]} == listed
    assert 2 == len(listed)


async def test_a_bucket_that_does_not_exist_is_named(moto_server: S3Server, publisher: S3Publisher, results: Path):
    """And nothing is made for it."""
    said = await refusal(publisher, target(moto_server, "no-such-bucket"), results)
    assert "cannot write s3://no-such-bucket/r.tar.gz: the bucket does not exist" == said


async def test_credentials_that_are_not_accepted_are_not_shown(weed: S3Server, results: Path):
    """Neither key id nor secret."""
    bucket = weed.new_bucket()
    clients = clients_with("AKIANOBODYKNOWSTHIS1", "x" * 40)
    said = await refusal(S3Publisher(clients, lambda: 0), target(weed, bucket), results)
    clients.close()
    assert f"cannot write s3://{bucket}/r.tar.gz: the credentials of this node are not accepted" == said
    assert [] == weed.keys(bucket)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("leads_to", ["/etc/passwd", "../../secret", "outputs/up/../../../secret"])
async def test_a_link_that_leads_out_is_refused(
    moto_server: S3Server, publisher: S3Publisher, results: Path, leads_to: str, packed: bool
):
    """Nothing but results leaves this machine."""
    (results / "outputs" / "up").mkdir()
    (results / "link").symlink_to(leads_to)
    bucket = moto_server.new_bucket()
    said = await refusal(publisher, target(moto_server, bucket, Compress=packed), results)
    assert "the result link is a link that leads out of the results" == said
    assert [] == moto_server.keys(bucket)


@pytest.mark.parametrize("packed", [True, False])
async def test_what_is_no_file_is_refused(moto_server: S3Server, publisher: S3Publisher, results: Path, packed: bool):
    """Pipes, sockets and devices."""
    bucket = moto_server.new_bucket()
    os.mkfifo(results / "pipe")
    said = await refusal(publisher, target(moto_server, bucket, Compress=packed), results)
    assert "the result pipe is no file but a device, a pipe or a socket" == said
    (results / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(results / "socket"))
        assert stat.S_ISSOCK((results / "socket").lstat().st_mode)
        said = await refusal(publisher, target(moto_server, bucket, Compress=packed), results)
    assert "the result socket is no file but a device, a pipe or a socket" == said


async def test_a_link_to_a_folder_goes_into_archives_only(moto_server: S3Server, publisher: S3Publisher, results: Path):
    """S3 has no links; an archive keeps it as a link."""
    (results / "again").symlink_to("outputs")
    bucket = moto_server.new_bucket()
    said = await refusal(publisher, target(moto_server, bucket, Compress=False), results)
    assert "the result again is a link that leads to no file" == said
    await publish(publisher, target(moto_server, bucket), results)
    with tarfile.open(fileobj=io.BytesIO(moto_server.read(bucket, "r.tar.gz"))) as archive:
        assert "outputs" == archive.getmember("again").linkname


class Store:
    """An answer that keeps objects, and can go wrong at one of them."""

    def __init__(self, server: BadServer) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.server = server

    def __call__(self, call: Any) -> None:
        key = unquote(call.path.partition("?")[0].removeprefix("/b/"))
        if call.command == "PUT":
            content = call.take()
            if self.put(call, key, content):
                call.reply(b"")
        elif call.command == "HEAD" and key in self.objects:
            call.reply(self.objects[key][0], x_amz_meta_execution_id=self.objects[key][1])
        elif call.command == "DELETE":
            del self.objects[key]
            call.reply(b"")
        else:
            call.refuse(404, "NoSuchKey")

    def put(self, call: Any, key: str, content: bytes) -> bool:
        self.objects[key] = (content, call.headers.get("x-amz-meta-execution-id", ""))
        return True


async def test_when_one_file_is_refused_those_before_it_are_taken_back(
    bad_server: BadServer, publisher: S3Publisher, results: Path
):
    """And what others have put there stays."""

    class FullStore(Store):
        def put(self, call: Any, key: str, content: bytes) -> bool:
            if key == "r/stdout":
                call.refuse(507, "StorageFull", "no room")
                return False
            return super().put(call, key, content)

    bad_server.answer = store = FullStore(bad_server)
    store.objects["r/other"] = (b"1", "e-0")
    store.objects["r/stdout"] = (b"2", "e-0")
    said = await refusal(publisher, target(bad_server, "b", Compress=False), results)
    assert "cannot write s3://b/r/stdout: StorageFull no room" == said
    assert {"r/other", "r/stdout"} == set(store.objects)
    assert any(call.startswith("PUT /b/r/exitCode") for call in bad_server.calls)


async def test_an_object_whose_answer_was_lost_is_taken_back(
    bad_server: BadServer, publisher: S3Publisher, results: Path
):
    """The execution fails, so the result must not be there."""

    class DeafStore(Store):
        def put(self, call: Any, key: str, content: bytes) -> bool:
            super().put(call, key, content)
            call.close_connection = True
            return False

    bad_server.answer = store = DeafStore(bad_server)
    said = await refusal(publisher, target(bad_server, "b"), results)
    assert "cannot write s3://b/r.tar.gz: the connection broke" == said
    assert {} == store.objects


async def test_a_cancelled_publish_takes_back_what_is_there(
    bad_server: BadServer, publisher: S3Publisher, results: Path
):
    """Cancelled after two of the files; the third is on its way."""

    class SlowStore(Store):
        def put(self, call: Any, key: str, content: bytes) -> bool:
            super().put(call, key, content)
            if key == "r/outputs/deep/data":
                self.server.arrived.set()
                self.server.release.wait(120)
            return True

    bad_server.answer = store = SlowStore(bad_server)
    ended_normally = False

    async def work() -> None:
        nonlocal ended_normally
        await publish(publisher, target(bad_server, "b", Compress=False), results)
        ended_normally = True

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            await trio.to_thread.run_sync(bad_server.arrived.wait, 60)
            nursery.cancel_scope.cancel()
            bad_server.release.set()
    assert ({}, False) == (store.objects, ended_normally)


async def test_a_silent_server_does_not_hold_up_a_cancelled_publish(bad_server: BadServer, results: Path):
    """It is left alone after a while; once the server answers, what is there is taken back all the same."""
    gone = threading.Event()

    class SilentStore(Store):
        def put(self, call: Any, key: str, content: bytes) -> bool:
            super().put(call, key, content)
            self.server.arrived.set()
            self.server.release.wait(120)
            return True

        def __call__(self, call: Any) -> None:
            super().__call__(call)
            if call.command == "DELETE":
                gone.set()

    bad_server.answer = store = SilentStore(bad_server)
    clients = clients_with(clear_up_limit_s=0.01)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(publish, S3Publisher(clients, lambda: 0), target(bad_server, "b"), results)
            await trio.to_thread.run_sync(bad_server.arrived.wait, 60)
            nursery.cancel_scope.cancel()
        assert ["r.tar.gz"] == list(store.objects)
        bad_server.release.set()
        assert await trio.to_thread.run_sync(gone.wait, 60)
    assert {} == store.objects
    clients.close()


async def test_damage_on_the_way_is_found_by_the_server(
    weed: S3Server, clients: S3Clients, results: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each object is sent with its checksum."""
    bucket = weed.new_bucket()
    wrong = {"sha256": "", "md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    monkeypatch.setattr("devstack.adapters.s3.publisher._sums", lambda file: (file.seek(0), wrong))
    said = await refusal(S3Publisher(clients, lambda: 0), target(weed, bucket), results)
    assert f"cannot write s3://{bucket}/r.tar.gz: it was damaged on its way" == said
    assert [] == weed.keys(bucket)


@pytest.mark.parametrize("size_bytes", [3_000_000])
async def test_a_disk_without_room_for_the_archive_is_one_clear_reason(
    moto_server: S3Server, publisher: S3Publisher, results: Path, size_bytes: int
):
    """In the system's own words."""
    from tests.adapters.s3.test_source import largest_file

    (results / "big").write_bytes(os.urandom(size_bytes))
    bucket = moto_server.new_bucket()
    with largest_file(1_000_000):
        said = await refusal(publisher, target(moto_server, bucket), results)
    assert "cannot read the results: File too large" == said
    assert [] == moto_server.keys(bucket)
