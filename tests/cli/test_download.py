"""What `job get` makes of archives and trees: a whole folder or nothing."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from devstack.adapters.ipfs import gateway
from devstack.cli import download
from devstack.cli.progress import byte_bar
from devstack.client import Address
from devstack.errors import AdapterError

Entry = tuple[str, bytes, bytes]
FILE, FOLDER, LINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE
GOOD: list[Entry] = [
    (".", FOLDER, b""), ("o", FOLDER, b""), ("o/f", FILE, b"data"), ("o/empty", FOLDER, b""), ("stdout", FILE, b"hi\n"),
]  # fmt: skip


def packed(*entries: Entry) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, kind, content in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.linkname = kind, len(content), "/etc/passwd" if kind == LINK else ""
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class Results:
    """A client whose job has published these archives, and a network that has them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *archives: bytes | AdapterError, kind: str = "") -> None:
        self._archives = {f"http://h/{number}.tar.gz": archive for number, archive in enumerate(archives)}
        self._kind = kind
        monkeypatch.setattr(download, "fetch", self._fetch)

    def results(self, job_id: str) -> dict[str, Any]:
        key = "PreSignedURL" if self._kind else "URL"
        return {"Items": [{"Type": self._kind or "urlDownload", "Params": {key: url}} for url in self._archives]}

    def get(self, folder: Path, wanted: str = "", **options: Any) -> None:
        job_id = f"j-1/{wanted}" if wanted else "j-1"
        download.fetch_results(self, job_id, folder=str(folder), **options)  # type: ignore[arg-type]

    def _fetch(self, url: str, place: Path, limit_s: float, advance: object) -> None:
        content = self._archives[url]
        if isinstance(content, AdapterError):
            raise content
        place.write_bytes(content)


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_several_results_become_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Output is appended, other files lie beside each other."""
    other: list[Entry] = [("o", FOLDER, b""), ("o/g", FILE, b"more"), ("stdout", FILE, b"ho\n")]
    Results(monkeypatch, packed(*GOOD), packed(*other)).get(tmp_path)
    assert {"o": None, "o/empty": None, "o/f": b"data", "o/g": b"more", "stdout": b"hi\nho\n"} == tree(tmp_path)


def test_a_clash_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two results with one file, or a file that was there before: no output is appended either."""
    with pytest.raises(AdapterError, match=r"cannot merge results as output already exists: .*o/f\. Try --raw"):
        Results(monkeypatch, packed(*GOOD), packed(*GOOD)).get(tmp_path)
    assert {} == tree(tmp_path)
    Results(monkeypatch, packed(*GOOD)).get(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(AdapterError, match="already exists"):
        Results(monkeypatch, packed(*GOOD)).get(tmp_path)
    assert before == tree(tmp_path)


def test_a_file_in_the_place_of_a_folder_is_a_clash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """So is a link, which is never written through."""
    (tmp_path / "stdout").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AdapterError, match="already exists: .*stdout"):
        Results(monkeypatch, packed(*GOOD)).get(tmp_path)
    assert ["stdout"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (("/etc/x", FILE, b"x"), "holds the name '/etc/x', which leads out of the folder"),
        (("o/../../x", FILE, b"x"), "leads out of the folder"),
        (("disk", tarfile.BLKTYPE, b""), "holds a device file, 'disk'"),
        (("tty", tarfile.CHRTYPE, b""), "holds a device file, 'tty'"),
        (("stdout/x", FILE, b"x"), "cannot be unpacked"),
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: Entry, words: str
):
    """Not the good results before it, either."""
    with pytest.raises(AdapterError, match=words):
        Results(monkeypatch, packed(*GOOD), packed(*GOOD[-1:], entry)).get(tmp_path)
    assert {} == tree(tmp_path)


@pytest.mark.parametrize("cut", [0, 10, 60, -9])
def test_a_damaged_archive_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int):
    """Wherever it ends, and if a sum is wrong."""
    whole = packed(*GOOD)
    for damaged in (whole[:cut], whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]):
        with pytest.raises(AdapterError, match=r"0\.tar\.gz cannot be unpacked"):
            Results(monkeypatch, damaged).get(tmp_path)
        assert {} == tree(tmp_path)


def test_links_and_pipes_are_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A link could lead anywhere."""
    Results(monkeypatch, packed(*GOOD, ("o/link", LINK, b""), ("o/pipe", tarfile.FIFOTYPE, b""))).get(tmp_path)
    assert {"o", "o/f", "o/empty", "stdout"} == set(tree(tmp_path))
    assert "Left out, for only files and folders are fetched: o/link, o/pipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wanted", "names"),
    [("o/f", {"o", "o/f"}), ("./o/", {"o", "o/f", "o/empty"}), ("stdout", {"stdout"})],
)
def test_one_file_or_folder_can_be_had_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, names: set[str]
):
    """From the results that have it; a result without it does no harm."""
    Results(monkeypatch, packed(*GOOD), packed((".", FOLDER, b""))).get(tmp_path, wanted)
    assert names == set(tree(tmp_path))


def test_what_no_result_has_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing stays behind, and nothing outside is looked at."""
    for wanted in ("o/none", "../../../etc/passwd"):
        with pytest.raises(AdapterError, match=f"there is no {wanted} in the results"):
            Results(monkeypatch, packed(*GOOD)).get(tmp_path, wanted)
    assert {} == tree(tmp_path)


