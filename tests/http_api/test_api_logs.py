"""The log stream, over a real port."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, RejectData, Request, TextMessage

from devstack.adapters.wire import decode_job

JOB = {"Type": "batch", "Tasks": [{"Name": "m", "Engine": {"Type": "docker"}}]}


class Socket:
    """A websocket client that keeps what it hears."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._connection = WSConnection(ConnectionType.CLIENT)
        self.messages: list[Any] = []
        self.status = 0
        self.body = b""
        self.close_code: int | None = None

    async def open(self, port: int, target: str, headers: list[tuple[bytes, bytes]]) -> None:
        request = Request(host=f"127.0.0.1:{port}", target=target, extra_headers=headers)
        await self._stream.send_all(self._connection.send(request))

    async def read(self, until_messages: int = 10**9) -> None:
        """Listen to the end, or until so many messages have come."""
        while self.close_code is None and len(self.messages) < until_messages:
            data = await self._stream.receive_some()
            self._connection.receive_data(data or None)
            for event in self._connection.events():
                self._take(event)
            if not data or (self.status not in (0, 101) and self.body):
                return

    def _take(self, event: object) -> None:
        match event:
            case AcceptConnection():
                self.status = 101
            case RejectConnection():
                self.status = event.status_code
            case RejectData():
                self.body += event.data
            case TextMessage():
                assert event.data.endswith("\n")
                self.messages.append(json.loads(event.data))
            case CloseConnection():
                self.close_code = event.code

    async def leave(self) -> None:
        await self._stream.send_all(self._connection.send(CloseConnection(1000)))
        await self._stream.aclose()


async def listen_to(port: int, target: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> Socket:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        socket = Socket(stream)
        await socket.open(port, target, list(headers))
        with trio.fail_after(60):
            await socket.read()
        return socket


def value(stream: int, line: str) -> dict[str, Any]:
    return {"value": {"Type": stream, "Line": line}}


@pytest.fixture
def job_id(cluster) -> str:
    job_id = cluster.submit(decode_job(json.dumps(JOB).encode()))[0]
    cluster.complete(job_id)
    return job_id


def logs(job_id: str, query: str = "") -> str:
    return f"/api/v1/orchestrator/jobs/{job_id}/logs{query}"


async def test_a_finished_log(cluster, port, job_id):
    """One message a piece, in order, then close 1000; short ids will do."""
    cluster.log = [(1, "a\n"), (1, "no newline\n"), (2, "e <&>\n")]
    socket = await listen_to(port, logs(job_id[:8]))
    assert [value(1, "a\n"), value(1, "no newline\n"), value(2, "e <&>\n")] == socket.messages
    assert (101, 1000) == (socket.status, socket.close_code)


async def test_an_empty_log_just_closes(port, job_id):
    """No output, no message."""
    socket = await listen_to(port, logs(job_id, "?tail=&follow="))
    assert ([], 1000) == (socket.messages, socket.close_code)


@pytest.mark.parametrize(
    ("job", "query", "reason"),
    [
        ("nowhere", "", "failed to open log stream for job nowhere: Job not found. ID: nowhere"),
        (None, "?execution_id=e-1", "failed to open log stream for job {0}: unable to find execution e-1 in job {0}"),
        (
            None, "?follow=perhaps",
            'code=400, message=code=400, message=strconv.ParseBool: parsing "perhaps": invalid syntax, '
            'internal=strconv.ParseBool: parsing "perhaps": invalid syntax',
        ),
    ],
)  # fmt: skip
async def test_errors_come_after_the_upgrade(port, job_id, job, query, reason):
    """As the last message, before a regular close."""
    socket = await listen_to(port, logs(job or job_id, query))
    assert [{"error": reason.format(job_id), **value(0, "")}] == socket.messages
    assert (101, 1000) == (socket.status, socket.close_code)


async def test_pages_of_other_places_may_not_listen(port, job_id):
    """An Origin that is not the host: 403."""
    socket = await listen_to(port, logs(job_id), [(b"origin", b"http://example.com")])
    assert (403, b"Forbidden\n") == (socket.status, socket.body)
    own = f"http://127.0.0.1:{port}".encode()
    assert 101 == (await listen_to(port, logs(job_id), [(b"origin", own)])).status


async def test_an_old_client_may_not_listen(port, job_id):
    """The version gate holds for websockets, too."""
    socket = await listen_to(port, logs(job_id), [(b"x-bacalhau-git-version", b"v1.3.0")])
    assert 403 == socket.status
    assert "1.4.0" == json.loads(socket.body)["MinVersion"]


async def test_other_paths_are_no_websockets(port):
    """An upgrade elsewhere is answered as an unknown path."""
    assert 404 == (await listen_to(port, "/api/v1/nothing")).status


async def test_a_listener_that_leaves_ends_the_stream(cluster, port, job_id):
    """What produces the log is told to stop when nobody listens any more."""
    ended = trio.Event()

    async def forever() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    cluster.log, cluster.wait_for_log = [(1, "first\n")], forever
    socket = Socket(await trio.open_tcp_stream("127.0.0.1", port))
    await socket.open(port, logs(job_id, "?follow=true"), [])
    with trio.fail_after(60):
        await socket.read(until_messages=1)
        await socket.leave()
        await ended.wait()
    assert [value(1, "first\n")] == socket.messages


async def test_logs_need_an_upgrade(client, faithful):
    """A plain GET is 400; under v1.4.0 it is an empty success."""
    assert 400 == (await client.get(logs("j"))).status_code
    answer = await faithful.get(logs("j"))
    assert (200, b"") == (answer.status_code, answer.content)
