"""From a listening port to a running server."""

from __future__ import annotations

import errno
import logging
import resource
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from starlette.types import ASGIApp

from devstack.errors import UsageError
from devstack.http_api.connection import Connection

__all__ = ["listen", "serve"]

_BACKLOG: Final = 1024
_GRACE_S: Final = 0.5
_MOST_CONNECTIONS: Final = 10_000


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any free one (`getsockname` tells which).

    Raises:
        UsageError: the port is taken, or the address is not ours.
    """
    if not host:
        raise UsageError("an empty address would be every one of this machine's", "say which: 127.0.0.1, or 0.0.0.0")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as exc:
        listener.close()
        reason = getattr(exc, "strerror", None) or str(exc)
        raise UsageError(f"cannot listen on {host}:{port}: {reason}", _way_out(exc)) from exc
    return listener


def _way_out(error: Exception) -> str:
    if isinstance(error, socket.gaierror | UnicodeError) or getattr(error, "errno", 0) == errno.EADDRNOTAVAIL:
        return "use an address of this machine, such as 127.0.0.1"
    return "stop what uses the port, or let the stack pick a free one: --port 0"


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    shutdown_trigger: Callable[[], Awaitable[None]] = trio.sleep_forever,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown_trigger` returns or this is cancelled; takes the listener over.

    `started` gets the port, when requests are answered. After the trigger, requests under way have half a second.
    """
    server = _Server(app)
    port: int = listener.getsockname()[1]
    accepting = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as nursery:
            listeners = partial(trio.serve_listeners, handler_nursery=connections)
            nursery.start_soon(listeners, server.serve_one, [accepting])
            task_status.started(port)
            await shutdown_trigger()
            nursery.cancel_scope.cancel()
        connections.cancel_scope.deadline = trio.current_time() + _GRACE_S
        await server.end_idle_ones()


class _Server:
    """The open connections of one listener."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = ASGIWrapper(app)  # type: ignore[arg-type]
        self._config = _config()
        self._context = WorkerContext(None)
        self._open: dict[int, Connection] = {}
        self._count = 0
        self._most = most_connections()

    async def serve_one(self, stream: trio.SocketStream) -> None:
        if len(self._open) >= self._most:
            await trio.aclose_forcefully(stream)
            return
        self._count += 1
        number = self._count
        connection = self._open[number] = Connection(self._app, self._config, self._context, stream)
        try:
            await connection.run()
        finally:
            del self._open[number]

    async def end_idle_ones(self) -> None:
        await self._context.terminated.set()
        for connection in self._open.values():
            connection.end_if_idle()


def most_connections() -> int:
    """So many that files, containers and modules still find a free descriptor."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if limit == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, limit // 2)


def _config() -> Config:
    config = Config()
    config.keep_alive_max_requests = 10**9
    config.h11_max_incomplete_size = 2**20
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("devstack.http_api.server")
    return config
