"""Input from S3, on two servers that are built differently and one that behaves badly."""

from __future__ import annotations

import base64
import hashlib
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trio

from devstack.adapters.s3 import S3Clients, S3Storage
from devstack.errors import AdapterError
from tests.adapters.s3.conftest import BadServer, clients_with, files, input_of, source
from tests.s3_server import S3Server

NAMES = ("set1/001", "set1/002", "set1/101", "set1/102", "set2/201", "set2/202", "set2/nested/301", "set2/nested/302")
TREE = {f"root/{name}.txt": f"{name[-3:]}\n" for name in NAMES}


@cache
def tree_bucket(server: S3Server) -> str:
    """A bucket with the tree, for all tests that only read."""
    return server.new_bucket(**TREE)


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


async def refusal(storage: S3Storage, spec: Any, folder: Path) -> str:
    """Why the input cannot be had; nothing of it is there."""
    with pytest.raises(AdapterError) as caught:
        await storage.prepare(input_of(spec), folder)
    assert [] == list(folder.iterdir())
    return caught.value.message


@pytest.mark.parametrize(
    ("key", "pattern", "names"),
    [
        pytest.param("set1/001.txt", "", ["001.txt"], id="T193"),
        pytest.param("set1/*", "", ["001.txt", "002.txt", "101.txt", "102.txt"], id="T195"),
        pytest.param("set1/", "", ["001.txt", "002.txt", "101.txt", "102.txt"], id="slash"),
        pytest.param("set1/00*", "", ["001.txt", "002.txt"], id="T197"),
        pytest.param("set1/*", "[0-1]01.txt", ["001.txt", "101.txt"], id="T199"),
        pytest.param("set1/*", "^1", ["101.txt", "102.txt"], id="filter-begins-after-prefix"),
        pytest.param("set1/*", "nonexistent", [], id="T201"),
        pytest.param("nowhere/", "", [], id="empty-prefix"),
        pytest.param("set2/", "", ["201.txt", "202.txt", "nested/301.txt", "nested/302.txt"], id="nested"),
        pytest.param("set*", "nested", ["set2/nested/301.txt", "set2/nested/302.txt"], id="prefix-within-a-name"),
    ],
)
async def test_a_key_names_an_object_or_all_below_a_prefix(
    server: S3Server, storage: S3Storage, tmp_path: Path, key: str, pattern: str, names: list[str]
):
    """Key, trailing slash, trailing star and filter choose; names begin after the folders that the key names."""
    spec = source(server, tree_bucket(server), f"root/{key}", Filter=pattern)
    assert 4 * len(names) == await storage.size_bytes(spec)
    prepared = await storage.prepare(input_of(spec), tmp_path)
    assert {name: f"{name[-7:-4]}\n" for name in names} == files(prepared.path)
    assert prepared.path.is_dir()
    assert ("/inputs", "/inputs", "data", False) == (
        prepared.target, prepared.input_target, prepared.alias, prepared.read_only,
    )  # fmt: skip


async def test_without_a_key_the_whole_bucket_comes(server: S3Server, storage: S3Storage, tmp_path: Path):
    """Under full keys; an object whose key ends with a slash is a folder."""
    bucket = server.new_bucket(**TREE, **{"empty/": b""})
    prepared = await storage.prepare(input_of(source(server, bucket)), tmp_path)
    assert TREE == files(prepared.path)
    assert (prepared.path / "empty").is_dir()
    assert not await storage.has_locally(source(server, bucket))


async def test_listings_of_several_pages_are_followed(bad_server: BadServer, storage: S3Storage):
    """To the last one."""

    def answer(call: Any) -> None:
        more = "" if "continuation-token=next" in call.path else "<NextContinuationToken>next</NextContinuationToken>"
        key = "a" if more else "b"
        truncated = str(bool(more)).lower()
        call.reply(
            f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{more}"
            f"<Contents><Key>{key}</Key><Size>21</Size></Contents></ListBucketResult>".encode()
        )

    bad_server.answer = answer
    assert 42 == await storage.size_bytes(source(bad_server, "b"))


