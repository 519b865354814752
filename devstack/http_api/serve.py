"""From a listening port to a running server."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve
from starlette.types import ASGIApp

from devstack.errors import UsageError

__all__ = ["listen", "serve"]

_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any free one (`getsockname` tells which).

    Raises:
        UsageError: the port is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as exc:
        listener.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {getattr(exc, 'strerror', None) or exc}",
            "stop what uses the port, or let the stack pick a free one: --port 0",
        ) from exc
    return listener


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    shutdown_trigger: Callable[[], Awaitable[None]] | None = None,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown_trigger` returns or this is cancelled; takes the listener over.

    `started` gets the port, when requests are answered. Requests under way have half a second to end.
    """
    port: int = listener.getsockname()[1]
    async with trio.open_nursery() as nursery:
        config = _config(listener.detach())
        trigger = shutdown_trigger or trio.sleep_forever
        await nursery.start(_run, app, config, trigger)
        task_status.started(port)


async def _run(
    app: ASGIApp, config: Config, trigger: Callable[[], Awaitable[None]], *, task_status: trio.TaskStatus[list[str]]
) -> None:
    await hypercorn_serve(app, config, shutdown_trigger=trigger, task_status=task_status)  # type: ignore[arg-type]


def _config(file_descriptor: int) -> Config:
    config = Config()
    config.bind = [f"fd://{file_descriptor}"]
    config.backlog = _BACKLOG
    config.graceful_timeout = 0.5
    # Clients that poll keep their connection, however slowly and often they do.
    config.keep_alive_timeout = 120
    config.keep_alive_max_requests = 10**9
    config.h11_max_incomplete_size = 2**20
    config.include_server_header = False
    config.accesslog = None
    # Only what is at least a warning gets through; "Running on" is said elsewhere.
    config.errorlog = logging.getLogger("devstack.http_api.server")
    return config
