"""The words for what goes wrong between a client and a server."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any

__all__ = ["error_text", "reason_text"]


def error_text(status: int, text: str) -> str:
    """The readable part of an error answer: the body's own sentence, or the status if there is none."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = text.strip().partition("\n")[0]
    if isinstance(body, Mapping):
        body = _sentence(body)
    if isinstance(body, str) and body.strip():
        return body.strip()
    return f"the server answered {status} {http.client.responses.get(status, '')}".rstrip()


def _sentence(body: Mapping[str, Any]) -> str:
    authentication = body.get("Authentication")
    if isinstance(authentication, Mapping):
        return str(authentication.get("reason", ""))
    message, error = str(body.get("message") or ""), str(body.get("error") or body.get("Error") or "")
    chosen = error if message in ("", "Internal Server Error") else message
    # A request that could not be read is reported as `code=400, message=WHAT, internal=CAUSE`.
    if chosen.startswith("code=") and ", message=" in chosen:
        chosen = chosen.partition(", message=")[2].partition(", internal=")[0]
    return chosen


def reason_text(exc: Exception, limit_s: float) -> str:
    """Why nobody could be reached."""
    match exc:
        case TimeoutError():
            return f"no answer within {limit_s:g} s"
        case http.client.HTTPException():
            return "the connection was closed in the middle of an answer"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {exc.verify_message}; name its authority with --cacert"
        case ssl.SSLError():
            return "it does not speak https as we do"
        case UnicodeError():
            return "that is no name of a host"
    return (getattr(exc, "strerror", None) or str(exc) or type(exc).__name__).lower()