def test_presigned_results_are_fetched_from_their_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As those of the publisher `local` are."""
    Results(monkeypatch, packed(*GOOD), kind="s3PreSigned").get(tmp_path)
    assert b"data" == (tmp_path / "o" / "f").read_bytes()


def test_raw_results_stay_packed_and_serve_a_later_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """After which `raw` is gone."""
    results = Results(monkeypatch, packed(*GOOD))
    results.get(tmp_path, raw=True)
    assert {"raw", "raw/h_0.tar.gz"} == set(tree(tmp_path))
    results.get(tmp_path)
    assert {"o", "o/f", "o/empty", "stdout"} == set(tree(tmp_path))


def test_a_result_that_cannot_be_fetched_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The folder that was made for it goes as well."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AdapterError, match="gone"):
        Results(monkeypatch, AdapterError("gone")).get(Path())
    with pytest.raises(AdapterError, match="gone"):
        download.fetch_results(Results(monkeypatch, AdapterError("gone")), "j-1")  # type: ignore[arg-type]
    assert {} == tree(tmp_path)


CIDS = ("QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o", "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")
TREE = {"o/f": b"data", "stdout": b"hi\n"}


class Trees(Results):
    """A client whose job has published trees on IPFS, and a stack that has them."""

    address = Address(port=4321)

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *trees: Mapping[str, bytes]) -> None:
        self._trees = dict(zip(CIDS, trees, strict=False))
        monkeypatch.setattr(gateway, "fetch", self._fetch_tree)

    def results(self, job_id: str) -> dict[str, Any]:
        return {"Items": [{"Type": "ipfs", "Params": {"CID": cid}} for cid in self._trees]}

    def _fetch_tree(self, cid: str, path: Path, url: str, *, limit_s: float, progress: Callable[[int], None]) -> None:
        assert ("http://127.0.0.1:4321", False) == (url, path.exists())
        progress(1)
        for name, content in self._trees[cid].items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)


def test_trees_of_ipfs_are_merged_as_archives_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A clash changes nothing here, either."""
    Trees(monkeypatch, TREE, {"o/g": b"more", "stdout": b"ho\n"}).get(tmp_path)
    merged = {"o": None, "o/f": b"data", "o/g": b"more", "stdout": b"hi\nho\n"}
    assert merged == tree(tmp_path)
    with pytest.raises(AdapterError, match="output already exists"):
        Trees(monkeypatch, TREE).get(tmp_path)
    assert merged == tree(tmp_path)


def test_one_file_of_a_tree_can_be_had_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A name that is not there is told."""
    Trees(monkeypatch, TREE).get(tmp_path, "o/f")
    assert {"o": None, "o/f": b"data"} == tree(tmp_path)
    with pytest.raises(AdapterError, match="there is no x in the results"):
        Trees(monkeypatch, TREE).get(tmp_path, "x")


def test_a_raw_tree_serves_a_later_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a killed try has left of one does not."""
    raw, (cid, _) = tmp_path / "raw", CIDS
    (raw / f"{cid}.part").mkdir(parents=True)
    (raw / f"{cid}.part" / "stdout").write_bytes(b"h")
    Trees(monkeypatch, TREE).get(tmp_path, raw=True)
    assert {cid, f"{cid}/o", f"{cid}/o/f", f"{cid}/stdout"} == set(tree(raw))
    Trees(monkeypatch, {"never": b"asked for"}).get(tmp_path)
    assert {"o": None, **TREE} == tree(tmp_path)


def test_a_tree_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The limit is for all of its blocks together."""
    with pytest.raises(AdapterError, match=f"could not fetch ipfs://{CIDS[0]} within -1 s"):
        Trees(monkeypatch, TREE).get(tmp_path, limit_s=-1)
    assert {} == tree(tmp_path)


@pytest.mark.parametrize("cid", ["..", ".", "x"])
def test_a_tree_whose_cid_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cid: str):
    """Whatever it names here stays as it is."""
    trees = Trees(monkeypatch)
    monkeypatch.setattr(trees, "_trees", {cid: TREE})
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(AdapterError, match="invalid CID"):
        trees.get(tmp_path)
    assert {"mine": b"mine"} == tree(tmp_path)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_bar_is_for_terminals_alone(monkeypatch: pytest.MonkeyPatch, is_terminal: bool):
    """A pipe gets not a byte of it."""
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with byte_bar("1 of 2") as advance:
        advance(0, 0)
        advance(512, 1024)
    assert is_terminal == ("1 of 2" in stream.getvalue())
    assert is_terminal == bool(stream.getvalue())
