"""The dashboard: its page and files, and the stream of changes that it follows.

The page takes nothing from other places and gives nothing to them: the headers have the browser see to that, whatever
a job may be called.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from devstack.dashboard.files import PAGE, page_files
from devstack.http_api.answers import send_answer
from devstack.http_api.backend import Backend
from devstack.http_api.call import header
from devstack.http_api.errors import http_error
from devstack.http_api.faults import fault_json

__all__ = ["EVENTS_PATH", "dashboard_routes"]

EVENTS_PATH: Final = "/api/v1/devstack/events"
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}
MOST_READERS: Final = 64
THINGS_AT_ONCE: Final = 1_000
SHORTEST_PAUSE_S: Final = 0.25
PIECE_PAUSE_S: Final = 0.05
LOOK_EVERY_S: Final = 1.0
SILENCE_S: Final = 5.0


def dashboard_routes(backend: Backend) -> list[BaseRoute]:
    return [
        Route("/dashboard", _page),
        Route("/dashboard/{name}", _file),
        Route(EVENTS_PATH, _EventStream(backend)),
    ]


async def _page(request: Request) -> Response:
    return _answer(PAGE)


async def _file(request: Request) -> Response:
    return _answer(request.path_params["name"])


def _answer(name: str) -> Response:
    file = page_files().get(name)
    if file is None:
        return http_error(404, f"the dashboard has no file {name!r}")
    media_type, content = file
    return Response(content, headers={**_HEADERS, "content-type": media_type})


class _EventStream:
    """Server-sent events: each is a batch of what has changed; its id says where to go on.

    At most four a second, however much happens; only the pieces of a large whole follow each other sooner. There is
    a batch after a while of silence too: it tells the time, and finds out that the reader has gone.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._readers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await send_answer(scope, send, http_error(405, "Method Not Allowed: this path takes GET"))
        elif self._readers >= MOST_READERS:
            await send_answer(scope, send, http_error(503, f"{MOST_READERS} readers follow this stack: close a page"))
        else:
            self._readers += 1
            try:
                await self._serve(scope, receive, send)
            finally:
                self._readers -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_gone, receive, nursery.cancel_scope)
            await send(_body(b"retry: 1000\n\n"))
            await self._send_batches(send, self._seen(scope))

    def _seen(self, scope: Scope) -> int:
        """The revision that the reader has seen of this stack; 0 if of none."""
        life, _, revision = header(scope, b"last-event-id").decode("latin-1").partition("-")
        board = self._backend.board
        known = life == board.life and len(revision) < 19 and revision.isascii() and revision.isdigit()
        return min(int(revision), board.revision) if known else 0

    async def _send_batches(self, send: Send, seen: int) -> None:
        board, told_aside, told_s = self._backend.board, None, 0.0
        is_first = True
        while True:
            changes, aside = board.since(seen, THINGS_AT_ONCE), self._aside()
            is_due = trio.current_time() >= told_s + SILENCE_S
            if is_first or is_due or changes.revision > seen or aside != told_aside:
                batch = {"now": self._backend.now_ns() // 10**6, **aside, **self._backend.rows(changes)}
                if is_first:
                    batch["fresh"] = seen == 0
                    batch["life"] = board.life
                data = orjson.dumps(batch)
                await send(_body(b"id: %s-%d\ndata: %s\n\n" % (board.life.encode(), changes.revision, data)))
                told_aside, told_s, is_first = aside, trio.current_time(), False
            seen = changes.revision
            if changes.is_all:
                await trio.sleep(SHORTEST_PAUSE_S)
                with trio.move_on_after(LOOK_EVERY_S - SHORTEST_PAUSE_S):
                    await board.wait_past(seen)
            else:
                await trio.sleep(PIECE_PAUSE_S)

    def _aside(self) -> dict[str, Any]:
        """What is told anew whenever it differs; both are short."""
        return {"speed": self._backend.speed, "faults": [fault_json(state) for state in self._backend.list_faults()]}


def _body(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}


async def _cancel_when_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
