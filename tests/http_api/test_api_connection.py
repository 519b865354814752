"""One client's connection, at virtual time: what a client may not do, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from trio.testing import MockClock

from devstack.http_api.connection import Connection

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LISTEN = (
    b"GET /log HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Ends:
    """The two addresses of a socket."""

    family = 2

    def getpeername(self) -> tuple[str, int]:
        return "127.0.0.1", 40000

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 1234


class Clerk:
    """An application that reads the whole body and says how long it was; a websocket is told nothing."""

    def __init__(self) -> None:
        self.asked = 0
        self.gone = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            try:
                await send({"type": "websocket.send", "text": "hello"})
                while (await receive())["type"] != "websocket.disconnect":
                    pass
            finally:
                self.gone += 1
            return
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        if scope["path"] == "/slow":
            await trio.sleep(300)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"%02d" % size})


class Line:
    """A client at one end of a connection."""

    def __init__(self, app: Any, nursery: trio.Nursery) -> None:
        self.mine, theirs = trio.testing.memory_stream_pair()
        theirs.socket = Ends()  # type: ignore[attr-defined]
        self.theirs: Any = theirs
        self.connection = Connection(ASGIWrapper(app), Config(), WorkerContext(None), self.theirs)
        nursery.start_soon(self._run)
        self.ended_s = -1.0

    async def _run(self) -> None:
        started_s = trio.current_time()
        await self.connection.run()
        self.ended_s = trio.current_time() - started_s

    async def say(self, data: bytes) -> None:
        await self.mine.send_all(data)
        await trio.testing.wait_all_tasks_blocked()

    async def hear(self, wanted: bytes) -> bytes:
        """Everything up to and with the wanted words."""
        heard = b""
        while not heard.endswith(wanted):
            heard += await self.mine.receive_some()
        return heard

    async def hear_end(self) -> bytes:
        heard = b""
        while data := await self.mine.receive_some():
            heard += data
        await self.mine.aclose()
        await trio.testing.wait_all_tasks_blocked()
        return heard


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


@pytest.fixture
def dial(clerk: Clerk, nursery: trio.Nursery) -> Callable[[], Line]:
    return lambda: Line(clerk, nursery)


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: 1\r\n"])
async def test_headers_must_come_within_five_seconds(
    dial: Callable[[], Line], autojump_clock: MockClock, beginning: bytes
):
    """A client that connects has five seconds for the headers of its request, however few bytes it drips."""
    line = dial()
    if beginning:
        await line.say(beginning)
    await trio.sleep(4)
    if beginning:
        await line.say(b"X-More: 1\r\n" if len(beginning) > 1 else b"E")
    assert b"" == await line.hear_end()
    assert 5 == pytest.approx(line.ended_s)


async def test_a_kept_connection_may_be_silent_for_two_minutes(dial: Callable[[], Line], autojump_clock: MockClock):
    """Clients that poll slowly keep their connection; after two minutes it is closed."""
    line = dial()
    await line.say(GET)
    await line.hear(b"00")
    await trio.sleep(119)
    await line.say(GET)
    await line.hear(b"00")
    assert b"" == await line.hear_end()
    assert 239 == pytest.approx(line.ended_s)


async def test_the_second_request_has_five_seconds_from_its_first_byte(
    dial: Callable[[], Line], autojump_clock: MockClock
):
    """The limit for headers holds for each request."""
    line = dial()
    await line.say(GET)
    await line.hear(b"00")
    await trio.sleep(60)
    await line.say(b"GET /")
    assert b"" == await line.hear_end()
    assert 65 == pytest.approx(line.ended_s)


async def test_a_body_must_come_within_twenty_seconds(
    dial: Callable[[], Line], autojump_clock: MockClock, clerk: Clerk
):
    """A client that announces a body and drips it is left."""
    line = dial()
    await line.say(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n")
    for _ in range(3):
        await trio.sleep(6)
        await line.say(b"x")
    assert b"" == await line.hear_end()
    assert 20 == pytest.approx(line.ended_s)


async def test_a_slow_answer_has_no_limit_here(dial: Callable[[], Line], autojump_clock: MockClock):
    """While the answer is made, nothing is awaited of the client."""
    line = dial()
    await line.say(GET.replace(b"/", b"/slow", 1))
    assert (await line.hear(b"00")).startswith(b"HTTP/1.1 200")
    assert 300 == pytest.approx(trio.current_time())
    await line.mine.aclose()


async def test_a_client_that_is_gone_leaves_nothing(dial: Callable[[], Line], autojump_clock: MockClock):
    """An idle connection ends when its client does."""
    line = dial()
    await line.say(GET)
    await line.hear(b"00")
    await line.mine.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert 0 == line.ended_s


async def test_a_client_that_has_said_all_still_gets_its_answer(dial: Callable[[], Line], autojump_clock: MockClock):
    """Half a close ends only that half."""
    line = dial()
    await line.say(GET.replace(b"/", b"/slow", 1))
    await line.mine.send_stream.aclose()  # type: ignore[attr-defined]
    assert b"HTTP/1.1 200" in await line.hear_end()


async def test_a_client_that_reads_nothing_is_left_after_a_while(dial: Callable[[], Line], autojump_clock: MockClock):
    """An answer must be taken within 45 seconds."""
    line = dial()
    line.theirs.send_stream.send_all_hook = trio.sleep_forever
    await line.say(GET)
    await trio.sleep(46)
    assert 45 == pytest.approx(line.ended_s)


async def test_a_stream_that_nobody_reads_waits_but_can_be_cancelled(clerk: Clerk, autojump_clock: MockClock):
    """A reader of a log may stop for an hour; the end of the stack does not wait for it."""
    async with trio.open_nursery() as nursery:
        line = Line(clerk, nursery)
        await line.say(LISTEN)
        line.theirs.send_stream.send_all_hook = trio.sleep_forever
        await trio.sleep(3600)
        assert -1 == line.ended_s
        nursery.cancel_scope.cancel()
    assert 3600 == pytest.approx(trio.current_time())


async def test_a_listener_that_is_gone_is_told_to_the_application(
    dial: Callable[[], Line], autojump_clock: MockClock, clerk: Clerk
):
    """The stream ends when its client does."""
    line = dial()
    await line.say(LISTEN)
    assert (await line.hear(b"hello")).startswith(b"HTTP/1.1 101")
    await line.mine.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert (1, 0) == (clerk.gone, line.ended_s)


async def test_a_wish_for_http_2_is_passed_over(dial: Callable[[], Line], autojump_clock: MockClock):
    """The answer to an upgrade to h2c is plain HTTP/1.1."""
    line = dial()
    await line.say(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                   b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")  # fmt: skip
    assert (await line.hear(b"00")).startswith(b"HTTP/1.1 200")
    await line.mine.aclose()


@pytest.mark.parametrize(
    ("garbage", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", b"400"),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", b"501"),
        (b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"431"),
    ],
)  # fmt: skip
async def test_what_is_no_http_is_told_so_and_left(
    dial: Callable[[], Line], autojump_clock: MockClock, garbage: bytes, status: bytes
):
    """One answer, and the end of the connection."""
    line = dial()
    await line.say(garbage)
    assert (await line.hear_end()).startswith(b"HTTP/1.1 " + status)


async def test_requests_may_come_all_at_once(dial: Callable[[], Line], autojump_clock: MockClock, clerk: Clerk):
    """Pipelined requests are answered one after the other."""
    line = dial()
    await line.say(GET * 50)
    heard = b""
    while heard.count(b"HTTP/1.1 200") < 50:
        heard += await line.mine.receive_some()
    assert 50 == clerk.asked
    await line.mine.aclose()


async def test_a_mistake_of_ours_costs_one_connection(nursery: trio.Nursery, caplog: pytest.LogCaptureFixture):
    """The server lives on, and the log has it."""

    class Broken(Ends):
        def getpeername(self) -> tuple[str, int]:
            raise KeyError("no such thing")

    line = Line(Clerk(), nursery)
    line.theirs.socket = Broken()
    await line.hear_end()
    assert "a connection was given up" in caplog.text
