"""The source and the publisher, over the embedded store and over an outside node (which is our own server)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from devstack.adapters.ipfs.kubo import KuboNode
from devstack.adapters.ipfs.providers import IpfsPublisher, IpfsStorage
from devstack.adapters.ipfs.store import BlockStore, Content
from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput
from tests.adapters.ipfs.kubo import RECORDED
from tests.adapters.ipfs.stores import content_of
from tests.adapters.ipfs.trees import CHUNK, TREES, build

MISSING = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"


@pytest.fixture(params=["embedded", "outside"])
async def content(request: pytest.FixtureRequest, block_store: BlockStore, rpc_url: str) -> AsyncIterator[Content]:
    if request.param == "embedded":
        yield block_store
        return
    node = KuboNode(rpc_url)
    yield node
    await node.aclose()


async def publish(content: Content, results: Path) -> SpecConfig:
    return await IpfsPublisher(content).publish(SpecConfig("ipfs"), "e-1", "j-1", "node-1", results)


def source(cid: object) -> SpecConfig:
    return SpecConfig("ipfs", {"cid": cid})


async def test_results_are_an_input_again(content: Content, tmp_path: Path):
    """Byte by byte, under the CID that Kubo gives; below the target, writable, in a copy of its own."""
    results = build(TREES["results"], tmp_path / "results")
    published = await publish(content, results)
    assert f'"results": "{published.param("CID", "")}"' in RECORDED.read_text()
    assert "ipfs" == published.type
    storage, folder = IpfsStorage(content), tmp_path / "input"
    folder.mkdir()
    prepared = await storage.prepare(InputSource(published, "alias", "/in"), folder)
    path = folder / str(published.param("CID", ""))
    assert PreparedInput(path, "/in", alias="alias", read_only=False, input_target="/in") == prepared
    assert content_of(results) == content_of(prepared.path)
    assert await storage.has_locally(published)


async def test_the_size_is_that_of_all_blocks(content: Content, tmp_path: Path):
    """What Kubo calls the cumulative size: here 21 bytes of the file's block, 47 of the folder's."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "f").write_bytes(b"hello, world\n")
    published = await publish(content, tmp_path / "results")
    assert 21 + 47 == await IpfsStorage(content).size_bytes(published)


async def test_a_single_file_stands_at_the_target_itself(block_store: BlockStore, tmp_path: Path):
    """As inline input does. Here the CID is the file."""
    prepared = await IpfsStorage(block_store).prepare(
        InputSource(source("bafkqaddimvwgy3zao5xxe3debi"), "", "/in/text"), tmp_path
    )
    assert (b"hello world\n", "/in/text") == (prepared.path.read_bytes(), prepared.target)


async def test_a_cid_that_nobody_has_is_one_line(content: Content, tmp_path: Path):
    """When its size is asked for, and when it is fetched; it is not local, and nothing is left."""
    storage = IpfsStorage(content)
    assert not await storage.has_locally(source(MISSING))
    with pytest.raises(AdapterError, match=f'does not have the content "{MISSING}"'):
        await storage.size_bytes(source(MISSING))
    (tmp_path / "input").mkdir()
    with pytest.raises(AdapterError, match=f'does not have the content "{MISSING}"'):
        await storage.prepare(InputSource(source(MISSING), "", "/in"), tmp_path / "input")
    assert [] == list((tmp_path / "input").iterdir())


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (source(""), "invalid ipfs params. cid cannot be empty"),
        (source(7), "invalid ipfs params: CID must be a text, not 7"),
        (source("../etc"), 'invalid CID "../etc"'),
        (SpecConfig("ipfs"), "invalid storage source params. cannot be nil"),
        (SpecConfig("s3", {"CID": "x"}), "invalid storage source type. expected ipfs, but received: s3"),
    ],
)
async def test_parameters_without_a_cid_are_refused(block_store: BlockStore, spec: SpecConfig, text: str):
    """With Bacalhau's words."""
    with pytest.raises(AdapterError) as caught:
        await IpfsStorage(block_store).size_bytes(spec)
    assert caught.value.message.startswith(text)


async def test_a_publish_that_is_cancelled_leaves_no_result(block_store: BlockStore, tmp_path: Path):
    """It looks up before every piece."""
    results = build({"a": CHUNK, "b": CHUNK}, tmp_path / "results")
    with trio.CancelScope() as scope:
        scope.cancel()
        await publish(block_store, results)
    assert scope.cancelled_caught
    assert [] == [path for path in (tmp_path / "ipfs").rglob("*") if path.is_file()]


async def test_results_that_are_no_files_fail_with_the_reason(content: Content, tmp_path: Path):
    """Nothing is published of them."""
    results = build({"a": 1}, tmp_path / "results")
    os.mkfifo(results / "pipe")
    with pytest.raises(AdapterError, match="pipe is neither a file nor a folder"):
        await publish(content, results)


async def test_links_in_results_are_never_followed(block_store: BlockStore, tmp_path: Path):
    """They are kept as links, as Kubo does, and left out when they are an input."""
    results = build({"secret": "/etc/passwd", "folder": "/etc", "f": 1}, tmp_path / "results")
    published = await publish(block_store, results)
    prepared = await IpfsStorage(block_store).prepare(InputSource(published, "", "/in"), tmp_path)
    assert ["f"] == list(content_of(prepared.path))


async def test_an_input_that_nobody_brings_can_be_cancelled(tmp_path: Path):
    """While an outside node looks for it."""
    asked = trio.Event()

    class Mute(BlockStore):
        def get(self, cid: object) -> bytes:
            trio.from_thread.run_sync(asked.set)
            trio.from_thread.run(trio.sleep_forever)
            raise AssertionError

    (tmp_path / "input").mkdir()
    async with trio.open_nursery() as nursery:
        storage = IpfsStorage(Mute(tmp_path))
        nursery.start_soon(storage.prepare, InputSource(source(MISSING), "", "/in"), tmp_path / "input")
        await asked.wait()
        nursery.cancel_scope.cancel()
    assert [] == list((tmp_path / "input").iterdir())


async def test_a_size_that_nobody_tells_in_time_is_one_line(tmp_path: Path):
    """With Bacalhau's words; an outside node may look for it on the whole network."""

    class Mute(BlockStore):
        def get(self, cid: object) -> bytes:
            trio.from_thread.run(trio.sleep_forever)
            raise AssertionError

    with pytest.raises(AdapterError, match=f'unable to retrieve content "{MISSING}" before timeout'):
        await IpfsStorage(Mute(tmp_path), limit_s=0.01).size_bytes(source(MISSING))
