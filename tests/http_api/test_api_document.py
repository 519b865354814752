"""The API's description is true: whatever is asked, the answer is one that it describes.

schemathesis makes the requests from the description; they go to a whole stack with simulated nodes, in this process,
with a fixed seed. `DEVSTACK_API_REQUESTS=100` asks for so many of each operation instead of a few.
"""

from __future__ import annotations

import json
import os
from functools import partial
from typing import Any

import httpx
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.adapters.wire import SUBMIT, decode
from devstack.backend import StackBackend
from devstack.behaviour import parse
from devstack.cluster import Cluster, node_labels, simulated_nodes
from devstack.faults.engine import FaultEngine
from devstack.http_api.app import create_app
from devstack.models.resources import Gpu, Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.logs import LogBook
from devstack.runtime.pace import RealTimePace
from devstack.runtime.simulated import SimulatedShell

SECOND_NS = 1_000_000_000
DOCUMENT = "/api/v1/devstack/openapi.json"
REQUESTS = int(os.environ.get("DEVSTACK_API_REQUESTS", "5"))
MODES = ["documented", "v1.4.0"]
CAPACITY = Resources(2500, 8_000_000_000, 40_000_000_000, 1, (Gpu(0, "T4", "NVIDIA", 15_360, "0000:00:1e.0"),))
# A schema cannot say all rules of a job, and unknown keys and parameters are taken: what is refused is not asked.
CHECKS = ["status_code_conformance", "content_type_conformance", "response_schema_conformance"]


class Stack:
    """A stack that each request finds a second later; a job is over, another one runs, a third waits."""

    def __init__(self, mode: str) -> None:
        behaviour = parse([mode])
        requester = RequesterConfig(labels=node_labels("node-0"), behaviour=behaviour)
        nodes = simulated_nodes(2, behaviour=behaviour, capacity=CAPACITY)
        cluster = Cluster(nodes, lambda world: SimulatedShell(world.kernel), requester=requester)
        cluster.start()
        self._now_ns = 0
        self._pace = RealTimePace(cluster, 1, lambda: self._now_ns)
        self._backend = StackBackend(self._pace, LogBook(), FaultEngine(cluster))
        self._app = create_app(self._backend)
        self.tick()
        jobs = [self._submit(Params={}), self._submit("service", Params={"RunsFor": "1h"}), self._submit(gpu="7")]
        for _ in range(3):
            self.tick()
        self.ids = {
            "jobs": [*jobs, jobs[1][:8]],
            "explain": jobs,
            "nodes": ["node-1", "node"],
            "auth": ["clientkey"],
            "faults": ["1"],
        }

    def tick(self) -> None:
        self._now_ns += SECOND_NS
        self._pace.catch_up()

    def _submit(self, kind: str = "batch", gpu: str = "", **engine: Any) -> str:
        task = {"Name": "m", "Engine": {"Type": "noop", **engine}, "Resources": {"GPU": gpu}, "Env": {"A": "b"}}
        job = {"Type": kind, "Count": 1, "Labels": {"a": "b"}, "Tasks": [task]}
        return self._backend.submit(decode(SUBMIT, json.dumps({"Job": job}).encode()))[0]

    def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        self.tick()
        return trio.run(partial(self._ask, method, url, **options))

    async def _ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://devstack") as client:
            with trio.fail_after(30):
                return await client.request(method, url, **options)


ROUTES = """
GET / | GET /api/v1/id | GET /api/v1/livez | GET /api/v1/healthz | GET /api/v1/node_info | POST /api/v1/version
GET /api/v1/agent/alive | GET /api/v1/agent/version | GET /api/v1/agent/node | GET /api/v1/agent/debug
GET /api/v1/auth | GET /api/v1/auth/{id} | POST /api/v1/auth/{id}
PUT /api/v1/orchestrator/jobs | POST /api/v1/orchestrator/jobs | GET /api/v1/orchestrator/jobs
GET /api/v1/orchestrator/jobs/{id} | DELETE /api/v1/orchestrator/jobs/{id}
GET /api/v1/orchestrator/jobs/{id}/history | GET /api/v1/orchestrator/jobs/{id}/executions
GET /api/v1/orchestrator/jobs/{id}/results | GET /api/v1/orchestrator/jobs/{id}/logs
GET /api/v1/orchestrator/nodes | GET /api/v1/orchestrator/nodes/{id} | PUT /api/v1/orchestrator/nodes/{id}
"""


