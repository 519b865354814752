"""Faults of the running stack: inject, list, clear. Ours alone; Bacalhau has nothing of the kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypedDict

from starlette.responses import Response

from devstack.adapters.wire import UnreadableError
from devstack.adapters.wire.decoder import Free
from devstack.errors import ConflictError, DevstackError, NotFoundError, UsageError
from devstack.faults import parse_mapping, text_of, to_mapping
from devstack.faults.state import FaultState
from devstack.faults.words import WORDS
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call
from devstack.http_api.errors import RefusedError
from devstack.http_api.operation import Routes, operation
from devstack.models.gotext import rfc3339

__all__ = ["ROUTES", "fault_json"]


class FaultJson(TypedDict):
    ID: int
    Text: Annotated[str, "as a person would write it"]
    State: str
    Begins: str
    Machines: Sequence[str]
    Strikes: int
    Fault: Annotated[Mapping[str, Any], "as in YAML"]


class FaultListJson(TypedDict):
    Faults: Sequence[FaultJson]


class OneFaultJson(TypedDict):
    Fault: FaultJson


class ClearedJson(TypedDict):
    Cleared: Annotated[Sequence[int], "their numbers"]


@operation(FaultListJson)
async def list_faults(call: Call) -> Response:
    """The faults that wait or are active."""
    return json_answer({"Faults": [fault_json(state) for state in call.backend.list_faults()]})


@operation(
    OneFaultJson,
    body=Free({word.name: word.about for word in WORDS.values()}),
    example={"crash": "node-1", "at": "30s"},
    refusals=(ConflictError,),
)
async def inject_fault(call: Call) -> Response:
    """Inject a fault. It is written as in YAML, with one word for what goes wrong."""
    try:
        given = await call.content()
        if given is None:
            raise UsageError("there is no fault in the body", 'send JSON such as {"crash": "node-1", "at": "30s"}')
        state = call.backend.inject_fault(parse_mapping(given))
    except UnreadableError as exc:
        raise RefusedError(400, f"the body is no JSON: {exc.message}") from None
    except UsageError as exc:
        raise _refusal(400, exc) from None
    return json_answer({"Fault": fault_json(state)})


@operation(ClearedJson)
async def clear_faults(call: Call) -> Response:
    """End all faults."""
    return json_answer({"Cleared": call.backend.clear_faults(None)})


@operation(ClearedJson, path_id="a fault's number")
async def clear_fault(call: Call) -> Response:
    """End one fault."""
    try:
        number = int(call.id)
    except ValueError:
        raise RefusedError(400, f"{call.id!r} is no number of a fault") from None
    try:
        return json_answer({"Cleared": call.backend.clear_faults(number)})
    except NotFoundError as exc:
        raise _refusal(404, exc) from None


def _refusal(status: int, error: DevstackError) -> RefusedError:
    """Ours whatever the behaviour, and with what to do about it: there is no other place for a hint."""
    return RefusedError(status, f"{error.message}; {error.hint}" if error.hint else error.message)


def fault_json(state: FaultState) -> dict[str, Any]:
    """A fault as the API tells of it."""
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
ROUTES: Routes = {
    _FAULTS: {"GET": list_faults, "POST": inject_fault, "DELETE": clear_faults},
    f"{_FAULTS}/{{id}}": {"DELETE": clear_fault},
}
