"""Packing and unpacking archives."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.adapters.archive import Limits, content_bytes, pack, unpack
from devstack.errors import AdapterError

NAMES = st.text(
    st.characters(min_codepoint=33, exclude_characters="/\\", exclude_categories=("Cs",)), min_size=1, max_size=12
)
NAMES = NAMES.filter(lambda name: name not in (".", ".."))
TREES = st.recursive(st.binary(max_size=300), lambda child: st.dictionaries(NAMES, child, max_size=4), max_leaves=12)


def make(folder: Path, tree: dict[str, object]) -> None:
    for name, content in tree.items():
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.mkdir()
            make(path, content)


def read(folder: Path) -> dict[str, object]:
    return {path.name: read(path) if path.is_dir() else path.read_bytes() for path in folder.iterdir()}


def packed(folder: Path, **options: bool) -> bytes:
    buffer = io.BytesIO()
    pack(folder, buffer, **options)
    return buffer.getvalue()


def entries(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        return archive.getmembers()


def raw_archive(*headers: tuple[str, bytes, bytes]) -> io.BytesIO:
    """An archive of (name, type, content) as no honest tool writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, kind, content in headers:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.mode = kind, len(content), 0o6755
            entry.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            archive.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return buffer


@settings(max_examples=60, deadline=None)
@given(tree=st.dictionaries(NAMES, TREES, max_size=5))
def test_what_is_packed_comes_out_again(tree):
    """Unpacking an archive gives the same names and contents."""
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "source"), Path(name, "target")
        source.mkdir()
        target.mkdir()
        make(source, tree)
        data = packed(source)
        unpack(io.BytesIO(data), target)
        assert tree == read(target)
        assert sum(entry.size for entry in entries(data)) == content_bytes(io.BytesIO(data))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 3_000_000])
def test_an_archive_that_is_not_compressed_is_a_gzip_like_any_other(tmp_path, size):
    """It holds the same tar, and other programs check its sums."""
    (tmp_path / "data").write_bytes(os.urandom(size))
    stored = packed(tmp_path, compresses=False)
    assert gzip.decompress(packed(tmp_path)) == gzip.decompress(stored)
    assert stored == packed(tmp_path, compresses=False)


def test_entries_come_in_the_order_of_bacalhau(tmp_path):
    """The first entry is `.`, every folder comes before its files, names are in order."""
    make(tmp_path, {"stdout": b"", "outputs": {"two.txt": b"2", "deep": {"one.txt": b"1"}}, "exitCode": b"0"})
    names = [entry.name for entry in entries(packed(tmp_path))]
    assert [".", "exitCode", "outputs", "outputs/deep", "outputs/deep/one.txt", "outputs/two.txt", "stdout"] == names


def test_folder_names_have_no_slash_in_the_archive(tmp_path):
    """The first header's name is exactly `.`."""
    assert gzip.decompress(packed(tmp_path)).startswith(b".\0")


def test_equal_folders_give_equal_archives(tmp_path):
    """Nothing of the moment of packing is in an archive."""
    make(tmp_path, {"a": b"a", "b": {"c": b"c"}})
    assert packed(tmp_path) == packed(tmp_path)


def test_file_modes_are_kept(tmp_path):
    """A program's executable results stay executable."""
    path = tmp_path / "run.sh"
    path.write_bytes(b"#!/bin/sh\n")
    path.chmod(0o750)
    out = tmp_path / "out"
    out.mkdir()
    data = packed(tmp_path)
    unpack(io.BytesIO(data), out)
    assert 0o750 == (out / "run.sh").stat().st_mode & 0o7777