def operations() -> list[tuple[str, str]]:
    paths = Stack("documented").ask("GET", DOCUMENT).json()["paths"]
    return [(path, method) for path, methods in paths.items() for method in methods]


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    import schemathesis  # Slow to import, and of use here alone.

    return {mode: schemathesis.openapi.from_dict(Stack(mode).ask("GET", DOCUMENT).json()) for mode in MODES}


@pytest.mark.parametrize(("path", "method"), operations())
@pytest.mark.parametrize("mode", MODES)
def test_every_answer_is_described(mode: str, path: str, method: str, schemas: dict[str, Any]):
    """Good and bad requests alike; by default none is answered with a 5xx."""
    from schemathesis import GenerationMode
    from schemathesis.checks import CHECKS as ALL_CHECKS

    operation = schemas[mode][path][method]
    checks = ALL_CHECKS.get_by_names([*CHECKS, *(["not_a_server_error"] if mode == "documented" else [])])
    stack = Stack(mode)
    ids = stack.ids.get(operation.tags[0], ["j"])
    kinds = [operation.as_strategy(GenerationMode.POSITIVE)]
    if operation.query or operation.body:
        kinds.append(operation.as_strategy(GenerationMode.NEGATIVE))

    @settings(
        max_examples=REQUESTS, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=st.one_of(kinds), known_id=st.none() | st.sampled_from(ids))
    def ask(case: Any, known_id: str | None) -> None:
        if known_id and "id" in case.path_parameters:
            case.path_parameters["id"] = known_id
        options = case.as_transport_kwargs(base_url="http://devstack")
        del options["cookies"]
        if isinstance(options.get("data"), bytes):
            options["content"] = options.pop("data")
        case.validate_response(stack.ask(**options), checks=checks)

    ask()


def references(value: Any) -> set[str]:
    """All that the value refers to."""
    if isinstance(value, list):
        return {found for item in value for found in references(item)}
    if not isinstance(value, dict):
        return set()
    return ({value["$ref"]} if "$ref" in value else set()) | references(list(value.values()))


@pytest.mark.parametrize("mode", MODES)
def test_the_description_is_whole(mode: str):
    """All of Bacalhau's routes are in it, each by a name of its own, and all that it refers to."""
    document = Stack(mode).ask("GET", DOCUMENT).json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert [] == [
        route
        for route in ROUTES.replace("\n", "|").split("|")
        if route.strip() and tuple(route.split()) not in described
    ]
    names = [entry["operationId"] for methods in document["paths"].values() for entry in methods.values()]
    assert len(names) == len(set(names))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert known == references(document) | known
    assert all(entry["summary"] for methods in document["paths"].values() for entry in methods.values())


def test_the_description_follows_the_behaviour():
    """Under v1.4.0 an unknown job is a server's error; by default it is 404, and there are no 500s at all."""
    documented, faithful = (Stack(mode).ask("GET", DOCUMENT).json()["paths"] for mode in MODES)
    job = "/api/v1/orchestrator/jobs/{id}"
    assert ["200", "400", "403", "404", "409", "413", "503"] == list(documented[job]["get"]["responses"])
    assert "500" in faithful[job]["get"]["responses"]


def test_the_description_names_what_a_job_may_have():
    """Bodies are told by the tables that read them: fields, types, and that null is nothing."""
    schemas = Stack("documented").ask("GET", DOCUMENT).json()["components"]["schemas"]
    assert {"anyOf": [{"$ref": "#/components/schemas/JobInput"}, {"type": "null"}]} == (
        schemas["PutJobRequest"]["properties"]["Job"]
    )
    fields = schemas["JobInput"]["properties"]
    assert {"type": ["integer", "null"], "minimum": -(2**63), "maximum": 2**63 - 1} == fields["Count"]
    assert {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}} == fields["Labels"]
    assert ["Previous", "New"] == list(schemas["ExecutionChange"]["properties"])
    assert list(range(10)) == schemas["Computed"]["properties"]["StateType"]["enum"]