async def test_a_version_can_be_named(server: S3Server, storage: S3Storage, tmp_path: Path):
    """T207, T209: with or without its checksum."""
    bucket, client = server.new_bucket(), server.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = client.put_object(Bucket=bucket, Key="v.txt", Body=b"001\n", ChecksumAlgorithm="SHA256")["VersionId"]
    client.put_object(Bucket=bucket, Key="v.txt", Body=b"002\n", ChecksumAlgorithm="SHA256")
    wishes = [{}, {"VersionID": old}, {"VersionID": old, "ChecksumSHA256": sha256(b"001\n")}]
    got = []
    for index, wish in enumerate(wishes):
        (tmp_path / str(index)).mkdir()
        prepared = await storage.prepare(input_of(source(server, bucket, "v.txt", **wish)), tmp_path / str(index))
        got.append((prepared.path / "v.txt").read_text())
    assert ["002\n", "001\n", "001\n"] == got


async def test_a_checksum_is_compared(server: S3Server, storage: S3Storage, tmp_path: Path):
    """T203, T205: the right one is taken, a wrong one or one that the server does not have is an error."""
    bucket, client = server.new_bucket(plain=b"001\n"), server.client()
    client.put_object(Bucket=bucket, Key="summed", Body=b"001\n", ChecksumAlgorithm="SHA256")
    right, wrong = sha256(b"001\n"), sha256(b"else")
    assert 4 == await storage.size_bytes(source(server, bucket, "summed", ChecksumSHA256=right))
    prepared = await storage.prepare(input_of(source(server, bucket, "summed", ChecksumSHA256=right)), tmp_path / "a")
    assert {"summed": "001\n"} == files(prepared.path)
    (tmp_path / "b").mkdir()
    for key, asked, has in (("summed", wrong, right), ("plain", right, "")):
        text = f"checksum mismatch for s3://{bucket}/{key}, expected {asked}, got {has}"
        assert text == await refusal(storage, source(server, bucket, key, ChecksumSHA256=asked), tmp_path / "b")


@pytest.mark.parametrize(
    ("bucket", "key", "reason"),
    [
        ("no-such-bucket", "k", "cannot read s3://no-such-bucket/k: the bucket does not exist"),
        ("no-such-bucket", "k/*", "cannot read s3://no-such-bucket/k/*: the bucket does not exist"),
        ("", "absent", "cannot read s3://{bucket}/absent: there is no such object"),
        ("not a bucket", "k", "Invalid bucket name"),
    ],
)
async def test_what_is_not_there_is_named(
    server: S3Server, storage: S3Storage, tmp_path: Path, bucket: str, key: str, reason: str
):
    """One reason, already when the size is asked."""
    bucket = bucket or server.new_bucket(k=b"x")
    spec = source(server, bucket, key)
    with pytest.raises(AdapterError) as caught:
        await storage.size_bytes(spec)
    assert reason.format(bucket=bucket) in caught.value.message
    assert caught.value.message == await refusal(storage, spec, tmp_path)


@pytest.mark.parametrize(
    ("key_id", "secret"), [("AKIANOBODYKNOWSTHIS1", "x" * 40), ("AKIADEVSTACKTESTS001", "a-wrong-secret")]
)
async def test_credentials_that_are_not_accepted_are_no_secret_but_unnamed(
    weed: S3Server, tmp_path: Path, key_id: str, secret: str
):
    """The reason says so, and shows nothing of them."""
    bucket = weed.new_bucket(k=b"x")
    clients = clients_with(key_id, secret)
    said = await refusal(S3Storage(clients), source(weed, bucket, "k"), tmp_path)
    clients.close()
    assert f"cannot read s3://{bucket}/k: the credentials of this node are not accepted" == said


