"""The API before version 1.2 of Bacalhau: gone, and says so. Source: http_api reference 1.3, 5.2 D5."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from devstack.http_api.answers import json_answer, send_answer
from devstack.http_api.backend import Backend
from devstack.http_api.errors import http_error

__all__ = ["legacy_routes"]

_GONE: Final = (
    "This endpoint is deprecated. See the migration guide at "
    "https://docs.bacalhau.org/references/cli-reference/command-migration for more information"
)
_POSTED: Final = frozenset({"list", "states", "results", "events", "submit", "cancel", "debug"})
_READ: Final = frozenset({"nodes", "websocket/events"})


class _Gone:
    def __init__(self, backend: Backend) -> None:
        self._partly_404 = backend.behaviour.on("legacy-partly-404")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_answer(scope, send, self._answer(scope["method"], scope["path_params"]["name"]))

    def _answer(self, method: str, name: str) -> Response:
        known = name in {"POST": _POSTED, "GET": _READ}.get(method, frozenset())
        return http_error(404, "Not Found") if self._partly_404 and not known else json_answer(_GONE, 410)


def legacy_routes(backend: Backend) -> list[Route]:
    gone = _Gone(backend)
    return [Route(f"{prefix}/requester/{{name:path}}", gone) for prefix in ("/api/v1", "")]
