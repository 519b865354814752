"""Fetching one file: whole under its name, and gone on with where it broke off."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from devstack.cli.fetching import fetch, file_name
from devstack.errors import AdapterError

CONTENT = bytes(range(256)) * 4096


class Door(http.server.BaseHTTPRequestHandler):
    """Gives CONTENT, ranges as well; `breaks_after` bytes of it, if that is set."""

    breaks_after: int | None = None
    version = "v1"
    ranges: list[str] = []  # noqa: RUF012 - the server makes one handler a connection; a test looks at all of them

    def do_GET(self) -> None:  # noqa: N802 - the name that the server calls
        if self.path == "/none":
            self.send_error(404)
            return
        wanted, start = self.headers.get("Range", ""), 0
        self.ranges.append(wanted)
        if wanted and self.headers.get("If-Range") == f'"{self.version}"':
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.send_header("ETag", f'"{self.version}"')
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # Who asked may have gone.
            self.wfile.write(CONTENT[start : self.breaks_after])

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Door, "ranges", [])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def nothing(here: int, total: int) -> None:
    """Nobody watches."""


def test_a_file_gets_its_name_when_it_is_whole(url: str, tmp_path: Path):
    """With the bytes so far and in all for those who watch."""
    seen: list[tuple[int, int]] = []
    fetch(f"{url}/f", tmp_path / "f", 60, lambda here, total: seen.append((here, total)))
    assert [CONTENT] == [path.read_bytes() for path in tmp_path.iterdir()]
    assert ((0, len(CONTENT)), (len(CONTENT), len(CONTENT))) == (seen[0], seen[-1])


def test_what_is_there_already_is_not_fetched_again(url: str, tmp_path: Path):
    """As with Bacalhau."""
    (tmp_path / "f").write_bytes(b"earlier")
    fetch(f"{url}/f", tmp_path / "f", 60, nothing)
    assert (b"earlier", []) == ((tmp_path / "f").read_bytes(), Door.ranges)


@pytest.mark.parametrize(("version", "asked_again_for_all"), [("v1", False), ("v2", True)])
def test_a_transfer_that_broke_off_is_gone_on_with(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, asked_again_for_all: bool
):
    """Unless the server has another version meanwhile."""
    with monkeypatch.context() as broken:
        broken.setattr(Door, "breaks_after", 100_000)
        with pytest.raises(AdapterError, match="broke off after 100000 of 1048576 bytes; the same command goes on"):
            fetch(f"{url}/f", tmp_path / "f", 60, nothing)
    assert ["f.part-v1"] == [path.name for path in tmp_path.iterdir()]
    monkeypatch.setattr(Door, "version", version)
    fetch(f"{url}/f", tmp_path / "f", 60, nothing)
    assert ["", "bytes=100000-"] == Door.ranges
    assert {"f": CONTENT} == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_what_cannot_be_fetched_is_told_and_leaves_nothing(url: str, tmp_path: Path):
    """Status or reason, and the address."""
    with pytest.raises(AdapterError, match=f"could not fetch {url}/none: 404 Not Found"):
        fetch(f"{url}/none", tmp_path / "f", 60, nothing)
    with pytest.raises(AdapterError, match=r"could not fetch http://127\.0\.0\.1:1/f: .*refused"):
        fetch("http://127.0.0.1:1/f", tmp_path / "f", 60, nothing)
    assert [] == list(tmp_path.iterdir())


def test_a_transfer_has_an_end(url: str, tmp_path: Path):
    """However much comes."""
    with pytest.raises(AdapterError, match="could not fetch .* within 1e-09 s"):
        fetch(f"{url}/f", tmp_path / "f", 1e-9, nothing)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://127.0.0.1:6001/e-1.tar.gz", "127.0.0.1_6001_e-1.tar.gz"),
        ("http://h/a/../b%2f?x=1&y=2", "h_a_.._b%2f"),
    ],
)
def test_a_name_is_that_of_bacalhau_and_never_a_path(url: str, name: str):
    """Host, port and path, without what a file name cannot have."""
    assert name == file_name(url)
