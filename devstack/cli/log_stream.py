"""The log stream of a job: a WebSocket over a plain socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from http.client import UNAUTHORIZED, responses
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto import events as ws
from wsproto.utilities import ProtocolError

from devstack.client import ApiError, Client, Query, UnreachableError
from devstack.client_texts import error_text

__all__ = ["log_lines"]

_CHUNK_BYTES = 65536
_NORMAL_CLOSE = 1000
_NO_CLOSE_FRAME = 1006


def log_lines(client: Client, job_id: str, query: Query) -> Iterator[str]:
    """The lines as the server sends them, newline included, until it closes the stream.

    Raises:
        ApiError: the server refused, reported an error in the stream, or broke off.
    """
    target = client.logs_path(job_id, query)
    try:
        yield from _lines(client, target)
    except ApiError as exc:
        if exc.status != UNAUTHORIZED or not client.renew_token():
            raise
        yield from _lines(client, target)


def _lines(client: Client, target: str) -> Iterator[str]:
    with client.open_socket() as opened:
        opened.settimeout(None)  # a followed job may be silent for hours
        try:
            for message in _messages(opened, client, target):
                yield _line(message)
        except OSError as exc:
            raise UnreachableError(f"the log stream from {client.address.base_url} broke off ({exc})") from exc


def _line(message: str) -> str:
    try:
        content = json.loads(message)
        error, value = content.get("error"), content.get("value") or content.get("Value") or {}
        line = value.get("Line", value.get("line", ""))
    except (ValueError, AttributeError):
        raise ApiError("the log stream holds something that is no log message") from None
    if error:
        raise ApiError(str(error))
    return str(line)


def _messages(opened: socket.socket, client: Client, target: str) -> Iterator[str]:
    protocol = WSConnection(ConnectionType.CLIENT)
    headers = [(name.lower().encode(), value.encode()) for name, value in client.headers().items()]
    host = client.address.base_url.partition("://")[2]
    opened.sendall(protocol.send(ws.Request(host=host, target=target, extra_headers=headers)))
    parts: list[str | bytes | bytearray] = []
    refusal: list[Any] = []
    while True:
        for event in _next_events(opened, protocol):
            match event:
                case ws.TextMessage() | ws.BytesMessage():
                    parts.append(event.data)
                    if event.message_finished:
                        yield "".join(p if isinstance(p, str) else bytes(p).decode("utf-8", "replace") for p in parts)
                        parts = []
                case ws.Ping():
                    _reply(opened, protocol, event.response())
                case ws.CloseConnection():
                    _end(opened, protocol, event)
                    return
                case ws.RejectConnection():
                    refusal = [event.status_code]
                    if not event.has_body:
                        raise _refused(refusal)
                case ws.RejectData():
                    refusal.append(bytes(event.data))
                    if event.body_finished:
                        raise _refused(refusal)


def _next_events(opened: socket.socket, protocol: WSConnection) -> Iterator[ws.Event]:
    data = opened.recv(_CHUNK_BYTES)
    try:
        protocol.receive_data(data or None)
        # One at a time: an answer to a ping cannot be made any more once the close behind it has been read.
        yield from protocol.events()
    except ProtocolError:
        raise ApiError("the server does not offer a log stream there: is it a Bacalhau API?") from None


def _reply(opened: socket.socket, protocol: WSConnection, event: ws.Event) -> None:
    # A server in a hurry has hung up already; what it sent before is still to be read.
    with suppress(OSError):
        opened.sendall(protocol.send(event))


def _end(opened: socket.socket, protocol: WSConnection, event: ws.CloseConnection) -> None:
    if event.code == _NO_CLOSE_FRAME:
        raise ApiError("the log stream broke off: the server closed the connection without a word")
    _reply(opened, protocol, event.response())
    if event.code != _NORMAL_CLOSE:
        raise ApiError(
            f"the log stream was closed early (code {int(event.code)}{f', {event.reason}' if event.reason else ''})"
        )


def _refused(refusal: list[Any]) -> ApiError:
    status, body = int(refusal[0]), b"".join(refusal[1:]).decode("utf-8", "replace")
    return ApiError(error_text(status, body) or responses.get(status, str(status)), status)
