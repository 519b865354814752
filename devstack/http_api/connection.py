"""One client's connection: hypercorn's HTTP/1.1 and websocket protocols, with limits for clients that mean no good.

hypercorn's own connection lets a client that reads nothing hold up a shutdown, one that says nothing stay for as long
as a kept connection may, and keeps a connection for that long after its client has gone.
"""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from enum import Enum, auto
from typing import Final

import h11
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol, H11WSConnection
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

__all__ = ["Connection"]

_log: Final = logging.getLogger("devstack.http_api.server")
_READ_BYTES: Final = 64 * 1024
_WRITE_LIMIT_S: Final = 45
_GOODBYE_LIMIT_S: Final = 0.5


class _Phase(Enum):
    """What is awaited of the client."""

    NEXT_REQUEST = auto()
    HEADERS = auto()
    BODY = auto()
    NOTHING = auto()  # It waits for its answer, or reads a stream.


# Source of the limits but the first: http_api reference 1.1. Clients that poll slowly keep their connection.
_LIMITS_S: Final = {_Phase.NEXT_REQUEST: 120, _Phase.HEADERS: 5, _Phase.BODY: 20, _Phase.NOTHING: math.inf}


class _Http1(H11Protocol):
    """HTTP/1.1 and websockets; a wish for HTTP/2 is passed over, as Bacalhau does."""

    async def _check_protocol(self, event: h11.Request) -> None:
        return None

    async def _create_stream(self, request: h11.Request) -> None:
        await super()._create_stream(_without_bad_wishes(request))


def _without_bad_wishes(request: h11.Request) -> h11.Request:
    """The request, no websocket if its upgrade is malformed, and with no wish for compression, as Bacalhau has none.

    hypercorn would answer a malformed upgrade without a word; so the route that was meant can say what is wrong.
    """
    headers = dict(request.headers)
    if b"upgrade" not in headers:
        return request
    unwanted = {b"sec-websocket-extensions"}
    if headers.get(b"sec-websocket-version") != b"13" or not headers.get(b"sec-websocket-key"):
        unwanted.add(b"connection")
    kept = [(name, value) for name, value in request.headers if name not in unwanted]
    return h11.Request(method=request.method, target=request.target, headers=kept, http_version=request.http_version)


class Connection:
    """Serves one client until either side ends it."""

    def __init__(self, app: ASGIWrapper, config: Config, context: WorkerContext, stream: trio.SocketStream) -> None:
        self._app, self._config, self._context, self._stream = app, config, context, stream
        self._write_lock = trio.Lock()
        self._scope = trio.CancelScope()
        self._patience = trio.CancelScope()
        self._protocol: _Http1
        self._phase = _Phase.HEADERS  # A client that connects has something to say.
        self._since_s = trio.current_time()
        self._client_has_ended = False

    async def run(self) -> None:
        """Serve it; a mistake of ours in here costs this one connection."""
        try:
            with self._scope:
                await self._serve()
            await self._say_goodbye()
        except* OSError:
            pass
        except* Exception:
            _log.exception("internal error: a connection was given up")
        finally:
            await trio.aclose_forcefully(self._stream)

    def end_if_idle(self) -> None:
        """End it unless an answer is on its way."""
        if self._phase is not _Phase.NOTHING:
            self._scope.cancel()

    async def _serve(self) -> None:
        ends = self._stream.socket
        family = ends.family
        client, server = parse_socket_addr(family, ends.getpeername()), parse_socket_addr(family, ends.getsockname())
        async with TaskGroup() as tasks:
            self._protocol = _Http1(
                self._app, self._config, self._context, tasks, ConnectionState({}), False, client, server, self._send
            )
            await self._read()

    # ---- reading -------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            data = await self._next_bytes()
            if data is None:
                self._scope.cancel()
                return
            self._client_has_ended = not data
            await self._protocol.handle(RawData(data))
            if self._client_has_ended:
                break
            self._look_at_phase()
        # A client that has only closed its own direction still gets the answer that is on its way.
        if self._is_websocket:
            await self._protocol.handle(Closed())
        elif self._protocol.stream is None:
            self._scope.cancel()

    async def _next_bytes(self) -> bytes | None:
        """What the client says; empty at its end, None if it is gone or too slow."""
        with trio.CancelScope(deadline=self._since_s + _LIMITS_S[self._phase]) as self._patience:
            try:
                return bytes(await self._stream.receive_some(_READ_BYTES))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
        return None

    @property
    def _is_websocket(self) -> bool:
        return isinstance(self._protocol.connection, H11WSConnection)

    def _look_at_phase(self) -> None:
        phase = self._current_phase()
        if phase is not self._phase:
            self._phase, self._since_s = phase, trio.current_time()
            self._patience.deadline = self._since_s + _LIMITS_S[phase]

    def _current_phase(self) -> _Phase:
        connection = self._protocol.connection
        if connection.their_state is h11.SEND_BODY:
            return _Phase.BODY
        if connection.their_state is not h11.IDLE:
            return _Phase.NOTHING
        is_under_way = self._protocol.keep_alive_requests == 0 or connection.trailing_data[0]
        return _Phase.HEADERS if is_under_way else _Phase.NEXT_REQUEST

    # ---- writing -------------------------------------------------------------------------------------------

    async def _send(self, event: Event) -> None:
        """What the protocol wants done."""
        match event:
            case RawData():
                await self._write(event.data)
            case Updated(idle=True):
                self._look_at_phase()
            case Closed():
                self._scope.cancel()

    async def _write(self, data: bytes) -> None:
        # A reader of a stream may stop for as long as it likes: it costs nothing but its place.
        limit_s = math.inf if self._is_websocket else _WRITE_LIMIT_S
        async with self._write_lock:
            try:
                with trio.fail_after(limit_s):
                    await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                self._client_has_ended = True
                self._scope.cancel()

    async def _say_goodbye(self) -> None:
        """Let the client read what it was sent: a closed socket with unread bytes takes back the answer."""
        if self._client_has_ended:
            return
        with trio.move_on_after(_GOODBYE_LIMIT_S), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.send_eof()
            while await self._stream.receive_some(_READ_BYTES):
                pass
