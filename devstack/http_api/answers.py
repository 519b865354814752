"""Answers: JSON as Bacalhau lays it out. Source: http_api reference 1.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response
from starlette.types import Scope, Send

__all__ = ["JSON", "JSON_UTF8", "json_answer", "render", "send_answer", "text_answer"]

JSON: Final = "application/json"
JSON_UTF8: Final = "application/json; charset=UTF-8"
_INDENTED: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def render(value: Any) -> bytes:
    """Indented JSON with a newline at its end, without `<`, `>` and `&`."""
    text = orjson.dumps(value, option=_INDENTED)
    # Outside of strings these three do not occur in JSON.
    return text.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")


def json_answer(value: Any, status: int = 200, *, media_type: str = JSON) -> Response:
    return Response(render(value), status, headers={"content-type": media_type})


def text_answer(text: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(text, status, headers={"content-type": "text/plain", **(headers or {})})


async def send_answer(scope: Scope, send: Send, answer: Response) -> None:
    """Send the answer; to one who asked for a websocket, instead of the upgrade."""
    prefix = "websocket." if scope["type"] == "websocket" else ""
    await send({"type": f"{prefix}http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": f"{prefix}http.response.body", "body": answer.body})
