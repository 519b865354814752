"""The server on a real port."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from functools import partial

import pytest
import trio
import trio.testing

from devstack.errors import UsageError
from devstack.http_api.app import create_app
from devstack.http_api.serve import listen, serve

ALIVE = "/api/v1/agent/alive"


def ask_twice(port: int) -> list[int]:
    """Two requests over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    statuses = []
    for _ in range(2):
        connection.request("GET", ALIVE)
        answer = connection.getresponse()
        assert {"Status": "OK"} == json.loads(answer.read())
        statuses.append(answer.status)
        assert connection.sock is not None  # still open
    connection.close()
    return statuses


async def test_a_connection_is_kept(port):
    """HTTP/1.1 keep-alive, on the port that was told."""
    assert [200, 200] == await trio.to_thread.run_sync(ask_twice, port)


def test_a_taken_port_is_told_at_once():
    """Before anything is started, with what to do about it."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}") as caught:
            listen("127.0.0.1", port)
    assert "--port 0" in caught.value.hint


@pytest.mark.parametrize("port", [-1, 70000])
def test_a_port_that_is_none(port):
    """Numbers that are no port are the user's mistake."""
    with pytest.raises(UsageError):
        listen("127.0.0.1", port)


async def test_nothing_answers_after_the_end(cluster):
    """A shutdown ends idle connections at once, and frees the port."""
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        listener = listen("127.0.0.1", 0)
        port = await nursery.start(partial(serve, create_app(cluster), listener, shutdown_trigger=stop.wait))
        idle = await trio.open_tcp_stream("127.0.0.1", port)
        await idle.send_all(f"GET {ALIVE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await idle.receive_some()).startswith(b"HTTP/1.1 200")
        stop.set()
        with trio.fail_after(60):
            while await idle.receive_some():
                pass
        await idle.aclose()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    listen("127.0.0.1", port).close()


async def test_a_request_that_will_not_end_is_ended(cluster):
    """Shutting down takes less than a second, whatever goes on."""

    async def forever(scope, receive, send):
        assert scope["type"] == "http"  # An error is how an application says that it needs no start and end.
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        port = await nursery.start(partial(serve, forever, listen("127.0.0.1", 0), shutdown_trigger=stop.wait))
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        stop.set()
        with trio.fail_after(60):
            while await stream.receive_some():
                pass
        await stream.aclose()


async def test_cancelling_ends_the_server(cluster):
    """The server is an ordinary trio task."""
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve, create_app(cluster), listen("127.0.0.1", 0))
        nursery.cancel_scope.cancel()
    listen("127.0.0.1", port).close()


def put_too_much(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("PUT", "/api/v1/orchestrator/jobs", b" " * 12_000_000, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


async def test_a_client_that_sends_too_much_still_reads_the_answer(port):
    """The rest of a refused body is dropped, not the connection."""
    assert 413 == await trio.to_thread.run_sync(put_too_much, port)


async def test_junk_is_no_traceback(port, capfd):
    """Bytes that are no HTTP are 400, and nothing is logged."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"\x00\xff junk\r\n\r\n")
        with trio.fail_after(60):
            answer = b"".join([data async for data in stream])
    assert answer.startswith(b"HTTP/1.1 400")
    assert "" == capfd.readouterr().err


async def test_no_more_connections_than_there_are_descriptors_for(cluster, monkeypatch):
    """One too many is closed at once, and the others are served."""
    monkeypatch.setattr(sys.modules["devstack.http_api.serve"], "most_connections", lambda: 2)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve, create_app(cluster), listen("127.0.0.1", 0))
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(3)]
        await streams[0].send_all(f"GET {ALIVE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with trio.fail_after(60):
            assert (await streams[0].receive_some()).startswith(b"HTTP/1.1 200")
            assert b"" == await streams[2].receive_some()
        for stream in streams:
            await stream.aclose()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("host", ["", "no host", "x" * 300, "203.0.113.7"])
def test_an_address_that_is_not_ours_is_told_with_the_way_out(host):
    """An empty one, which would be every address of this machine, too."""
    with pytest.raises(UsageError) as caught:
        listen(host, 0)
    assert "127.0.0.1" in caught.value.hint
