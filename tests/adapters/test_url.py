"""Input from the web, from servers on this machine or from a scripted transport."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.url import UrlStorage, check_url, file_name
from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput


@attrs.frozen
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = attrs.field(factory=dict)
    has_length: bool = True


class Server(ThreadingHTTPServer):
    """Answers each path with its replies in turn, the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: dict[str, list[Reply]] = {}
        self.requests: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        self.server.requests.append(f"{self.command} {self.path}")
        replies = self.server.replies.get(self.path, [Reply(404)])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.has_length:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(reply.body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Tests print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def source(url: object, kind: str = "urlDownload") -> SpecConfig:
    return SpecConfig(kind, {"URL": url})


def storage(**options: Any) -> UrlStorage:
    return UrlStorage(retry_wait_s=0, **options)


async def fetched(url: str, directory: Path, **options: Any) -> PreparedInput:
    return await storage(**options).prepare(InputSource(source(url), "alias", "/inputs"), directory)


async def test_a_file_stands_below_the_target_under_its_name(server, tmp_path):
    """Target `/inputs` and `.../file.txt` make `/inputs/file.txt`."""
    server.replies["/some/file.txt"] = [Reply(body=b"from the web\n")]
    prepared = await fetched(server.url("/some/file.txt"), tmp_path)
    expected = PreparedInput(tmp_path / "file.txt", "/inputs/file.txt", "alias", False, "/inputs")
    assert expected == prepared
    assert b"from the web\n" == prepared.path.read_bytes()


async def test_redirects_are_followed_and_the_last_name_counts(server, tmp_path):
    """T177: /initial -> /second.png -> /third.txt is third.txt."""
    server.replies["/initial"] = [Reply(302, headers={"Location": "/second.png"})]
    server.replies["/second.png"] = [Reply(302, headers={"Location": "/third.txt"})]
    server.replies["/third.txt"] = [Reply(body=b"third")]
    prepared = await fetched(server.url("/initial"), tmp_path)
    assert ("/inputs/third.txt", b"third") == (prepared.target, prepared.path.read_bytes())


async def test_any_error_status_is_tried_again(server, tmp_path):
    """T179: 401, 401, 200 gives the third answer's body."""
    server.replies["/initial"] = [Reply(401, b"no"), Reply(401, b"no"), Reply(body=b"yes")]
    assert b"yes" == (await fetched(server.url("/initial"), tmp_path)).path.read_bytes()


async def test_no_content_is_an_empty_file(server, tmp_path):
    """T181: a 204 is a success."""
    server.replies["/nothing.txt"] = [Reply(204, has_length=False)]
    assert b"" == (await fetched(server.url("/nothing.txt"), tmp_path)).path.read_bytes()


@pytest.mark.parametrize(
    ("location", "disposition", "name"),
    [
        ("/cdn/300/", "", "300"),
        ("/cdn/300/", "attachment; filename=../../300.jpg", "300.jpg"),
        ("/cdn/300/", 'attachment; filename="a b.txt"; x=y', "a b.txt"),
        ("/cdn/300/", "attachment; filename=plain.txt; filename*=UTF-8''h%C3%A9.txt", "hé.txt"),
        ("/cdn/300/", "attachment; filename=..", "300"),
        ("/cdn/300/", "inline", "300"),
        ("", "attachment; filename=dodgy.bin", "300.jpg"),
    ],
)
async def test_the_name_after_a_redirect(server, tmp_path, location, disposition, name):
    """T183 to T187: a redirected answer may name its file, and only the name, never a path."""
    headers = {"Content-Disposition": disposition} if disposition else {}
    final = location or "/img/300.jpg"
    if location:
        server.replies["/img/300.jpg"] = [Reply(302, headers={"Location": location})]
    server.replies[final] = [Reply(body=b"x", headers=headers)]
    prepared = await fetched(server.url("/img/300.jpg"), tmp_path)
    assert (tmp_path / name, f"/inputs/{name}") == (prepared.path, prepared.target)


async def test_without_a_name_one_is_made(server, tmp_path):
    """The address alone decides it, so that a run can be repeated."""
    server.replies["/"] = [Reply(body=b"x")]
    first = await fetched(server.url("/"), tmp_path)
    second = await fetched(server.url("/"), tmp_path)
    assert 36 == len(first.path.name)
    assert first == second


@given(
    path=st.text(st.one_of(st.sampled_from("./\0"), st.characters(exclude_categories=("Cs",))), max_size=12),
    disposition=st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=20),
)
def test_a_name_is_never_a_path(path, disposition):
    """Whatever address and server say, the file stays in its folder."""
    url = "http://127.0.0.1/" + quote(path, safe="./")
    headers = {"Content-Disposition": f"attachment; filename={disposition}"}
    history = [httpx.Response(302)]
    response = httpx.Response(200, headers=headers, request=httpx.Request("GET", url), history=history)
    name = file_name(response)
    assert name not in ("", ".", "..")
    assert "/" not in name
    assert "\0" not in name


async def test_giving_up_on_the_size(server):
    """In practice every bad status is met at bidding, after four HEAD requests."""
    url = server.url("/private")
    server.replies["/private"] = [Reply(403)]
    with pytest.raises(AdapterError) as caught:
        await storage().size_bytes(source(url))
    assert f"HEAD {url} giving up after 4 attempt(s): 403 Forbidden" == caught.value.message
    assert ["HEAD /private"] * 4 == server.requests


