"""What one method of one path does: its function, and all that the API's document says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from starlette.responses import Response

from devstack.adapters.wire.decoder import Reader
from devstack.errors import DevstackError
from devstack.http_api.parameters import Parameter

if TYPE_CHECKING:
    from devstack.http_api.call import Call

__all__ = ["Operation", "Routes", "operation"]


@attrs.frozen
class Operation:
    """One method of one path.

    Args:
        answer: the shape of the answer of a success; `str` is plain text, None means that there is no success.
        reads: parameters of the address; all are read before the function is called.
        body: what reads the body, if the method has one.
        example: a body that is taken.
        path_id: what the id in the path is.
        refusals: errors that the function may raise; each has its status.
        others: answers with other statuses that are no errors of this kind, by status.
    """

    run: Callable[[Call], Awaitable[Response]]
    answer: Any
    reads: tuple[Parameter[Any], ...] = ()
    body: Reader | None = None
    example: Any = None
    path_id: str = ""
    refusals: tuple[type[DevstackError], ...] = ()
    others: Mapping[int, Any] = attrs.field(factory=dict)

    @property
    def name(self) -> str:
        return self.run.__name__

    @property
    def meaning(self) -> str:
        return self.run.__doc__ or ""


Routes = Mapping[str, Mapping[str, Operation]]  # by path and method


def operation(answer: Any, **details: Any) -> Callable[[Callable[[Call], Awaitable[Response]]], Operation]:
    """Make an Operation of the function below."""
    return lambda run: Operation(run, answer, **details)
