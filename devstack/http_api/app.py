"""The routes, put together."""

from __future__ import annotations

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack.http_api import agent, auth, faults, jobs, logs, nodes, own
from devstack.http_api.answers import JSON, JSON_UTF8, send_answer
from devstack.http_api.backend import Backend
from devstack.http_api.call import Resource
from devstack.http_api.errors import http_error
from devstack.http_api.legacy import legacy_routes
from devstack.http_api.middleware import Middleware

__all__ = ["create_app"]


def create_app(backend: Backend) -> ASGIApp:
    """The API over that cluster, as an ASGI application for trio."""
    groups = (jobs.ROUTES, nodes.ROUTES, agent.ROUTES, auth.ROUTES, logs.ROUTES, own.ROUTES, faults.ROUTES)
    routes = [Route(path, Resource(backend, handlers)) for group in groups for path, handlers in group.items()]
    everything = [*routes, logs.log_route(backend), *legacy_routes(backend)]
    # A path with a slash at its end is another path, and unknown.
    return Middleware(Router(everything, redirect_slashes=False, default=_not_found), backend)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    media_type = JSON if scope["path"].startswith("/api/v1/") else JSON_UTF8
    await send_answer(scope, send, http_error(404, "Not Found", media_type=media_type))
