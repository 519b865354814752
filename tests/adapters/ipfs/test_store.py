"""Blocks on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.adapters.ipfs.add import add_path
from devstack.adapters.ipfs.cid import Cid, parse_cid
from devstack.adapters.ipfs.read import Reader
from devstack.adapters.ipfs.store import BlockStore
from devstack.errors import AdapterError
from tests.adapters.ipfs.stores import content_of
from tests.adapters.ipfs.trees import CHUNK, build

TREE = {"a": 3 * CHUNK, "b": {"c": 10, "d": 3 * CHUNK}}


@pytest.fixture
def store(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "ipfs")


def add(store: BlockStore, path: Path) -> Cid:
    with store.adding() as adding:
        root = add_path(path, adding.put).cid
        adding.keep(root)
    return root


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_added_is_there_again_after_a_restart(store: BlockStore, tmp_path: Path):
    """Byte by byte, and counted once."""
    made = build(TREE, tmp_path / "made")
    cid = add(store, made)
    again = BlockStore(tmp_path / "ipfs")
    Reader(again.get, cid).save(tmp_path / "read")
    assert content_of(made) == content_of(tmp_path / "read")
    assert store.used_bytes == again.used_bytes == sum(path.stat().st_size for path in files(tmp_path / "ipfs"))
    assert cid == add(again, made)
    assert store.used_bytes == again.used_bytes


def test_nothing_is_made_before_something_is_added(store: BlockStore, tmp_path: Path):
    """A stack without IPFS jobs has no such folder."""
    assert not store.has(Cid.of(b"x"))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt(), AdapterError("refused")])
def test_an_adding_that_dies_in_the_middle_leaves_nothing(store: BlockStore, tmp_path: Path, error: BaseException):
    """No block of it, and no room taken."""
    with pytest.raises(type(error)), store.adding() as adding:
        adding.put(Cid.of(b"one"), b"one")
        assert 3 == store.used_bytes
        raise error
    assert ([], 0, False) == (files(tmp_path), store.used_bytes, store.has(Cid.of(b"one")))


def test_two_may_add_the_same_at_once(store: BlockStore, tmp_path: Path):
    """Neither waits for the other, nor hangs on it; the room is taken once."""
    block = b"shared"
    cid = Cid.of(block)
    with store.adding() as one, store.adding() as two:
        one.put(cid, block)
        two.put(cid, block)
        two.keep(cid)
        assert block == store.get(cid)
        one.keep(cid)
    assert (block, len(block)) == (store.get(cid), store.used_bytes)
    assert 1 == len(files(tmp_path))


def test_a_full_store_refuses_what_does_not_fit(tmp_path: Path):
    """With the way out; what it has stays."""
    store = BlockStore(tmp_path / "ipfs", max_bytes=2 * CHUNK)
    small = add(store, build(100, tmp_path / "small"))
    before = files(tmp_path / "ipfs")
    with pytest.raises(AdapterError, match="the IPFS store of this stack is full: it holds 524288 bytes") as caught:
        add(store, build(3 * CHUNK, tmp_path / "large"))
    assert "--ipfs-connect" in caught.value.hint
    assert (before, True) == (files(tmp_path / "ipfs"), store.has(small))


def test_what_a_killed_stack_has_staged_is_removed(store: BlockStore, tmp_path: Path):
    """When something is added."""
    left = tmp_path / "ipfs" / "staging" / "tmp1"
    left.mkdir(parents=True)
    (left / "1220ff").write_bytes(b"half")
    cid = add(store, build(1, tmp_path / "made"))
    assert [cid.multihash.hex()] == [path.name for path in files(tmp_path / "ipfs")]


def test_a_disk_that_takes_nothing_is_an_error_for_people(tmp_path: Path):
    """One line with the reason."""
    (tmp_path / "ipfs").write_text("a file where the folder should be")
    store = BlockStore(tmp_path / "ipfs")
    with pytest.raises(AdapterError, match=r"^cannot write to the IPFS store of this stack: Not a directory$"):
        add(store, build(1, tmp_path / "made"))


def test_a_cid_that_is_not_there_is_an_error_for_people(store: BlockStore):
    """One line, and what to do."""
    with pytest.raises(AdapterError) as caught:
        store.get(parse_cid("QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"))
    text = 'the IPFS store of this stack does not have the content "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"'
    assert text == caught.value.message
    assert "--ipfs-port" in caught.value.hint


def test_a_block_that_rots_on_the_disk_is_found_out(store: BlockStore, tmp_path: Path):
    """When it is read."""
    cid = add(store, build(100, tmp_path / "made"))
    [block] = files(tmp_path / "ipfs")
    block.write_bytes(block.read_bytes()[:-1] + b"!")
    with pytest.raises(AdapterError, match=f"block {cid} is damaged"):
        Reader(store.get, cid)