@pytest.mark.parametrize(
    ("status", "code", "message", "reason"),
    [
        (400, "ExpiredToken", "", "the credentials of this node have expired"),
        (403, "AccessDenied", "", "the credentials of this node do not allow it"),
        (418, "Strange", "your key is AKIADEVSTACKTESTS001, or so", "Strange your key is ..., or so"),
    ],
)
async def test_a_refusal_is_told_in_our_words(
    bad_server: BadServer, storage: S3Storage, tmp_path: Path, status: int, code: str, message: str, reason: str
):
    """The answer to HEAD has no body, so the reason is asked for; a key id that the server shows is left out."""
    bad_server.answer = lambda call: call.refuse(status, code, message)
    assert f"cannot read s3://b/k: {reason}" == await refusal(storage, source(bad_server, "b", "k"), tmp_path)


def serve(listed: dict[str, bytes], **sent: bytes) -> Any:
    """An answer that lists these objects, and sends others when they are fetched."""

    def answer(call: Any) -> None:
        path = call.path.partition("?")[0].removeprefix("/b/")
        if "list-type=2" in call.path:
            items = "".join(f"<Contents><Key>{k}</Key><Size>{len(v)}</Size></Contents>" for k, v in listed.items())
            call.reply(f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode())
        elif call.command == "HEAD":
            call.reply(listed[path], x_amz_checksum_sha256=sha256(listed[path]))
        else:
            call.reply(sent.get(path, listed[path]))

    return answer


@pytest.mark.parametrize("key", ["../out", "a/../../out", "/etc/passwd", "a//b", "a/./b", ".."])
async def test_no_key_leads_out_of_the_folder(bad_server: BadServer, storage: S3Storage, tmp_path: Path, key: str):
    """A key that is no path below the folder is refused before anything is fetched."""
    bad_server.answer = serve({"good": b"1", key: b"2"})
    said = await refusal(storage, source(bad_server, "b"), tmp_path)
    assert f"the object key {key!r} cannot be a file: it has an empty part or leads out of its folder" == said
    assert ["GET"] == [call.split()[0] for call in bad_server.calls]


async def test_a_key_that_is_file_and_folder_is_one_clear_error(
    bad_server: BadServer, storage: S3Storage, tmp_path: Path
):
    """S3 can have `a` and `a/b`; a disk cannot."""
    bad_server.answer = serve({"a": b"1", "a/b": b"2"})
    said = await refusal(storage, source(bad_server, "b"), tmp_path)
    assert said.startswith("cannot fetch s3://b/a")


@pytest.mark.parametrize("sent", [b"12345", b"123"])
async def test_another_length_than_was_said_is_an_error(
    bad_server: BadServer, storage: S3Storage, tmp_path: Path, sent: bytes
):
    """The object was exchanged between the listing and the fetch."""
    bad_server.answer = serve({"k": b"1234"}, k=sent)
    said = await refusal(storage, source(bad_server, "b"), tmp_path)
    assert "cannot fetch s3://b/k: the object was changed meanwhile" == said


async def test_damaged_bytes_do_not_pass_for_their_checksum(bad_server: BadServer, storage: S3Storage, tmp_path: Path):
    """What comes is summed here, whatever the server says of it."""
    bad_server.answer = serve({"k": b"1234"}, k=b"1235")
    spec = source(bad_server, "b", "k", ChecksumSHA256=sha256(b"1234"))
    said = await refusal(storage, spec, tmp_path)
    assert f"checksum mismatch for s3://b/k, expected {sha256(b'1234')}, got {sha256(b'1235')}" == said


async def test_a_body_that_breaks_off_is_an_error(bad_server: BadServer, storage: S3Storage, tmp_path: Path):
    """Half a file is none."""

    def answer(call: Any) -> None:
        call.reply(b"12", length=4)
        call.close_connection = True

    bad_server.answer = answer
    said = await refusal(storage, source(bad_server, "b", "k"), tmp_path)
    assert "cannot fetch s3://b/k: the connection broke" == said


