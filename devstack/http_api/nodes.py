"""Nodes: list, look, approve, reject, delete. Source: http_api reference 1.6."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from devstack.adapters import wire
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call, Handler

__all__ = ["ROUTES"]


async def list_nodes(call: Call) -> Response:
    query, compat = call.query, call.backend.behaviour.on("compat-keys")
    found, token = call.backend.nodes(
        query.texts("labels"), query.text("filter-approval"), query.text("filter-status"),
        query.unsigned("limit"), query.text("next_token"), query.text("order_by"), query.flag("reverse"),
    )  # fmt: skip
    nodes = [wire.encode_node(node, compat=compat) for node in found]
    return json_answer({"NextToken": query.token_for_pagers(token), "Nodes": nodes})


async def get_node(call: Call) -> Response:
    compat = call.backend.behaviour.on("compat-keys")
    return json_answer({"Node": wire.encode_node(call.backend.node(call.id), compat=compat)})


async def act_on_node(call: Call) -> Response:
    """A refusal is no error of the request: 200, and the reason inside. The id in the body does not count."""
    body = await call.json_body()
    wanted = wire.NodeAction() if body is None else wire.decode_node_action(body)
    error = call.backend.node_action(call.id, wanted.action, wanted.message)
    return json_answer({"Success": not error, "Error": error})


_NODES: Final = "/api/v1/orchestrator/nodes"
ROUTES: Final[dict[str, dict[str, Handler]]] = {
    _NODES: {"GET": list_nodes},
    f"{_NODES}/{{id}}": {"GET": get_node, "PUT": act_on_node},
}
