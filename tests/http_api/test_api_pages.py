"""Web pages that talk to us: any may look, only those of this machine may act."""

from __future__ import annotations

import httpx
import pytest

from devstack.behaviour import parse
from devstack.http_api.pages import is_foreign, may_act
from tests.http_api.conftest import SmallCluster, client_of

JOBS = "/api/v1/orchestrator/jobs"
JOB = {"Job": {"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": {"Type": "noop"}}]}}


def scope(origin: str, host: str) -> dict[str, object]:
    headers = [(b"host", host.encode()), *([(b"origin", origin.encode("latin-1"))] if origin else [])]
    return {"type": "http", "headers": headers}


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        ("", "127.0.0.1:1234", True),  # no page at all
        ("http://127.0.0.1:8080", "127.0.0.1:1234", True),
        ("http://localhost:3000", "127.0.0.1:1234", True),
        ("http://app.localhost", "127.0.0.1:1234", True),
        ("http://[::1]:8080", "[::1]:1234", True),
        ("http://192.0.2.7:1234", "192.0.2.7:1234", True),  # at the address that was asked
        ("http://192.0.2.8:1234", "192.0.2.7:1234", False),
        ("http://example.com", "127.0.0.1:1234", False),
        ("http://rebound.example.com:1234", "rebound.example.com:1234", False),  # a name that was made to point here
        ("http://127.0.0.1.example.com", "127.0.0.1:1234", False),
        ("http://localhost.example.com", "127.0.0.1:1234", False),
        ("null", "127.0.0.1:1234", False),
        ("http://[bad", "127.0.0.1:1234", False),
        ("\xff\x00", "127.0.0.1:1234", False),
    ],
)  # fmt: skip
def test_who_may_act(origin: str, host: str, is_allowed: bool):
    """Whoever is no page, pages of this machine, and pages at the numeric address that is asked."""
    assert is_allowed == may_act(scope(origin, host))


@pytest.mark.parametrize(
    ("origin", "is_elsewhere"), [("", False), ("http://a:1", False), ("http://b:1", True), ("http://[bad", True)]
)
def test_a_page_is_foreign_unless_it_comes_from_the_host_that_is_asked(origin: str, is_elsewhere: bool):
    """Host and port count, in any case."""
    assert is_elsewhere == is_foreign(scope(origin, "A:1"))


@pytest.mark.parametrize(("method", "path"), [("PUT", JOBS), ("POST", JOBS), ("DELETE", f"{JOBS}/j-1")])
async def test_a_page_from_elsewhere_is_told_why_it_may_not_act(client: httpx.AsyncClient, method: str, path: str):
    """403, with the page's origin and the way to allow it; nothing has happened."""
    answer = await client.request(method, path, json=JOB, headers={"Origin": "http://example.com"})
    assert 403 == answer.status_code
    assert "http://example.com" in answer.json()["message"]
    assert "any-page-may-act" in answer.json()["message"]
    assert [] == (await client.get(JOBS)).json()["Items"]


async def test_a_page_from_elsewhere_may_look(client: httpx.AsyncClient):
    """As it may with Bacalhau."""
    assert 200 == (await client.get(JOBS, headers={"Origin": "http://example.com"})).status_code


async def test_a_page_of_this_machine_may_act(client: httpx.AsyncClient):
    """A dashboard on another port is at home here."""
    assert 200 == (await client.put(JOBS, json=JOB, headers={"Origin": "http://localhost:3000"})).status_code


async def test_v1_4_0_lets_any_page_act():
    """So does the switch alone."""
    for words in ("v1.4.0", "any-page-may-act"):
        async with client_of(SmallCluster(parse([words]))) as client:
            answer = await client.put(JOBS, json=JOB, headers={"Origin": "http://example.com"})
            assert 200 == answer.status_code


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://127.0.0.1:1234/api/v1/agent/alive", 200),
        ("HTTP://elsewhere/api/v1/agent/alive", 200),
        ("http://127.0.0.1:1234", 200),  # the same as /
        ("http://[bad/api/v1/agent/alive", 200),
        ("*", 404),
        ("elsewhere:443", 404),
    ],
)
async def test_a_request_as_it_is_made_to_a_proxy_is_one_for_the_path(cluster: SmallCluster, target: str, status: int):
    """`GET http://host/path` asks for the path, whatever the host."""
    from devstack.http_api.app import create_app

    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        sent.append(message)  # type: ignore[arg-type]

    app = create_app(cluster)
    await app(
        {"type": "http", "method": "GET", "path": target, "raw_path": target.encode(), "query_string": b"",
         "headers": [], "root_path": "", "http_version": "1.1", "scheme": "http"},
        receive, send,  # type: ignore[arg-type]
    )  # fmt: skip
    assert status == sent[0]["status"]
