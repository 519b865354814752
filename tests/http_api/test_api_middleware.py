"""What holds for every request."""

from __future__ import annotations

import logging

import httpx
import pytest
import trio

from devstack.http_api.middleware import Middleware

ALIVE = "/api/v1/agent/alive"
JOBS = "/api/v1/orchestrator/jobs"


async def test_every_answer_names_the_version(client):
    """Also the answer to an unknown path."""
    for path in (ALIVE, "/nothing"):
        headers = (await client.get(path)).headers
        assert ("v1.4.0", "2024-06-25 10:11:12 +0000 UTC", "linux", "amd64", "Origin") == tuple(
            headers[name]
            for name in (
                "x-bacalhau-git-version", "x-bacalhau-build-date", "x-bacalhau-build-os", "x-bacalhau-arch", "vary",
            )
        )  # fmt: skip


async def test_request_ids(client):
    """A request's own id comes back; else it gets one."""
    assert "mine" == (await client.get(ALIVE, headers={"X-Request-ID": "mine"})).headers["x-request-id"]
    assert 32 == len((await client.get(ALIVE)).headers["x-request-id"])


async def test_any_page_may_ask(client):
    """With an Origin every answer allows it, errors too."""
    answer = await client.get("/nothing", headers={"Origin": "http://example.com"})
    assert "*" == answer.headers["access-control-allow-origin"]
    assert "access-control-allow-origin" not in (await client.get(ALIVE)).headers


async def test_preflights(client):
    """OPTIONS is 204 everywhere; wanted headers are allowed."""
    headers = {"Origin": "http://example.com", "Access-Control-Request-Headers": "content-type"}
    answer = await client.options("/anything", headers=headers)
    assert (204, b"") == (answer.status_code, answer.content)
    assert "GET,HEAD,PUT,PATCH,POST,DELETE" == answer.headers["access-control-allow-methods"]
    assert "content-type" == answer.headers["access-control-allow-headers"]
    assert ["Access-Control-Request-Method", "Access-Control-Request-Headers", "Origin"] == answer.headers.get_list(
        "vary"
    )
    assert 204 == (await client.options(ALIVE)).status_code


@pytest.mark.parametrize(
    "version",
    ["", "v0.0.0", "v0.0.0-xxxxxxx", "1.4.0", "v1.4", "v1.4.1-dev", "v1.5.0", "v1.4.0+x", "v2"],
)
async def test_versions_that_may_talk_to_us(client, version):
    """Development builds, and v1.4.0 or later."""
    assert 200 == (await client.get(ALIVE, headers={"X-Bacalhau-Git-Version": version})).status_code


@pytest.mark.parametrize(
    ("version", "told"),
    [("v1.3.2", "1.3.2"), ("v1.4.0-rc1", "1.4.0-rc1"), ("1.3", "1.3.0"), ("v0.0.1", "0.0.1")],
)
async def test_versions_that_are_too_old(client, version, told):
    """403, with what would be new enough; a pre-release comes before its release."""
    answer = await client.get(ALIVE, headers={"X-Bacalhau-Git-Version": version})
    expected = {
        "Error": "Client version is outdated. Update your client",
        "MinVersion": "1.4.0",
        "ClientVersion": told,
        "ServerVersion": "1.4.0",
    }
    assert (403, expected) == (answer.status_code, answer.json())


@pytest.mark.parametrize("version", ["bogus", "v1.4.0 x", "1.4.0.0", "v1." + "9" * 5000])
async def test_versions_that_are_none(client, version):
    """400."""
    answer = await client.get(ALIVE, headers={"X-Bacalhau-Git-Version": version})
    assert (400, {"Error": f"Invalid client version {version}"}) == (answer.status_code, answer.json())


async def test_a_body_that_is_announced_too_large(client):
    """413 whatever the path; exactly the limit is not too large."""
    headers = {"content-type": "application/json"}
    answer = await client.put(JOBS, content=b" " * 10_000_001, headers=headers)
    assert (413, "Request Entity Too Large") == (answer.status_code, answer.json()["message"])
    assert "x-bacalhau-git-version" not in answer.headers
    assert 400 == (await client.put(JOBS, content=b" " * 10_000_000, headers=headers)).status_code


async def test_a_body_that_grows_too_large(client):
    """A body without an announced length is counted."""

    async def endless():
        for _ in range(11):
            yield b" " * 1_000_000

    answer = await client.put(JOBS, content=endless(), headers={"content-type": "application/json"})
    assert 413 == answer.status_code


async def test_a_mistake_of_ours_is_told_and_logged_once(client, cluster, caplog):
    """500 with the reason, the traceback in the log, and nothing else."""
    cluster.fails = RuntimeError("the <cat> sat on it")
    body = {"Job": {"Type": "batch", "Tasks": [{"Name": "m", "Engine": {"Type": "docker"}}]}}
    with caplog.at_level(logging.ERROR):
        answer = await client.put(JOBS, json=body)
    assert 500 == answer.status_code
    assert {"error": "the <cat> sat on it", "message": "Internal Server Error"} == answer.json()
    assert "\\u003ccat\\u003e" in answer.text
    assert 1 == len(caplog.records)


async def test_a_handler_that_takes_too_long(cluster, autojump_clock):
    """503 after half a minute."""

    async def sleepy(scope, receive, send):
        await trio.sleep(31)

    transport = httpx.ASGITransport(Middleware(sleepy, cluster))
    async with httpx.AsyncClient(transport=transport, base_url="http://devstack") as client:
        answer = await client.get("/")
    assert (503, "Server Timeout!", "text/plain; charset=utf-8") == (
        answer.status_code,
        answer.text,
        answer.headers["content-type"],
    )


async def test_an_answer_that_has_begun_may_take_its_time(cluster, autojump_clock):
    """The handler's limit is for the time until it answers; a client may read slowly."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await trio.sleep(100)
        await send({"type": "http.response.body", "body": b"late"})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    await Middleware(app, cluster)(scope, None, send)
    assert [200, b"late"] == [sent[0]["status"], sent[1]["body"]]


async def test_a_mistake_after_the_answer_has_begun_adds_nothing_to_it(cluster, caplog):
    """There is no second answer in the first; the log has the mistake."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("oops")

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    await Middleware(app, cluster)(scope, None, send)
    assert [200] == [message["status"] for message in sent]
    assert "internal error: GET /" in caplog.text