async def test_objects_are_fetched_eight_at_a_time(bad_server: BadServer, storage: S3Storage, tmp_path: Path):
    """All eight requests are on their way before the first is answered, and never one more."""
    objects = {f"k{index:02}": b"x" for index in range(20)}
    inner, together = serve(objects), threading.Barrier(8)
    lock, now, most = threading.Lock(), 0, 0

    def answer(call: Any) -> None:
        nonlocal now, most
        if "list-type=2" in call.path:
            inner(call)
            return
        with lock:
            now += 1
            most = max(now, most)
            is_first_round = len(bad_server.calls) <= 9
        if is_first_round:
            together.wait(20)
        with lock:
            now -= 1
        inner(call)

    bad_server.answer = answer
    prepared = await storage.prepare(input_of(source(bad_server, "b")), tmp_path)
    assert (20, 8) == (len(files(prepared.path)), most)


async def test_a_cancelled_download_ends_at_once_and_leaves_nothing(
    bad_server: BadServer, storage: S3Storage, tmp_path: Path
):
    """Even of a server that is silent in the middle of a body."""

    def answer(call: Any) -> None:
        if call.command == "HEAD":
            call.reply(b"1234")
            return
        call.reply(b"12", length=4)
        call.wfile.flush()
        bad_server.arrived.set()
        bad_server.release.wait(120)

    bad_server.answer = answer
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(storage.prepare, input_of(source(bad_server, "b", "k")), tmp_path)
            await trio.to_thread.run_sync(bad_server.arrived.wait, 60)
            nursery.cancel_scope.cancel()
    assert [] == list(tmp_path.iterdir())
    assert not bad_server.release.is_set()


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """The system takes no larger files; a full disk answers at the same place."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_takes_no_more_is_one_clear_reason(server: S3Server, storage: S3Storage, tmp_path: Path):
    """With the system's own words."""
    bucket = server.new_bucket(big=bytes(3_000_000), small=b"x")
    with largest_file(1_000_000):
        said = await refusal(storage, source(server, bucket), tmp_path)
    assert f"cannot fetch s3://{bucket}/big: File too large" == said


async def test_more_than_is_allowed_is_refused_before_it_is_fetched(
    moto_server: S3Server, clients: S3Clients, tmp_path: Path
):
    """All objects together count."""
    bucket = moto_server.new_bucket(a=b"1234", b=b"5678")
    said = await refusal(S3Storage(clients, max_bytes=7), source(moto_server, bucket), tmp_path)
    assert f"s3://{bucket}/ has 8 bytes, more than the 7 allowed" == said


async def test_a_size_that_nobody_tells_is_waited_for_no_longer_than_the_limit(
    bad_server: BadServer, clients: S3Clients
):
    """A silent server does not hold up a bid for ever."""
    bad_server.answer = lambda call: bad_server.release.wait(120) and None
    with pytest.raises(AdapterError, match="cannot read s3://b/k: its size was not told within 0.05 s"):
        await S3Storage(clients, size_limit_s=0.05).size_bytes(source(bad_server, "b", "k"))


async def test_a_silent_server_is_given_up(bad_server: BadServer, tmp_path: Path):
    """After the read timeout of the client."""
    bad_server.answer = lambda call: bad_server.release.wait(120) and None
    clients = clients_with(read_timeout_s=0.05)
    said = await refusal(S3Storage(clients), source(bad_server, "b", "k"), tmp_path)
    clients.close()
    assert "cannot read s3://b/k: the server does not answer in time" == said


async def test_a_server_that_is_not_there_is_named(storage: S3Storage, tmp_path: Path):
    """Nothing listens on that port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        spec = source(BadEndpoint(f"http://127.0.0.1:{unused.getsockname()[1]}"), "b", "k")
        assert "cannot read s3://b/k: the server cannot be reached" == await refusal(storage, spec, tmp_path)


class BadEndpoint:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint


@pytest.mark.parametrize("endpoint", ["localhost:9000", "ftp://127.0.0.1/", "http://", "file:///etc/passwd"])
async def test_an_endpoint_is_a_web_address(storage: S3Storage, tmp_path: Path, endpoint: str):
    """Anything else is refused by name."""
    said = await refusal(storage, source(BadEndpoint(endpoint), "b", "k"), tmp_path)
    assert f"invalid s3 endpoint {endpoint!r}: it is no web address" == said
