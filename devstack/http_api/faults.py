"""Faults of the running stack: inject, list, clear. Ours alone; Bacalhau has nothing of the kind."""

from __future__ import annotations

from typing import Any, Final

import orjson
from starlette.responses import Response

from devstack.errors import DevstackError, NotFoundError, UsageError
from devstack.faults import parse_mapping, text_of, to_mapping
from devstack.faults.state import FaultState
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call, Handler
from devstack.http_api.errors import RefusedError
from devstack.models.gotext import rfc3339

__all__ = ["ROUTES"]


async def list_faults(call: Call) -> Response:
    return json_answer({"Faults": [_encoded(state) for state in call.backend.list_faults()]})


async def inject_fault(call: Call) -> Response:
    """The body is a fault as in YAML: `{"crash": "node-1", "at": "30s"}`."""
    body = await call.json_body()
    try:
        state = call.backend.inject_fault(parse_mapping(_decoded(body)))
    except UsageError as exc:
        raise _refusal(400, exc) from None
    return json_answer({"Fault": _encoded(state)})


async def clear_faults(call: Call) -> Response:
    return json_answer({"Cleared": call.backend.clear_faults(None)})


async def clear_fault(call: Call) -> Response:
    try:
        number = int(call.id)
    except ValueError:
        raise RefusedError(400, f"{call.id!r} is no number of a fault") from None
    try:
        return json_answer({"Cleared": call.backend.clear_faults(number)})
    except NotFoundError as exc:
        raise _refusal(404, exc) from None


def _decoded(body: bytes | None) -> Any:
    if body is None:
        raise UsageError("there is no fault in the body", 'send JSON such as {"crash": "node-1", "at": "30s"}')
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise UsageError(f"the body is no JSON: {exc}") from None


def _refusal(status: int, error: DevstackError) -> RefusedError:
    """Ours whatever the behaviour, and with what to do about it: there is no other place for a hint."""
    return RefusedError(status, f"{error.message}; {error.hint}" if error.hint else error.message)


def _encoded(state: FaultState) -> dict[str, Any]:
    return {
        "ID": state.id,
        "Text": text_of(state.fault),
        "State": state.state,
        "Begins": rfc3339(state.begins_ns),
        "Machines": list(state.machines),
        "Strikes": state.strikes,
        "Fault": to_mapping(state.fault),
    }


_FAULTS: Final = "/api/v1/devstack/faults"
ROUTES: Final[dict[str, dict[str, Handler]]] = {
    _FAULTS: {"GET": list_faults, "POST": inject_fault, "DELETE": clear_faults},
    f"{_FAULTS}/{{id}}": {"DELETE": clear_fault},
}
