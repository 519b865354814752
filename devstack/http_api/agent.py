"""The node itself: alive, version, description, health. Source: http_api reference 1.3."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from devstack.adapters import wire
from devstack.adapters.wire.text import read
from devstack.http_api.answers import json_answer, render, text_answer
from devstack.http_api.call import Call, Handler
from devstack.models.node import NodeState

__all__ = ["ROUTES"]


async def alive(call: Call) -> Response:
    return json_answer({"Status": "OK"})


async def version(call: Call) -> Response:
    return json_answer(wire.encode_version(call.backend.version))


async def home(call: Call) -> Response:
    return text_answer(render(wire.encode_version(call.backend.version)))


async def server_version(call: Call) -> Response:
    """The old way to ask, with the client's id in the body; the body must be JSON and is not used."""
    body = await call.body()
    if body:
        read(body)
    return json_answer({"build_version_info": wire.encode_version(call.backend.version)})


async def own_node(call: Call) -> Response:
    return json_answer(_node(call, call.backend.own_node()))


def _node(call: Call, state: NodeState) -> dict[str, Any]:
    return wire.encode_node(state, compat=call.backend.behaviour.on("compat-keys"))


async def debug(call: Call) -> Response:
    return json_answer({name: _plain(call, value) for name, value in call.backend.debug().items()})


def _plain(call: Call, value: Any) -> Any:
    if isinstance(value, NodeState):
        return _node(call, value)
    return [_plain(call, item) for item in value] if isinstance(value, list | tuple) else value


async def node_id(call: Call) -> Response:
    return text_answer(call.backend.node_id)


async def livez(call: Call) -> Response:
    return text_answer("OK")


async def healthz(call: Call) -> Response:
    mounts = call.backend.free_space().items()
    return json_answer(
        {"FreeSpace": {name: dict(zip(("All", "Used", "Free"), sizes, strict=True)) for name, sizes in mounts}}
    )


_TOP: Final[dict[str, dict[str, Handler]]] = {
    "/id": {"GET": node_id},
    "/livez": {"GET": livez},
    "/healthz": {"GET": healthz},
    "/node_info": {"GET": own_node},
    "/version": {"POST": server_version},
}
ROUTES: Final[dict[str, dict[str, Handler]]] = {
    "/api/v1/agent/alive": {"GET": alive},
    "/api/v1/agent/version": {"GET": version},
    "/api/v1/agent/node": {"GET": own_node},
    "/api/v1/agent/debug": {"GET": debug},
    **{f"/api/v1{path}": handlers for path, handlers in _TOP.items()},
    **_TOP,  # Old clients leave the version out.
    "/": {"GET": home},
}
