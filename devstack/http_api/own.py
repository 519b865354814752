"""What is ours alone lives below `/api/v1/devstack`, so that Bacalhau's own API stays pure."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from devstack import __version__
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call, Handler

__all__ = ["ROUTES"]


async def about(call: Call) -> Response:
    """What this server is, and which switches of behaviour are on."""
    return json_answer(
        {
            "Name": "devstack",
            "Version": __version__,
            "About": "a simulated Bacalhau network in one process",
            "NodeID": call.backend.node_id,
            "BacalhauVersion": call.backend.version.git_version,
            "Behaviour": sorted(call.backend.behaviour.switched_on),
        }
    )


ROUTES: Final[dict[str, dict[str, Handler]]] = {"/api/v1/devstack": {"GET": about}}
