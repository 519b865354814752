"""One request, as the routes' functions see it; and the table of methods of one path."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, TypeVar

from starlette.types import Receive, Scope, Send

from devstack.adapters.wire import decode
from devstack.errors import DevstackError
from devstack.http_api.answers import send_answer
from devstack.http_api.backend import Backend
from devstack.http_api.errors import RefusedError, answer_error
from devstack.http_api.operation import Operation
from devstack.http_api.parameters import Parameter
from devstack.http_api.query import Query

__all__ = ["BODY_LIMIT_BYTES", "TOO_LARGE", "Call", "Resource", "header"]

BODY_LIMIT_BYTES: Final = 10_000_000
_T = TypeVar("_T")
TOO_LARGE: Final = "Request Entity Too Large"
_FORMS: Final = (b"application/x-www-form-urlencoded", b"multipart/form-data")


def header(scope: Scope, name: bytes) -> bytes:
    """The first value of that header (name in lower case); empty if there is none."""
    return next((value for key, value in scope["headers"] if key == name), b"")


class Call:
    """A request on its way to its function; `call[LIMIT]` is the value of a parameter that the operation reads.

    Raises:
        BadQueryError: one of them cannot be read.
    """

    def __init__(self, scope: Scope, receive: Receive, backend: Backend, operation: Operation) -> None:
        self.scope = scope
        self.backend = backend
        self._receive = receive
        self._operation = operation
        self._values = {parameter.name: parameter.of(self.query) for parameter in operation.reads}

    @cached_property
    def query(self) -> Query:
        return Query(self.scope["query_string"])

    def __getitem__(self, parameter: Parameter[_T]) -> _T:
        value: _T = self._values[parameter.name]
        return value

    @property
    def id(self) -> str:
        """The id in the path."""
        value: str = self.scope["path_params"]["id"]
        return value

    async def content(self) -> Any:
        """What the operation's reader makes of the body; None where there is none, or a form (it has no field of ours).

        Raises:
            RefusedError: it is too large, or says that it is something else than JSON.
            UnreadableError: it is no JSON, or holds a value of the wrong type.
        """
        assert self._operation.body is not None
        body = await self._body()
        kind = header(self.scope, b"content-type").lower()
        if not body or kind.startswith(_FORMS):
            return None
        if not kind.startswith(b"application/json"):
            # Both numbers are what v1.4.0 says: 400 on the wire, 415 in the text.
            raise RefusedError(400, "code=415, message=Unsupported Media Type")
        return decode(self._operation.body, body)

    async def _body(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise RefusedError(400, "the client left before it had sent its whole body")
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > BODY_LIMIT_BYTES:
                raise RefusedError(413, TOO_LARGE)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


class Resource:
    """One path: which method does what."""

    def __init__(self, backend: Backend, operations: Mapping[str, Operation]) -> None:
        self._backend = backend
        self._operations = operations
        self._errors_as_500 = backend.behaviour.on("errors-as-500")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            operation = self._operation(scope["method"])
            answer = await operation.run(Call(scope, receive, self._backend, operation))
        except DevstackError as exc:
            answer = answer_error(exc, errors_as_500=self._errors_as_500)
        await send_answer(scope, send, answer)

    def _operation(self, method: str) -> Operation:
        operation = self._operations.get(method)
        if operation is not None:
            return operation
        if self._errors_as_500:
            raise RefusedError(404, "Not Found")
        allowed = ", ".join(sorted(self._operations))
        raise RefusedError(405, f"Method Not Allowed: this path takes {allowed}", {"allow": allowed})
