"""Nodes: list, look, approve, reject, delete. Source: http_api reference 1.6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from starlette.responses import Response

from devstack.adapters import wire
from devstack.adapters.wire.shapes import NodeJson
from devstack.errors import AmbiguousIdError, ConflictError, InvalidQueryError, NotFoundError
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call
from devstack.http_api.operation import Routes, operation
from devstack.http_api.parameters import (
    FILTER_APPROVAL,
    FILTER_STATUS,
    LABELS,
    LIMIT,
    NEXT_TOKEN,
    NODE_ORDER,
    REVERSE,
)

__all__ = ["ROUTES"]


class NodeListJson(TypedDict):
    NextToken: str
    Nodes: Sequence[NodeJson]


@operation(
    NodeListJson,
    reads=(LABELS, FILTER_APPROVAL, FILTER_STATUS, LIMIT, NEXT_TOKEN, NODE_ORDER, REVERSE),
    refusals=(InvalidQueryError, ConflictError),
)
async def list_nodes(call: Call) -> Response:
    """The nodes that the requester knows, itself among them."""
    compat = call.backend.behaviour.on("compat-keys")
    found, token = call.backend.nodes(
        call[LABELS], call[FILTER_APPROVAL], call[FILTER_STATUS],
        call[LIMIT], call[NEXT_TOKEN], call[NODE_ORDER], call[REVERSE],
    )  # fmt: skip
    nodes = [wire.encode_node(node, compat=compat) for node in found]
    return json_answer({"NextToken": call.query.token_for_pagers(token), "Nodes": nodes})


class OneNodeJson(TypedDict):
    Node: NodeJson


_NODE_ID = "a node's id, or its beginning"


@operation(OneNodeJson, path_id=_NODE_ID, refusals=(NotFoundError, AmbiguousIdError, ConflictError))
async def get_node(call: Call) -> Response:
    """One node."""
    compat = call.backend.behaviour.on("compat-keys")
    return json_answer({"Node": wire.encode_node(call.backend.node(call.id), compat=compat)})


class NodeActionJson(TypedDict):
    Success: bool
    Error: str


@operation(
    NodeActionJson,
    body=wire.NODE_ACTION,
    example={"Action": "approve", "Message": "it is ours"},
    path_id=_NODE_ID,
    refusals=(ConflictError,),
)
async def act_on_node(call: Call) -> Response:
    """Approve, reject or delete a node.

    A refusal is no error of the request: 200, and the reason inside. The id in the body does not count.
    """
    wanted = await call.content() or wire.NodeAction()
    error = call.backend.node_action(call.id, wanted.action, wanted.message)
    return json_answer({"Success": not error, "Error": error})


_NODES = "/api/v1/orchestrator/nodes"
ROUTES: Routes = {
    _NODES: {"GET": list_nodes},
    f"{_NODES}/{{id}}": {"GET": get_node, "PUT": act_on_node},
}
