"""Reading trees, whoever made them."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.ipfs.cid import RAW, Cid, parse_cid
from devstack.adapters.ipfs.node import Kind, Link, Node
from devstack.adapters.ipfs.read import Limits, Reader
from devstack.errors import AdapterError
from tests.adapters.ipfs.stores import MemoryContent, content_of


@pytest.fixture
def store() -> MemoryContent:
    return MemoryContent()


def refused(store: MemoryContent, root: Link | Cid, folder: Path, limits: Limits = Limits()) -> str:  # noqa: B008
    """Why it is; nothing is left of it."""
    with pytest.raises(AdapterError) as caught:
        Reader(store.get, root.cid if isinstance(root, Link) else root, limits).save(folder / "read")
    assert [] == list(folder.iterdir())
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/etc/passwd", b"../up", b"a\0b"])
def test_names_that_lead_out_of_a_folder_are_refused(store: MemoryContent, tmp_path: Path, name: bytes):
    """Wherever they stand."""
    inner = store.folder(store.file(b"x", name), name=b"inner")
    assert "which no file or folder may have" in refused(store, store.folder(store.file(b"y", b"a"), inner), tmp_path)


def test_a_name_that_is_there_twice_is_refused(store: MemoryContent, tmp_path: Path):
    """One would hide the other."""
    root = store.folder(store.file(b"1", b"a"), store.file(b"2", b"a"))
    assert "holds the name 'a' twice" in refused(store, root, tmp_path)


def test_a_damaged_block_is_refused(store: MemoryContent, tmp_path: Path):
    """Every block is held against its hash."""
    file = store.file(b"good", b"f")
    root = store.folder(file)
    store.blocks[file.cid.multihash] = store.blocks[file.cid.multihash].replace(b"good", b"evil")
    assert f"block {file.cid} is damaged" in refused(store, root, tmp_path)


def test_a_block_that_is_not_there_ends_the_reading(store: MemoryContent, tmp_path: Path):
    """What came before it is taken away."""
    missing = store.file(b"b", b"b")
    root = store.folder(store.file(b"a", b"a"), missing)
    del store.blocks[missing.cid.multihash]
    assert f"no block {missing.cid}" == refused(store, root, tmp_path)


def test_links_are_left_out(store: MemoryContent, tmp_path: Path):
    """None can lead out of the folder, nor any file be written through it."""
    link = store.node(Node(Kind.SYMLINK, b"/etc"), b"out")
    Reader(store.get, store.folder(link, store.file(b"f", b"f")).cid).save(tmp_path / "read")
    assert {"f": b"f"} == content_of(tmp_path / "read")


def test_a_link_alone_is_nothing_to_read(store: MemoryContent, tmp_path: Path):
    """Neither file nor folder."""
    link = store.node(Node(Kind.SYMLINK, b"/etc"))
    assert "holds something else where a file should be" in refused(store, link, tmp_path)


def test_a_small_tree_that_swells_is_refused(store: MemoryContent, tmp_path: Path):
    """Fifteen levels of ten links to the same block: as honest as it is endless."""
    link = store.file(b"bomb", b"f")
    for _ in range(15):
        links = tuple(Link(link.cid, b"%d" % number, link.total_bytes) for number in range(10))
        link = store.node(Node(Kind.FOLDER, links=links))
    assert "more than" in refused(store, link, tmp_path)


def test_a_tree_that_holds_more_than_it_says_is_refused(store: MemoryContent, tmp_path: Path):
    """A node has made room for what the root says."""
    big = Node(Kind.FILE, b"x" * 100_000, file_bytes=100_000)
    root = store.folder(store.node(big, b"f", total_bytes=10))
    assert "holds more than the" in refused(store, root, tmp_path)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(entries=3), "more than 3 entries"),
        (Limits(blocks=4), "more than 4 blocks"),
        (Limits(total_bytes=100), "more than 100"),
        (Limits(folder_depth=2), "more than 2 folders in each other"),
    ],
)
def test_everything_has_a_limit(store: MemoryContent, tmp_path: Path, limits: Limits, reason: str):
    """Entries, blocks, bytes, depth."""
    inner = store.folder(store.folder(store.folder(name=b"c"), name=b"b"), store.file(b"y" * 50, b"z"), name=b"a")
    root = store.folder(inner, store.file(b"x" * 50, b"f"))
    assert reason in refused(store, root, tmp_path, limits)


def test_a_file_that_is_no_tree_of_files_is_refused(store: MemoryContent, tmp_path: Path):
    """A folder in it, a chain without end, a size that is not so."""
    folder = store.folder()
    assert "not made as files are" in refused(
        store, store.node(Node(Kind.FILE, links=(folder,), file_bytes=0)), tmp_path
    )
    chain = store.file(b"end")
    for _ in range(100):
        chain = store.node(Node(Kind.FILE, links=(chain,), file_bytes=3, part_bytes=(3,)))
    assert "not made as files are" in refused(store, chain, tmp_path)
    short = store.node(Node(Kind.FILE, b"abc", file_bytes=4))
    assert "says it has 4 bytes, and has 3" in refused(store, short, tmp_path)


def test_shards_that_are_none_are_refused(store: MemoryContent, tmp_path: Path):
    """A file where a shard should be."""
    root = store.node(Node(Kind.SHARD, b"\1", (store.file(b"x", b"00"),), fanout=256))
    assert "large folder that is not made as those are" in refused(store, root, tmp_path)


def test_other_blocks_are_refused(store: MemoryContent, tmp_path: Path):
    """What is no UnixFS, or what nobody uses."""
    junk = Cid.of(b"junk")
    store.put(junk, b"junk")
    assert f"block {junk} cannot be read" in refused(store, junk, tmp_path)
    assert "something else where a file should be" in refused(store, store.node(Node(Kind.METADATA)), tmp_path)


def test_trees_of_other_writers_are_read(store: MemoryContent, tmp_path: Path):
    """Raw leaves, as `ipfs add --cid-version 1` makes them, a leaf that is in its link, content before the links."""
    raw, inside = Cid.of(b"raw, ", RAW), parse_cid("bafkqaddimvwgy3zao5xxe3debi")
    store.put(raw, b"raw, ")
    links = (Link(raw, b"", 5), Link(inside, b"", 12))
    file = store.node(Node(Kind.FILE, b"first, ", links, 24, (5, 12)), b"f")
    root = store.folder(file, Link(raw, b"r", 5))
    Reader(store.get, attrs.evolve(root.cid, version=1)).save(tmp_path / "read")
    assert {"f": b"first, raw, hello world\n", "r": b"raw, "} == content_of(tmp_path / "read")


def test_what_exists_is_not_overwritten(store: MemoryContent, tmp_path: Path):
    """Nor taken away."""
    (tmp_path / "read").write_text("mine")
    with pytest.raises(AdapterError, match="exists already"):
        Reader(store.get, store.file(b"x").cid).save(tmp_path / "read")
    assert "mine" == (tmp_path / "read").read_text()


def test_a_name_that_the_disk_does_not_take_is_an_error_for_people(store: MemoryContent, tmp_path: Path):
    """No traceback, and nothing left."""
    assert "File name too long" in refused(store, store.folder(store.file(b"x", b"n" * 300)), tmp_path)


def test_whoever_is_asked_before_every_block_can_end_the_reading(store: MemoryContent, tmp_path: Path):
    """Nothing is left."""
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise KeyboardInterrupt

    root = store.folder(store.file(b"a", b"a"), store.file(b"b", b"b"))
    with pytest.raises(KeyboardInterrupt):
        Reader(store.get, root.cid, check=check).save(tmp_path / "read")
    assert [] == list(tmp_path.iterdir())


NAMES = st.binary(min_size=1, max_size=8).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)
FOLDERS = st.recursive(st.binary(max_size=50), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)


@given(tree=FOLDERS)
def test_what_is_added_is_read_back(tree: dict[bytes, object] | bytes, tmp_path_factory: pytest.TempPathFactory):
    """Any files and folders, with any names; and adding it again gives the same CID."""
    folder = tmp_path_factory.mktemp("tree")
    made, read, store = folder / "made", folder / "read", MemoryContent()
    _make(tree, made)
    cid = store.add(made)
    Reader(store.get, cid).save(read)
    assert cid == store.add(read)
    assert made.is_dir() == read.is_dir()


def _make(tree: dict[bytes, object] | bytes | object, path: Path) -> None:
    if isinstance(tree, dict):
        path.mkdir()
        for name, inner in tree.items():
            _make(inner, path / os.fsdecode(name))
    else:
        assert isinstance(tree, bytes)
        path.write_bytes(tree)
