"""Folders too large for one block."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.ipfs.add import put_node
from devstack.adapters.ipfs.cid import Cid
from devstack.adapters.ipfs.node import Kind, Link
from devstack.adapters.ipfs.read import Reader
from devstack.adapters.ipfs.shard import is_large, murmur3, shards
from tests.adapters.ipfs.stores import MemoryContent

NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"/" not in name and b"\0" not in name)


def test_murmur3_is_the_one_that_everybody_has():
    """The published hashes of a few texts, of which IPFS takes the first half."""
    assert "0000000000000000" == murmur3(b"").hex()
    assert "cbd8a7b341bd9b02" == murmur3(b"hello").hex()
    assert "e34bbc7bbc071b6c" == murmur3(b"The quick brown fox jumps over the lazy dog").hex()


@given(names=st.sets(NAMES.filter(lambda name: name not in (b".", b"..")), min_size=1, max_size=400))
def test_a_sharded_folder_has_the_entries_that_were_put(names: set[bytes]):
    """Each with its name and CID, in order."""
    store = MemoryContent()
    links = [store.file(name, name) for name in names]
    root = shards(links, lambda node: put_node(node, store.put))
    reader = Reader(store.get, root.cid)
    assert Kind.SHARD is reader.root.kind
    assert sorted(links, key=lambda link: link.name) == reader.entries(reader.root)


def test_a_folder_is_large_from_256_kib_of_names_and_cids_on():
    """34 bytes are the CID's."""
    entry = Link(Cid.of(b""), b"x" * (1024 - 34), 0)
    assert (False, True) == (is_large([entry] * 255), is_large([entry] * 256))