def test_links_are_packed_but_not_followed(tmp_path):
    """A link in the results never brings what it points to."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    results = tmp_path / "results"
    results.mkdir()
    (results / "file").symlink_to(secret)
    (results / "folder").symlink_to(tmp_path)
    found = [(entry.name, entry.type, entry.size) for entry in entries(packed(results))]
    assert [(".", tarfile.DIRTYPE, 0), ("file", tarfile.SYMTYPE, 0), ("folder", tarfile.SYMTYPE, 0)] == found


def test_hard_links_and_pipes(tmp_path):
    """A second name of a file is a whole file; a pipe is an entry, and nobody waits for its content."""
    (tmp_path / "a").write_bytes(b"same")
    os.link(tmp_path / "a", tmp_path / "b")
    os.mkfifo(tmp_path / "pipe")
    found = {entry.name: (entry.type, entry.size) for entry in entries(packed(tmp_path))}
    assert (tarfile.REGTYPE, 4) == found["a"] == found["b"]
    assert (tarfile.FIFOTYPE, 0) == found["pipe"]


def test_folders_may_be_nested_deeper_than_calls(tmp_path):
    """Packing has no limit of depth of its own."""
    folders = [tmp_path]
    for _ in range(1200):
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    try:
        assert 1201 == len(entries(packed(tmp_path)))
    finally:
        for folder in reversed(folders[1:]):  # What cleans up after tests recurses.
            folder.rmdir()


def test_packing_can_be_stopped(tmp_path):
    """What the check raises ends the work."""
    (tmp_path / "a").write_bytes(b"a" * 100)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path, io.BytesIO(), check=stop)


@pytest.mark.parametrize("name", ["/abs", "../up", "a/../../up", "a/..", "back\\slash", ".."])
def test_names_that_lead_out_are_refused(tmp_path, name):
    """No absolute name, no `..`."""
    with pytest.raises(AdapterError, match="tar contained invalid name error"):
        unpack(raw_archive((name, tarfile.REGTYPE, b"x")), tmp_path)
    assert {} == read(tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_only_files_and_folders_are_unpacked(tmp_path, kind):
    """Links, pipes and devices are left out."""
    unpack(raw_archive(("strange", kind, b""), ("file", tarfile.REGTYPE, b"x")), tmp_path)
    assert {"file": b"x"} == read(tmp_path)


def test_special_mode_bits_are_dropped(tmp_path):
    """An archive makes no set-user-id program."""
    unpack(raw_archive(("file", tarfile.REGTYPE, b"x")), tmp_path)
    assert 0o755 == (tmp_path / "file").stat().st_mode & 0o7777


def test_a_file_without_its_folder_is_an_error(tmp_path):
    """An archive has an entry for every folder, as in Bacalhau."""
    with pytest.raises(AdapterError, match=r"^open .*/a/b: no such file or directory$"):
        unpack(raw_archive(("a/b", tarfile.REGTYPE, b"x")), tmp_path)


@pytest.mark.parametrize("size", [0, 1, 10 * 1024 * 1024])
def test_a_file_may_have_ten_mebibytes(tmp_path, size):
    """T173: up to and with 10485760 bytes."""
    unpack(raw_archive(("file", tarfile.REGTYPE, bytes(size))), tmp_path)
    assert size == (tmp_path / "file").stat().st_size


def test_a_bigger_file_is_refused(tmp_path):
    """T173: 10485761 bytes are too many."""
    data = raw_archive(("file", tarfile.REGTYPE, bytes(10 * 1024 * 1024 + 1)))
    with pytest.raises(AdapterError, match=r"^file file bigger than max size 10\.0 MB$"):
        content_bytes(data)


def test_all_files_together_have_a_limit():
    """Many files within the limit may be too much as well."""
    data = raw_archive(("a", tarfile.REGTYPE, bytes(600)), ("b", tarfile.REGTYPE, bytes(600)))
    with pytest.raises(AdapterError, match="the archive holds more than"):
        content_bytes(data, Limits(total_bytes=1000))


def test_entries_have_a_limit():
    """An archive of nothing but folders ends somewhere."""
    data = raw_archive(*[(f"d{n}", tarfile.DIRTYPE, b"") for n in range(4)])
    with pytest.raises(AdapterError, match="more than 3 entries"):
        content_bytes(data, Limits(entries=3))


def test_a_header_cannot_swell():
    """An extended header that says it is huge is refused before it is read."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 8 * 1024**3
    block = header.tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(AdapterError, match="a header is too long"):
        content_bytes(io.BytesIO(gzip.compress(block + bytes(4096))))


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", gzip.compress(b"no tar" * 200), raw_archive(("a", tarfile.REGTYPE, b"x")).getvalue()[:40]],
    ids=["empty", "not zipped", "not a tar", "cut off"],
)
def test_what_is_no_archive_is_told(tmp_path, data):
    """Broken data is the sender's fault, not a crash."""
    with pytest.raises(AdapterError, match="not a gzipped tar archive"):
        unpack(io.BytesIO(data), tmp_path)


@settings(max_examples=80, deadline=None)
@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_archive_never_crashes(position, byte):
    """Whatever byte is wrong, unpacking ends with what is there or with an error for people."""
    data = bytearray(raw_archive(("a", tarfile.DIRTYPE, b""), ("a/b", tarfile.REGTYPE, b"text")).getvalue())
    data[position % len(data)] = byte
    with tempfile.TemporaryDirectory() as name:
        try:
            unpack(io.BytesIO(bytes(data)), Path(name))
        except AdapterError:
            return
        assert set(read(Path(name))) <= {"a"}
