"""One request, as the routes' functions see it; and the table of methods of one path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devstack.errors import DevstackError
from devstack.http_api.answers import send_answer
from devstack.http_api.backend import Backend
from devstack.http_api.errors import RefusedError, answer_error
from devstack.http_api.query import Query

__all__ = ["BODY_LIMIT_BYTES", "TOO_LARGE", "Call", "Handler", "Resource", "header"]

BODY_LIMIT_BYTES: Final = 10_000_000
TOO_LARGE: Final = "Request Entity Too Large"
_FORMS: Final = (b"application/x-www-form-urlencoded", b"multipart/form-data")


def header(scope: Scope, name: bytes) -> bytes:
    """The first value of that header (name in lower case); empty if there is none."""
    return next((value for key, value in scope["headers"] if key == name), b"")


class Call:
    """A request on its way to its function."""

    def __init__(self, scope: Scope, receive: Receive, backend: Backend) -> None:
        self.scope = scope
        self.backend = backend
        self._receive = receive

    @property
    def query(self) -> Query:
        return Query(self.scope["query_string"])

    @property
    def id(self) -> str:
        """The id in the path."""
        value: str = self.scope["path_params"]["id"]
        return value

    async def body(self) -> bytes:
        """The whole body, whatever it is.

        Raises:
            RefusedError: it is too large.
        """
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > BODY_LIMIT_BYTES:
                raise RefusedError(413, TOO_LARGE)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def json_body(self) -> bytes | None:
        """A JSON body; None where there is none, or a form, which has no field of ours.

        Raises:
            RefusedError: it is too large, or says that it is something else.
        """
        body = await self.body()
        kind = header(self.scope, b"content-type").lower()
        if not body or kind.startswith(_FORMS):
            return None
        if not kind.startswith(b"application/json"):
            # Both numbers are what v1.4.0 says: 400 on the wire, 415 in the text.
            raise RefusedError(400, "code=415, message=Unsupported Media Type")
        return body


Handler = Callable[[Call], Awaitable[Response]]


class Resource:
    """One path: which method calls which function."""

    def __init__(self, backend: Backend, handlers: Mapping[str, Handler]) -> None:
        self._backend = backend
        self._handlers = handlers
        self._errors_as_500 = backend.behaviour.on("errors-as-500")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._handler(scope["method"])(Call(scope, receive, self._backend))
        except DevstackError as exc:
            answer = answer_error(exc, errors_as_500=self._errors_as_500)
        await send_answer(scope, send, answer)

    def _handler(self, method: str) -> Handler:
        handler = self._handlers.get(method)
        if handler is not None:
            return handler
        if self._errors_as_500:
            raise RefusedError(404, "Not Found")
        allowed = ", ".join(sorted(self._handlers))
        raise RefusedError(405, f"Method Not Allowed: this path takes {allowed}", {"allow": allowed})
