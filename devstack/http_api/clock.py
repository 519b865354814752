"""Virtual time of the running stack: what it is, and how fast it goes. Ours alone."""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

import attrs
from starlette.responses import Response

from devstack.adapters.wire.decoder import Integer, Struct
from devstack.errors import UsageError
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call
from devstack.http_api.operation import Routes, operation
from devstack.models.gotext import rfc3339

__all__ = ["ROUTES"]

FASTEST: Final = 10_000


class ClockJson(TypedDict):
    Now: str
    Speed: Annotated[int, "virtual seconds per second; 0: time stands still"]


@attrs.frozen
class _Wish:
    speed: int | None = None


_WISH: Final = Struct("Clock", _Wish, {"Speed": ("speed", Integer("int", 0, FASTEST))})


@operation(ClockJson)
async def clock(call: Call) -> Response:
    """Virtual time, and how fast it goes."""
    return _answer(call)


@operation(ClockJson, body=_WISH, example={"Speed": 10}, refusals=(UsageError,))
async def set_clock(call: Call) -> Response:
    """Let virtual time go faster or slower, or stop it with 0. Containers keep their own pace."""
    wish = await call.content()
    if wish is None or wish.speed is None:
        raise UsageError('there is no speed in the body; send JSON such as {"Speed": 10}')
    call.backend.set_speed(wish.speed)
    return _answer(call)


def _answer(call: Call) -> Response:
    answer: ClockJson = {"Now": rfc3339(call.backend.now_ns()), "Speed": call.backend.speed}
    return json_answer(answer)


ROUTES: Routes = {"/api/v1/devstack/clock": {"GET": clock, "PUT": set_clock}}
