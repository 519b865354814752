"""Content identifiers."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.ipfs.cid import DAG_PB, RAW, Cid, decode_cid, parse_cid, read_varint, varint
from devstack.errors import AdapterError

EMPTY_FILE = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"  # The raw block `hello world`.


def test_the_cids_that_everybody_knows():
    """The empty file and folder, and a raw block."""
    assert EMPTY_FILE == str(Cid.of(bytes.fromhex("0a0408021800")))
    assert "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn" == str(Cid.of(bytes.fromhex("0a020801")))
    assert HELLO == str(Cid.of(b"hello world", RAW))


@given(block=st.binary(), codec=st.sampled_from([DAG_PB, RAW]))
def test_a_cid_is_read_as_it_is_written(block: bytes, codec: int):
    """As text and as bytes; and it proves its block alone."""
    cid = Cid.of(block, codec)
    assert cid == parse_cid(str(cid)) == decode_cid(bytes(cid))
    assert (True, False) == (cid.proves(block), cid.proves(block + b"x"))


@pytest.mark.parametrize(
    "text",
    [
        HELLO,
        HELLO.upper(),
        f"ipfs://{HELLO}",
        f" /ipfs/{HELLO}\n",
        "f01551220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
        "F01551220B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9",
        "zb2rhj7crUKTQYRGCRATFaQ6YFLTde2YzdqbbhAASkL9uRDXn",
        "k2cwued9o1pvrt3q271rrqbo49x30tbxwpoeaq75z14e5ui2rzygpbe1",
        "uAVUSILlNJ7mTTT4IpS5S19p9q_rEhO_jelOA7pCI96zi783p",
    ],
)
def test_a_cid_in_every_base_is_the_same(text: str):
    """The letter before it says which base it is in."""
    assert HELLO == str(parse_cid(text))


def test_a_cid_may_hold_its_block():
    """Instead of a hash."""
    cid = parse_cid("bafkqaddimvwgy3zao5xxe3debi")
    assert (b"hello world\n", True) == (cid.inline, cid.proves(b"hello world\n"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("nonsense", "it begins with no base"),
        ("Qm", "it begins with no base"),
        (EMPTY_FILE[:-1], "it begins with no base"),
        (EMPTY_FILE[:-1] + "0", "it holds '0'"),
        ("baf!", "it holds letters that its base does not have"),
        ("b", "a number in it has no end"),
        ("bafy", "letters that its base does not have"),
        ("bafkreiaa", "its hash has the wrong length"),
        (HELLO[:-3], "its hash has the wrong length"),
        ("f02551220" + "00" * 32, "its version is not 0 or 1"),
        ("f01711220" + "00" * 32, "codec 0x71 is neither dag-pb nor raw"),
        ("f01701340" + "00" * 64, "hash 0x13 is not known here"),
        ("f" + "ff" * 20, "a number in it has no end"),
        ("b" * 300, "it is too long"),
        ("bé", "letters that no base has"),
    ],
)
def test_what_is_no_cid_is_refused_in_one_line(text: str, reason: str):
    """With the reason and an example."""
    with pytest.raises(AdapterError, match="^invalid CID") as caught:
        parse_cid(text)
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert "Qm..." in caught.value.hint


@given(text=st.text())
def test_any_text_is_a_cid_or_refused(text: str):
    """Never another error."""
    with suppress(AdapterError):
        parse_cid(text)


@given(number=st.integers(0, 2**64 - 1))
def test_numbers_are_read_as_they_are_written(number: int):
    """Seven bits a byte."""
    assert (number, len(varint(number))) == read_varint(varint(number), 0)
