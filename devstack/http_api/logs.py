"""The log stream: a websocket that tells even its errors as messages. Source: http_api reference 6."""

from __future__ import annotations

from contextlib import aclosing
from typing import Annotated, Any, Final, NotRequired, TypedDict

import orjson
import trio
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from devstack.errors import DevstackError
from devstack.http_api.answers import send_answer, text_answer
from devstack.http_api.backend import Backend
from devstack.http_api.call import Call, header
from devstack.http_api.errors import RefusedError, describe
from devstack.http_api.operation import Routes, operation
from devstack.http_api.pages import is_foreign
from devstack.http_api.parameters import FOLLOW, LOG_EXECUTION, TAIL
from devstack.http_api.query import Query

__all__ = ["ROUTES", "log_route"]

_UPGRADE: Final = "`Connection: Upgrade`, `Upgrade: websocket`, `Sec-WebSocket-Version: 13` and a `Sec-WebSocket-Key`"
_PATH: Final = "/api/v1/orchestrator/jobs/{id}/logs"


class LogLineJson(TypedDict):
    Type: Annotated[int, "1: output, 2: errors"]
    Line: str


class LogMessageJson(TypedDict):
    """One message of the websocket; an error is the last one."""

    value: LogLineJson
    error: NotRequired[str]


@operation(
    None,
    reads=(LOG_EXECUTION, TAIL, FOLLOW),
    path_id="a job's id, or its beginning",
    others={101: LogMessageJson},
)
async def plain_get(call: Call) -> Response:
    """The log of a job's execution: a websocket, whose messages are JSON texts.

    Without an upgrade there is nothing to send; v1.4.0 sends just that.
    """
    if call.backend.behaviour.on("errors-as-500") and not header(call.scope, b"upgrade"):
        return Response(b"")
    raise RefusedError(400, f"logs are a websocket: ask for them with {_UPGRADE}", {"sec-websocket-version": "13"})


ROUTES: Routes = {_PATH: {"GET": plain_get}}


def log_route(backend: Backend) -> WebSocketRoute:
    return WebSocketRoute(_PATH, _LogSocket(backend))


class _LogSocket:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._errors_as_500 = backend.behaviour.on("errors-as-500")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_foreign(scope):
            await send_answer(scope, send, text_answer("Forbidden\n", 403))
            return
        await receive()
        await send({"type": "websocket.accept"})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_gone, receive, nursery.cancel_scope)
            await self._send_all(scope, send)
            nursery.cancel_scope.cancel()

    async def _send_all(self, scope: Scope, send: Send) -> None:
        try:
            await self._send_log(scope, send)
        except DevstackError as exc:
            _, text, _ = describe(exc, errors_as_500=self._errors_as_500)
            await _send_message(send, {"error": text, **_message(0, "")})
        await send({"type": "websocket.close", "code": 1000})

    async def _send_log(self, scope: Scope, send: Send) -> None:
        query, job_id = Query(scope["query_string"]), scope["path_params"]["id"]
        tail, follow = TAIL.of(query), FOLLOW.of(query)
        opened = False
        try:
            async with aclosing(self._backend.open_log(job_id, LOG_EXECUTION.of(query), tail, follow)) as pieces:
                async for stream, text in pieces:
                    opened = True
                    await _send_message(send, _message(stream, text))
        except DevstackError as exc:
            prefix = "" if opened else f"failed to open log stream for job {job_id}: "
            raise _StreamError(prefix + exc.message) from exc


class _StreamError(DevstackError):
    """A log that cannot be opened, or ends in the middle."""


def _message(stream: int, line: str) -> dict[str, Any]:
    return {"value": {"Type": stream, "Line": line}}


async def _send_message(send: Send, message: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": orjson.dumps(message).decode() + "\n"})


async def _cancel_when_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()
