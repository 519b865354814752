"""One block."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.ipfs.cid import DAG_PB, RAW, Cid
from devstack.adapters.ipfs.node import Kind, Link, Node, decode_block

NUMBERS = st.integers(0, 2**63)
LINKS = st.builds(Link, st.binary().map(Cid.of), st.binary(), NUMBERS)
NODES = st.builds(
    Node,
    st.sampled_from(Kind).filter(lambda kind: kind is not Kind.SHARD),
    st.binary(),
    st.lists(LINKS, max_size=5).map(tuple),
    st.none() | NUMBERS,
    st.lists(NUMBERS, max_size=5).map(tuple),
)


def decode(block: bytes) -> Node:
    return decode_block(Cid.of(block), block)


@given(node=NODES)
def test_a_node_is_read_as_it_is_written(node: Node):
    """All of its fields."""
    assert node == decode(node.encode())


@given(block=st.binary())
def test_any_bytes_are_a_node_or_refused(block: bytes):
    """Never another error."""
    with suppress(ValueError):
        decode(block)


@given(node=NODES, cut=st.integers(1, 20))
def test_a_node_that_is_cut_short_is_refused_or_smaller(node: Node, cut: int):
    """Never another error."""
    with suppress(ValueError):
        assert node != decode(node.encode()[:-cut])


def test_a_raw_block_is_a_file():
    """All of its bytes."""
    assert Node(Kind.FILE, b"any", file_bytes=3) == decode_block(Cid.of(b"any", RAW), b"any")


def test_sizes_of_parts_may_be_packed():
    """As some writers do."""
    assert (1, 300) == decode(bytes.fromhex("0a09080218032203" "01ac02")).part_bytes


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("", "no part of a file or folder"),
        ("0a00", "does not say what it is"),
        ("0a020809", "9 is not a valid Kind"),
        ("0a0508021202", "cut short"),
        ("0d00000000", "not in the encoding"),
        ("1202120061", "leads nowhere"),
    ],
)
def test_what_is_no_node_is_refused(block: str, reason: str):
    """With the reason."""
    data = bytes.fromhex(block)
    with pytest.raises(ValueError, match=reason):
        decode_block(Cid(1, DAG_PB, Cid.of(data).multihash), data)
