"""The routes, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack.http_api import agent, auth, clock, explain, faults, jobs, logs, nodes, own
from devstack.http_api.answers import JSON, JSON_UTF8, json_answer, send_answer
from devstack.http_api.backend import Backend
from devstack.http_api.call import Call, Resource
from devstack.http_api.content import content_route
from devstack.http_api.dashboard import dashboard_routes
from devstack.http_api.document import describe_api
from devstack.http_api.errors import http_error
from devstack.http_api.legacy import legacy_routes
from devstack.http_api.middleware import Middleware
from devstack.http_api.operation import Routes, operation

__all__ = ["create_app"]


@operation(Mapping[str, Any])
async def openapi(call: Call) -> Response:
    """This description."""
    return json_answer(describe_api(_GROUPS.items(), call.backend.behaviour))


_GROUPS: Final[Mapping[str, Routes]] = {
    "jobs": jobs.ROUTES,
    "logs": logs.ROUTES,
    "nodes": nodes.ROUTES,
    "agent": agent.ROUTES,
    "auth": auth.ROUTES,
    "devstack": {**own.ROUTES, own.DOCUMENT_PATH: {"GET": openapi}},
    "faults": faults.ROUTES,
    "explain": explain.ROUTES,
    "clock": clock.ROUTES,
}


def create_app(backend: Backend) -> ASGIApp:
    """The API over that cluster, as an ASGI application for trio."""
    routes = [
        Route(path, Resource(backend, operations)) for group in _GROUPS.values() for path, operations in group.items()
    ]
    streams = [content_route(backend), logs.log_route(backend), *dashboard_routes(backend)]
    everything = [*routes, *streams, *legacy_routes(backend)]
    # A path with a slash at its end is another path, and unknown.
    return Middleware(Router(everything, redirect_slashes=False, default=_not_found), backend)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    media_type = JSON if scope["path"].startswith("/api/v1/") else JSON_UTF8
    await send_answer(scope, send, http_error(404, "Not Found", media_type=media_type))
