"""What is ours alone lives below `/api/v1/devstack`, so that Bacalhau's own API stays pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, TypedDict

from starlette.responses import Response

from devstack import __version__
from devstack.checkers import Violation
from devstack.http_api.answers import json_answer
from devstack.http_api.call import Call
from devstack.http_api.operation import Routes, operation
from devstack.models.gotext import rfc3339

__all__ = ["DOCUMENT_PATH", "ROUTES"]

DOCUMENT_PATH: Final = "/api/v1/devstack/openapi.json"


class AboutJson(TypedDict):
    Name: str
    Version: str
    About: str
    NodeID: str
    BacalhauVersion: str
    Behaviour: Annotated[Sequence[str], "the switches that are on"]
    Document: Annotated[str, "the path of this API's description"]


@operation(AboutJson)
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
            "Document": DOCUMENT_PATH,
        }
    )


class ViolationJson(TypedDict):
    Checker: str
    Time: str
    What: str
    Nodes: Sequence[str]
    Jobs: Sequence[str]
    Executions: Sequence[str]
    Event: str


class ViolationListJson(TypedDict):
    Violations: Sequence[ViolationJson]
    Unlisted: Annotated[Mapping[str, int], "how many more, by checker"]


@operation(ViolationListJson)
async def violations(call: Call) -> Response:
    """Which rules did not hold, oldest first; of each checker only the first ones are listed."""
    listed, unlisted = call.backend.violations()
    return json_answer({"Violations": [_encoded(violation) for violation in listed], "Unlisted": dict(unlisted)})


def _encoded(violation: Violation) -> ViolationJson:
    return {
        "Checker": violation.checker,
        "Time": rfc3339(violation.time_ns),
        "What": violation.what,
        "Nodes": list(violation.nodes),
        "Jobs": list(violation.jobs),
        "Executions": list(violation.executions),
        "Event": violation.event,
    }


ROUTES: Routes = {
    "/api/v1/devstack": {"GET": about},
    "/api/v1/devstack/violations": {"GET": violations},
}
