"""The node itself: alive, version, description, health. Source: http_api reference 1.3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from starlette.responses import Response

from devstack.adapters import wire
from devstack.adapters.wire.shapes import NodeJson, VersionJson
from devstack.errors import ConflictError
from devstack.http_api.answers import json_answer, render, text_answer
from devstack.http_api.call import Call
from devstack.http_api.operation import Routes, operation
from devstack.models.node import NodeState

__all__ = ["ROUTES"]


class AliveJson(TypedDict):
    Status: str


@operation(AliveJson)
async def alive(call: Call) -> Response:
    """Whether the node answers."""
    return json_answer({"Status": "OK"})


@operation(VersionJson)
async def version(call: Call) -> Response:
    """The version of Bacalhau that this node speaks for."""
    return json_answer(wire.encode_version(call.backend.version))


@operation(str)
async def home(call: Call) -> Response:
    """The version, as text."""
    return text_answer(render(wire.encode_version(call.backend.version)))


class ServerVersionJson(TypedDict):
    build_version_info: VersionJson


@operation(ServerVersionJson, body=wire.VERSION, example={"client_id": "a1b2"})
async def server_version(call: Call) -> Response:
    """The old way to ask for the version. The client's id in the body is not used."""
    await call.content()
    return json_answer({"build_version_info": wire.encode_version(call.backend.version)})


@operation(NodeJson, refusals=(ConflictError,))
async def own_node(call: Call) -> Response:
    """The requester as it sees itself."""
    return json_answer(_node(call, call.backend.own_node()))


def _node(call: Call, state: NodeState) -> NodeJson:
    return wire.encode_node(state, compat=call.backend.behaviour.on("compat-keys"))


class DebugJson(TypedDict):
    DiscoveredNodes: Sequence[NodeJson]
    NATSServer: Mapping[str, Any]
    NATSClient: Mapping[str, Any]


@operation(DebugJson, refusals=(ConflictError,))
async def debug(call: Call) -> Response:
    """The requester's components, and what they say of themselves."""
    return json_answer({name: _plain(call, value) for name, value in call.backend.debug().items()})


def _plain(call: Call, value: Any) -> Any:
    if isinstance(value, NodeState):
        return _node(call, value)
    return [_plain(call, item) for item in value] if isinstance(value, list | tuple) else value


@operation(str)
async def node_id(call: Call) -> Response:
    """The requester's id."""
    return text_answer(call.backend.node_id)


@operation(str)
async def livez(call: Call) -> Response:
    """OK."""
    return text_answer("OK")


class SpaceJson(TypedDict):
    """In bytes."""

    All: int
    Used: int
    Free: int


class HealthJson(TypedDict):
    FreeSpace: Mapping[str, SpaceJson]


@operation(HealthJson)
async def healthz(call: Call) -> Response:
    """The room on this machine's disks."""
    mounts = call.backend.free_space().items()
    return json_answer(
        {"FreeSpace": {name: dict(zip(("All", "Used", "Free"), sizes, strict=True)) for name, sizes in mounts}}
    )


_TOP: Routes = {
    "/id": {"GET": node_id},
    "/livez": {"GET": livez},
    "/healthz": {"GET": healthz},
    "/node_info": {"GET": own_node},
    "/version": {"POST": server_version},
}
ROUTES: Routes = {
    "/api/v1/agent/alive": {"GET": alive},
    "/api/v1/agent/version": {"GET": version},
    "/api/v1/agent/node": {"GET": own_node},
    "/api/v1/agent/debug": {"GET": debug},
    **{f"/api/v1{path}": handlers for path, handlers in _TOP.items()},
    **_TOP,  # Old clients leave the version out.
    "/": {"GET": home},
}