async def test_giving_up_on_the_download(server, tmp_path):
    """The text names the address; nothing is left in the folder."""
    url = server.url("/absent")
    with pytest.raises(AdapterError) as caught:
        await fetched(url, tmp_path)
    expected = f"failed to begin download from url {url}: GET {url} giving up after 4 attempt(s): 404 Not Found"
    assert expected == caught.value.message
    assert [] == list(tmp_path.iterdir())


async def test_nobody_listens(server):
    """A network error is tried again, and told."""
    url = server.url("/x")
    server.shutdown()
    server.server_close()
    with pytest.raises(AdapterError, match=r"giving up after 4 attempt\(s\): .+"):
        await storage().size_bytes(source(url))


async def test_the_size_is_the_content_length(server):
    """HEAD says how much room the file needs; nothing is local."""
    server.replies["/file.txt"] = [Reply(body=b"from the web\n")]
    server.replies["/empty.txt"] = [Reply()]
    assert 13 == await storage().size_bytes(source(server.url("/file.txt"), "URLDOWNLOAD"))
    assert 0 == await storage().size_bytes(source(server.url("/empty.txt")))
    assert not await storage().has_locally(source(server.url("/file.txt")))


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(has_length=False), "content-length not provided by the server"),
        (Reply(204, has_length=False), "received non-OK response code 204 while fetching size of file download"),
    ],
)
async def test_a_size_that_is_not_told(server, reply, text):
    """T189: without a length there is no bid."""
    server.replies["/x"] = [reply]
    with pytest.raises(AdapterError) as caught:
        await storage().size_bytes(source(server.url("/x")))
    assert text == caught.value.message


async def test_the_file_comes_as_it_is(server, tmp_path):
    """A server that packs its answers does not change what is kept."""
    server.replies["/x.gz"] = [Reply(body=b"\x1f\x8bpacked", headers={"Content-Encoding": "gzip"})]
    assert b"\x1f\x8bpacked" == (await fetched(server.url("/x.gz"), tmp_path)).path.read_bytes()


async def test_a_body_has_a_limit(server, tmp_path):
    """A longer body is an error and leaves nothing."""
    server.replies["/big"] = [Reply(body=bytes(1001))]
    with pytest.raises(AdapterError, match="the file is longer than 1000 bytes"):
        await fetched(server.url("/big"), tmp_path, max_bytes=1000)
    assert [] == list(tmp_path.iterdir())


async def test_a_body_that_breaks_off_leaves_nothing(server, tmp_path):
    """Less than was promised is an error."""
    server.replies["/x"] = [Reply(body=b"half", headers={"Content-Length": "8"}, has_length=False)]
    with pytest.raises(AdapterError, match="failed to download from url"):
        await fetched(server.url("/x"), tmp_path)
    assert [] == list(tmp_path.iterdir())


async def test_redirects_that_never_end(server):
    """A loop is an error at once, not four times."""
    server.replies["/loop"] = [Reply(302, headers={"Location": "/loop"})]
    with pytest.raises(AdapterError, match="redirects"):
        await storage().size_bytes(source(server.url("/loop")))
    assert 11 == len(server.requests)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "invalid url storage params: url cannot be empty"),
        (7, "invalid url storage params: URL must be a text, not 7"),
        ("ftp://host/x", "URLs must begin with 'http' or 'https'. The submitted one began with ftp"),
        ("http://host", "URL must end with a file name"),
        ("http://[host/x", "invalid url storage params: "),
    ],
)
async def test_wrong_urls_are_told(tmp_path, url, text):
    """The texts are those of a real node."""
    with pytest.raises(AdapterError) as caught:
        await storage().size_bytes(source(url))
    assert caught.value.message.startswith(text)


def test_quotes_and_blanks_around_a_url_do_not_count():
    """What a shell left over is trimmed."""
    assert "http://host/x" == check_url(" 'http://host/x' ")


# ---- time: a scripted transport and trio's mock clock ------------------------------------------------------


def scripted(answer: Callable[[httpx.Request], Any]) -> UrlStorage:
    return UrlStorage(transport=httpx.MockTransport(answer))


async def test_attempts_are_a_second_apart(autojump_clock):
    """Three waits make three seconds."""

    async def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500)

    begun = trio.current_time()
    with pytest.raises(AdapterError):
        await scripted(refuse).size_bytes(source("http://127.0.0.1/x"))
    assert 3.0 == trio.current_time() - begun


async def test_an_answer_has_300_seconds(autojump_clock):
    """A server that says nothing counts as a network error."""

    async def say_nothing(request: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()
        raise AssertionError

    begun = trio.current_time()
    with pytest.raises(AdapterError, match="no answer within 300 s"):
        await scripted(say_nothing).size_bytes(source("http://127.0.0.1/x"))
    assert 4 * 300 + 3 == pytest.approx(trio.current_time() - begun)


class SlowBody(httpx.AsyncByteStream):
    async def __aiter__(self):
        yield b"begun"
        await trio.sleep_forever()


async def slow(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=SlowBody())


async def test_a_body_has_300_seconds(autojump_clock, tmp_path):
    """A download that hangs is given up; nothing is left."""
    with pytest.raises(AdapterError, match="not complete within 300 s"):
        await scripted(slow).prepare(InputSource(source("http://127.0.0.1/x"), "", "/in"), tmp_path)
    assert [] == list(tmp_path.iterdir())


async def test_a_cancelled_download_leaves_nothing(autojump_clock, tmp_path):
    """Cancelling removes what has come until then."""
    with trio.move_on_after(5) as scope:
        await scripted(slow).prepare(InputSource(source("http://127.0.0.1/x"), "", "/in"), tmp_path)
    assert scope.cancelled_caught
    assert [] == list(tmp_path.iterdir())
