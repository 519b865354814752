"""From an error to its answer: status, and the two keys `error` and `message`.

Source: http_api reference 2 (the three shapes H, B and X) and 5.2 D4 (which status).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict

from starlette.responses import Response

from devstack.adapters.wire import UnreadableError
from devstack.errors import (
    AmbiguousIdError,
    ConflictError,
    DevstackError,
    InvalidJobError,
    InvalidQueryError,
    LateInvalidJobError,
    NotFoundError,
    UsageError,
)
from devstack.http_api.answers import JSON, json_answer

__all__ = [
    "ErrorJson",
    "BadQueryError",
    "LateRefusalError",
    "RefusedError",
    "answer_error",
    "describe",
    "http_error",
    "internal_error",
    "status_of",
]


class ErrorJson(TypedDict):
    """What was wrong; `error` has the status in it, or the whole reason where `message` has none."""

    error: str
    message: str


class BadQueryError(UnreadableError):
    """A parameter of the address that is no number or no truth value."""


class RefusedError(DevstackError):
    """A request that is refused before anybody looks at what it asks for."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


class LateRefusalError(DevstackError):
    """A client's mistake that v1.4.0 takes for one of its own."""


_STATUSES: Final[tuple[tuple[type[DevstackError], int], ...]] = (
    (InvalidJobError, 400),
    (InvalidQueryError, 400),
    (LateRefusalError, 400),
    (UsageError, 400),
    (NotFoundError, 404),
    (AmbiguousIdError, 409),
    (ConflictError, 409),
)
# What v1.4.0 recognises as the client's mistake.
_EARLY_STATUSES: Final[tuple[tuple[type[DevstackError], int], ...]] = (
    (LateInvalidJobError, 500),
    (InvalidJobError, 400),
    (InvalidQueryError, 400),
)


def status_of(kind: type[DevstackError], *, errors_as_500: bool) -> int:
    """The status that an error of that kind has."""
    table = _EARLY_STATUSES if errors_as_500 else _STATUSES
    return next((status for known, status in table if issubclass(kind, known)), 500)


def describe(error: DevstackError, *, errors_as_500: bool) -> tuple[int, str, str]:
    """Status, `error` and `message` of an error's answer."""
    if isinstance(error, UnreadableError):
        message = f"code=400, message={error.message}, internal={error.cause}"
        return 400, f"code=400, message={message}", message
    own = error.status if isinstance(error, RefusedError) else 0
    status = own or status_of(type(error), errors_as_500=errors_as_500)
    if status == 500:
        return 500, error.message, "Internal Server Error"
    return status, f"code={status}, message={error.message}", error.message


def answer_error(error: DevstackError, *, errors_as_500: bool, media_type: str = JSON) -> Response:
    status, text, message = describe(error, errors_as_500=errors_as_500)
    answer = json_answer({"error": text, "message": message}, status, media_type=media_type)
    if isinstance(error, RefusedError):
        answer.headers.update(error.headers)
    return answer


def http_error(status: int, message: str, *, media_type: str = JSON) -> Response:
    """The answer to a request that never reached a route's own code."""
    return answer_error(RefusedError(status, message), errors_as_500=False, media_type=media_type)


def internal_error(error: Exception) -> Response:
    """The answer to a mistake of ours."""
    body: ErrorJson = {"error": str(error) or type(error).__name__, "message": "Internal Server Error"}
    return json_answer(body, 500)
