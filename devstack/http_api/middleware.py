"""What holds for every request: headers, limits, who may talk to us, and no mistake of ours gets out.

One plain ASGI layer, because each layer costs every request, and the framework's own would break streams.
Source: http_api reference 1.1, 1.2.
"""

from __future__ import annotations

import logging
import math
import re
from typing import Final, NotRequired, TypedDict

import trio
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from devstack.http_api.answers import JSON_UTF8, json_answer, send_answer
from devstack.http_api.backend import Backend
from devstack.http_api.call import BODY_LIMIT_BYTES, TOO_LARGE, header
from devstack.http_api.errors import http_error, internal_error
from devstack.http_api.pages import may_act
from devstack.http_api.rate import RateLimit
from devstack.models.node import BuildVersion

__all__ = ["Middleware", "OldClientJson"]

Headers = list[tuple[bytes, bytes]]
_log: Final = logging.getLogger("devstack.http_api")
_MIN_VERSION: Final = (1, 4, 0)
_VERSION_HEADER: Final = b"x-bacalhau-git-version"
_SEMVER: Final = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\Z", re.ASCII)
_AUTHORITY: Final = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
_DEVELOPMENT: Final = ("v0.0.0", "v0.0.0-xxxxxxx")
_HANDLER_TIMEOUT_S: Final = 30
# How much of a refused body is read and dropped, for clients that read no answer before they have sent everything.
_DRAIN_BYTES: Final = 10 * BODY_LIMIT_BYTES
_DRAIN_S: Final = 5


class OldClientJson(TypedDict):
    """A client that is too old, or does not say a version."""

    Error: str
    MinVersion: NotRequired[str]
    ClientVersion: NotRequired[str]
    ServerVersion: NotRequired[str]


class Middleware:
    def __init__(self, app: ASGIApp, backend: Backend, *, handler_timeout_s: float = _HANDLER_TIMEOUT_S) -> None:
        self._app = app
        self._backend = backend
        self._timeout_s = handler_timeout_s
        self._version_headers = _version_headers(backend.version)
        self._rate = RateLimit() if backend.behaviour.on("requests-limited") else None
        self._any_page_may_act = backend.behaviour.on("any-page-may-act")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/"):
            scope = _with_path_alone(scope)
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket" and (refusal := self._refuse_client(scope)) is not None:
            await send_answer(scope, send, refusal)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        common = self._common_headers(scope)
        if scope["method"] == "OPTIONS":
            await send_answer(scope, _with_headers(send, common), _preflight(scope))
        elif self._rate is not None and not self._rate.allows(_client(scope), round(trio.current_time() * 1e9)):
            answer = http_error(429, "rate limit exceeded", media_type=JSON_UTF8)
            await send_answer(scope, _with_headers(send, common), answer)
        elif _announces_too_much(scope):
            await _refuse_body(scope, receive, _with_headers(send, common))
        elif (refusal := self._refuse_client(scope) or self._refuse_page(scope)) is not None:
            await send_answer(scope, _with_headers(send, common + self._version_headers), refusal)
        else:
            await self._run(scope, receive, send, common)

    async def _run(self, scope: Scope, receive: Receive, send: Send, common: Headers) -> None:
        """Let the route answer; answer for it if it fails or takes too long."""
        has_begun = False

        async def send_routed(message: Message) -> None:
            nonlocal has_begun
            has_begun, patience.deadline = True, math.inf  # However slowly its client reads it.
            await _with_headers(send, common + self._version_headers)(message)

        with trio.move_on_after(self._timeout_s) as patience:
            try:
                await self._app(scope, receive, send_routed)
            except Exception as exc:
                _log.exception("internal error: %s %s", scope["method"], scope["path"])
                if not has_begun:
                    await send_answer(scope, send_routed, internal_error(exc))
        if patience.cancelled_caught:
            answer = Response("Server Timeout!", 503, headers={"content-type": "text/plain; charset=utf-8"})
            await send_answer(scope, _with_headers(send, common), answer)

    def _common_headers(self, scope: Scope) -> Headers:
        request_id = header(scope, b"x-request-id") or self._backend.request_id().encode()
        headers = [(b"x-request-id", request_id), (b"vary", b"Origin")]
        if header(scope, b"origin"):
            headers.append((b"access-control-allow-origin", b"*"))
        return headers

    def _refuse_client(self, scope: Scope) -> Response | None:
        """The answer to a client that is too old for this server, or calls itself something odd."""
        text = header(scope, _VERSION_HEADER).decode("latin-1")
        if not text or text in _DEVELOPMENT:
            return None
        match = _SEMVER.match(text)
        if match is None or len(text) > 256:
            return json_answer({"Error": f"Invalid client version {text}"}, 400)
        version = (int(match[1]), int(match[2] or 0), int(match[3] or 0))
        if version > _MIN_VERSION or (version == _MIN_VERSION and not match[4]):
            return None
        return json_answer(
            {
                "Error": "Client version is outdated. Update your client",
                "MinVersion": _dotted(_MIN_VERSION),
                "ClientVersion": _dotted(version) + (match[4] or "") + (match[5] or ""),
                "ServerVersion": self._backend.version.git_version.removeprefix("v"),
            },
            403,
        )

    def _refuse_page(self, scope: Scope) -> Response | None:
        """The answer to a web page that would act and may not."""
        if self._any_page_may_act or scope["method"] in ("GET", "HEAD") or may_act(scope):
            return None
        origin = header(scope, b"origin").decode("latin-1")
        return http_error(
            403, f"pages from {origin} may look but not act here; `--behaviour any-page-may-act` allows it"
        )


def _with_path_alone(scope: Scope) -> Scope:
    """A request as it is made to a proxy, `GET http://host/path`, is one for the path."""
    return {**scope, "path": _AUTHORITY.sub("", scope["path"], 1) or "/"}


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


def _version_headers(version: BuildVersion) -> Headers:
    build_date = version.build_date.replace("T", " ").replace("Z", " +0000 UTC")
    named = {
        "x-bacalhau-git-version": version.git_version,
        "x-bacalhau-git-commit": version.git_commit,
        "x-bacalhau-build-date": build_date,
        "x-bacalhau-build-os": version.goos,
        "x-bacalhau-arch": version.goarch,
    }
    return [(name.encode(), value.encode()) for name, value in named.items()]


def _with_headers(send: Send, headers: Headers) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return send_with_headers


def _preflight(scope: Scope) -> Response:
    """Any page may ask anything."""
    answer = Response(b"", 204)
    if header(scope, b"origin"):
        answer.headers["access-control-allow-methods"] = "GET,HEAD,PUT,PATCH,POST,DELETE"
        answer.headers.append("vary", "Access-Control-Request-Method")
        answer.headers.append("vary", "Access-Control-Request-Headers")
        if wanted := header(scope, b"access-control-request-headers"):
            answer.headers["access-control-allow-headers"] = wanted.decode("latin-1")
    return answer


def _client(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _announces_too_much(scope: Scope) -> bool:
    length = header(scope, b"content-length")
    return length.isdigit() and (len(length) > 18 or int(length) > BODY_LIMIT_BYTES)


async def _refuse_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, then read on for a while: closing now would make the client lose the answer."""
    answer = http_error(413, TOO_LARGE, media_type=JSON_UTF8)
    await send({"type": "http.response.start", "status": 413, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    dropped = 0
    with trio.move_on_after(_DRAIN_S):
        while dropped < _DRAIN_BYTES:
            message = await receive()
            dropped += len(message.get("body", b""))
            if not message.get("more_body", False):
                break
    await send({"type": "http.response.body", "body": b""})
