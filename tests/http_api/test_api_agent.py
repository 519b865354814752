"""Routes about the node itself, the deprecated ones, and ours."""

from __future__ import annotations

import pytest

from devstack.checkers import Violation

VERSION = {
    "Major": "1", "Minor": "4", "GitVersion": "v1.4.0", "GitCommit": "0de75ac4000000000000000000000000000de75a",
    "BuildDate": "2024-06-25T10:11:12Z", "GOOS": "linux", "GOARCH": "amd64",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text"),
    [("/api/v1/id", "node-0"), ("/id", "node-0"), ("/api/v1/livez", "OK"), ("/livez", "OK")],
)
async def test_plain_texts(client, path, text):
    """No quotes, no newline."""
    answer = await client.get(path)
    assert (text, "text/plain") == (answer.text, answer.headers["content-type"])


async def test_alive_is_indented(client):
    """Two blanks, and a newline at the end."""
    assert '{\n  "Status": "OK"\n}\n' == (await client.get("/api/v1/agent/alive")).text


async def test_versions(client):
    """Flat for agents, wrapped for old clients, as text at the root."""
    assert VERSION == (await client.get("/api/v1/agent/version")).json()
    assert {"build_version_info": VERSION} == (await client.post("/api/v1/version", json={"client_id": "x"})).json()
    home = await client.get("/")
    assert ("text/plain", VERSION) == (home.headers["content-type"], home.json())


async def test_version_takes_json_only(client):
    """Bad JSON, a value of the wrong type and an unnamed kind of body are 400; no body will do."""
    headers = {"content-type": "application/json"}
    for body in (b"{", b"[1]", b'{"client_id": 1}'):
        assert 400 == (await client.post("/version", content=body, headers=headers)).status_code
    assert 400 == (await client.post("/version", content=b"{}")).status_code
    assert 200 == (await client.post("/version")).status_code


@pytest.mark.parametrize("path", ["/api/v1/agent/node", "/api/v1/node_info", "/node_info"])
async def test_the_own_node_is_flat(client, path):
    """No `Node` around it, and connected."""
    body = (await client.get(path)).json()
    assert ("node-0", "CONNECTED") == (body["Info"]["NodeID"], body["Connection"])


async def test_healthz(client):
    """Whole bytes."""
    expected = {"tmp": {"All": 10, "Used": 4, "Free": 6}, "root": {"All": 100, "Used": 40, "Free": 60}}
    assert {"FreeSpace": expected} == (await client.get("/api/v1/healthz")).json()


async def test_debug(client):
    """Nodes inside are nodes as everywhere."""
    body = (await client.get("/api/v1/agent/debug")).json()
    assert ["DiscoveredNodes", "NATSServer", "NATSClient"] == list(body)
    assert "node-0" == body["DiscoveredNodes"][0]["Info"]["NodeID"]


@pytest.mark.parametrize("path", ["/xx/livez", "/api/v1/livez/", "/api/v1/orchestrator/jobs/", "/api/v2/id", "/peers"])
async def test_other_paths_are_unknown(client, path):
    """Aliases are exact, and a slash at the end makes another path."""
    answer = await client.get(path)
    assert (404, {"error": "code=404, message=Not Found", "message": "Not Found"}) == (
        answer.status_code,
        answer.json(),
    )


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/api/v1/requester/submit", "/requester/list", "/api/v1/requester/websocket/events"])
async def test_deprecated_routes_say_so(client, method, path):
    """Every method on every old route: 410 and a JSON text."""
    answer = await client.request(method, path)
    assert 410 == answer.status_code
    assert answer.json().startswith("This endpoint is deprecated. See the migration guide at ")


async def test_v1_4_0_forgets_some_deprecated_routes(faithful):
    """Only the documented ones are 410 there."""
    assert 410 == (await faithful.post("/api/v1/requester/submit")).status_code
    assert 404 == (await faithful.get("/api/v1/requester/submit")).status_code
    assert 404 == (await faithful.post("/api/v1/requester/other")).status_code


async def test_what_is_ours_has_its_own_place(client):
    """The server says what it is, and which switches are on."""
    body = (await client.get("/api/v1/devstack")).json()
    assert ("devstack", ["compat-keys", "no-effect-warnings"]) == (body["Name"], body["Behaviour"])


async def test_a_wrong_method(client, faithful):
    """Documented: 405 and what would be allowed; v1.4.0: as if the path did not exist."""
    answer = await client.patch("/api/v1/orchestrator/jobs")
    assert (405, "GET, POST, PUT") == (answer.status_code, answer.headers["allow"])
    assert 405 == (await client.head("/api/v1/agent/alive")).status_code
    assert 404 == (await faithful.patch("/api/v1/orchestrator/jobs")).status_code


async def test_rules_that_did_not_hold_are_listed(client, cluster):
    """With their time, and how many more there were; a network in order has none."""
    path = "/api/v1/devstack/violations"
    assert {"Violations": [], "Unlisted": {}} == (await client.get(path)).json()
    cluster.found.append(Violation("timeouts", 1_700_000_000 * 10**9, "a rule", ("node-1",), ("j-1",), event="x"))
    assert {
        "Violations": [
            {"Checker": "timeouts", "Time": "2023-11-14T22:13:20Z", "What": "a rule", "Nodes": ["node-1"],
             "Jobs": ["j-1"], "Executions": [], "Event": "x"},
        ],
        "Unlisted": {"timeouts": 3},
    } == (await client.get(path)).json()  # fmt: skip
