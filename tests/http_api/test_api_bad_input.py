"""What a client gets wrong is told in one clear line, costs the stack nothing, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from devstack.adapters.wire import decode_job
from devstack.behaviour import parse
from devstack.http_api.app import create_app
from devstack.http_api.serve import listen, serve
from tests.http_api.conftest import SmallCluster
from tests.http_api.test_api_jobs import job_body
from tests.http_api.test_api_logs import Socket, logs

JOBS, NODES = "/api/v1/orchestrator/jobs", "/api/v1/orchestrator/nodes"
JSON = {"content-type": "application/json"}
DEEP = 100_000


def a_job(**fields: Any) -> bytes:
    return json.dumps(job_body(**fields)).encode()


async def submit(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await client.put(JOBS, content=body, headers=JSON)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", "empty/nil job"),
        (b"[" * DEEP, "exceeded max depth"),
        (b'{"Job":' * DEEP, "exceeded max depth"),
        (a_job(Meta={"a": "b"}).replace(b'"b"', b'{"x":' * DEEP), "exceeded max depth"),
        (b'{"Job": NaN}', "invalid character 'N' looking for beginning of value"),
        (a_job().replace(b'"Count": 1', b'"Count": NaN'), "invalid character 'N' looking for beginning of value"),
        (a_job().replace(b'"Count": 1', b'"Count": -Infinity'), "invalid character '-' looking for beginning of value"),
        (a_job().replace(b'"Count": 1', b'"Count": 1e999'), "cannot unmarshal number 1e999"),
        (a_job().replace(b'"Count": 1', b'"Count": 1, "Count": "two"'), "cannot unmarshal string"),
        (a_job().replace(b'"batch"', b'"batch", "Type": "rocket"'), 'invalid job type: "rocket"'),
        (b"\xff\xfe\x00", "looking for beginning of value"),
        (b'{"Job":{"\xff', "unexpected EOF"),
        (a_job(Type="rocket"), 'invalid job type: "rocket"'),
        (a_job(Tasks=[{"Name": "m", "Engine": {"Type": "noop"}, "Network": {"Type": "Moon"}}]), "unknown type 'Moon'"),
        (a_job(Constraints=[{"Key": "a", "Operator": "near", "Values": ["b"]}]), "Unsupported value"),
        (a_job(Count=2**64), "cannot unmarshal number 18446744073709551616"),
    ],
    ids=lambda value: repr(value[:30]),
)  # fmt: skip
async def test_a_bad_job_is_told_in_one_line(client, cluster, body, line):
    """400, both keys, no line break, and no job."""
    answer = await submit(client, body)
    assert (400, ["error", "message"]) == (answer.status_code, list(answer.json()))
    assert line in answer.json()["message"]
    assert "\n" not in answer.json()["message"]
    assert [] == list(cluster.store.jobs())


async def test_of_a_repeated_key_the_last_one_counts(client, cluster):
    """As Go's decoder has it."""
    answer = await submit(client, a_job(Name="one").replace(b'"Name": "one"', b'"Name": "one", "name": "two"'))
    assert 200 == answer.status_code
    assert ["two"] == [record.job.name for record in cluster.store.jobs()]


async def test_broken_utf_8_in_a_text_is_replaced(client, cluster):
    """As Go's decoder has it; what comes back is valid."""
    answer = await submit(client, a_job(Name="one").replace(b'"one"', b'"o\xff\xc3e"'))
    assert 200 == answer.status_code
    [job] = (await client.get(JOBS)).json()["Items"]
    assert "o\ufffd\ufffde" == job["Name"]


async def test_a_job_of_ten_megabytes_is_one(client, cluster):
    """The limit is 10,000,000 bytes, and one byte more is too much."""
    room = 10_000_000 - len(a_job(Meta={"a": ""}))
    assert 200 == (await submit(client, a_job(Meta={"a": "x" * room}))).status_code
    answer = await submit(client, a_job(Meta={"a": "x" * (room + 1)}))
    assert (413, "Request Entity Too Large") == (answer.status_code, answer.json()["message"])
    assert 1 == len(list(cluster.store.jobs()))


@pytest.mark.parametrize(
    ("method", "path", "status", "line"),
    [
        ("GET", f"{JOBS}/j", 409, "Multiple jobs found for jobID prefix: j, matching jobIDs: [j-"),
        ("GET", f"{JOBS}/j-/history", 409, "Multiple jobs found for jobID prefix: j-, matching jobIDs: [j-"),
        ("GET", f"{JOBS}/j/executions", 409, "Multiple jobs found"),
        ("GET", f"{JOBS}/j/results", 409, "Multiple jobs found"),
        ("DELETE", f"{JOBS}/j", 409, "Multiple jobs found"),
        ("GET", f"{JOBS}/%00", 404, "Job not found. ID: \x00"),
        ("GET", f"{JOBS}/%20", 404, "Job not found. ID:  "),
        ("GET", f"{JOBS}/j-%FF", 404, "Job not found. ID: j-\ufffd"),
        ("GET", f"{JOBS}/", 404, "Not Found"),
        ("GET", f"{NODES}/n", 409, "multiple nodes found for nodeID prefix: n, matching nodeIDs: [node-0 node-1 "),
        ("GET", f"{NODES}/", 404, "Not Found"),
        ("PATCH", f"{JOBS}/j", 405, "Method Not Allowed: this path takes DELETE, GET"),
        ("PUT", "/api/v1/agent/alive", 405, "Method Not Allowed: this path takes GET"),
        ("BREW", JOBS, 405, "Method Not Allowed: this path takes GET, POST, PUT"),
        ("GET", f"{JOBS}?next_token=%25%25", 400, "failed to decode paging token: invalid paging token: %%"),
        ("GET", f"{JOBS}?next_token=_____w", 400, "invalid number of parts: invalid paging token: _____w"),
        ("GET", f"{JOBS}?next_token=OjpY", 400, "invalid number of parts"),
        ("GET", f"{NODES}?order_by=beauty", 400, "invalid order_by"),
        ("GET", f"{JOBS}/j/executions?order_by=beauty", 400, "invalid order_by"),
        ("GET", f"{JOBS}/j/history?event_type=rocket", 400, "'EventType' failed on the 'oneof' tag"),
        ("GET", f"{JOBS}/j/history?reverse=perhaps", 400, 'parsing "perhaps": invalid syntax'),
        ("GET", f"{JOBS}/j/results?reverse=perhaps", 400, 'parsing "perhaps": invalid syntax'),
        ("GET", f"{JOBS}?limit=%FF", 400, "invalid syntax"),
        ("GET", f"{JOBS}?limit={'9' * 5000}", 400, "value out of range"),
        ("GET", f"{JOBS}?labels={'a' * 64}", 400, "must be no more than 63 characters"),
    ],
)  # fmt: skip
async def test_a_bad_question_is_told_in_one_line(client, method, path, status, line):
    """Ids that are too short, wrong verbs, bad tokens and parameters."""
    for _ in range(2):
        await submit(client, a_job())
    answer = await client.request(method, path)
    assert status == answer.status_code
    assert line in answer.json()["message"]
    assert "\n" not in answer.json()["message"]


@pytest.mark.parametrize("token", ["Bearer", "Bearer ", "Bearer x.y.z", "Basic Og==", "\xff", "x" * 60_000])
async def test_any_login_token_will_do(client, token):
    """By default nobody looks at it; a bad one is no worse than none."""
    headers = {b"authorization": token.encode("latin-1")}
    assert 200 == (await client.get(JOBS, headers=headers)).status_code


async def test_a_client_that_leaves_in_the_middle_of_its_body_submits_nothing(cluster):
    """What came of a body is not taken for the whole, even if it is a job."""
    body, said = a_job(), []

    async def receive() -> dict[str, Any]:
        said.append(1)
        if len(said) == 1:
            return {"type": "http.request", "body": body, "more_body": True}
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000000")]
    scope = {"type": "http", "method": "PUT", "path": JOBS, "headers": headers, "query_string": b""}
    await create_app(cluster)(scope, receive, send)
    assert [] == list(cluster.store.jobs())


class Talker(SmallCluster):
    """A cluster whose log never ends."""

    def __init__(self) -> None:
        super().__init__(parse([]))
        self.said = 0
        self.is_left = trio.Event()

    async def open_log(
        self, job_id: str, execution_id: str, tail: bool, follow: bool
    ) -> AsyncGenerator[tuple[int, str], None]:
        try:
            while True:
                self.said += 1
                yield 1, "x" * 64_000
        finally:
            self.is_left.set()


@pytest.fixture
async def talker(nursery: trio.Nursery) -> tuple[Talker, int, str]:
    """It, its port, and a job that has a log."""
    cluster = Talker()
    job_id = cluster.submit(decode_job(json.dumps(job_body()["Job"]).encode()))[0]
    port = await nursery.start(serve, create_app(cluster), listen("127.0.0.1", 0))
    return cluster, port, job_id


@pytest.mark.parametrize("missing", ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="])
async def test_a_malformed_upgrade_is_told_what_it_lacks(port, missing):
    """400, with the version that is spoken here."""
    wishes = ["Host: x", "Connection: Upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]  # fmt: skip
    wishes.remove(missing)
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all("\r\n".join([f"GET {logs('j')} HTTP/1.1", *wishes, "", ""]).encode())
        with trio.fail_after(30):
            heard = b"".join([part async for part in stream])
    assert heard.startswith(b"HTTP/1.1 400")
    assert b"sec-websocket-version: 13\r\n" in heard
    assert b"logs are a websocket: ask for them with" in heard


async def test_a_stream_is_not_compressed(port):
    """Bacalhau's is not; a client that would like it gets its log all the same."""
    wishes = [f"GET {logs('j')} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
              "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
              "Sec-WebSocket-Extensions: permessage-deflate", "", ""]  # fmt: skip
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all("\r\n".join(wishes).encode())
        heard = b""
        with trio.fail_after(30):
            while b"Job not found. ID: j" not in heard:
                heard += await stream.receive_some()
    assert heard.startswith(b"HTTP/1.1 101")
    assert b"deflate" not in heard


async def everything_waits() -> None:
    """Until nothing moves any more, not even on the sockets."""
    with trio.fail_after(30):
        await trio.testing.wait_all_tasks_blocked(0.05)


async def test_a_listener_that_never_reads_holds_up_itself_alone(talker):
    """No more of the log is made than sockets hold; others are served; when it leaves, its stream ends."""
    cluster, port, job_id = talker
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    await Socket(stream).open(port, logs(job_id, "?follow=true"), [])
    await everything_waits()
    assert 0 < cluster.said < 1000
    async with httpx.AsyncClient() as client:
        assert 200 == (await client.get(f"http://127.0.0.1:{port}{JOBS}")).status_code
    await stream.aclose()
    with trio.fail_after(30):
        await cluster.is_left.wait()


async def test_a_client_that_leaves_while_it_waits_costs_nothing(cluster, nursery, caplog):
    """Its answer goes nowhere, without a word in the log; the next client is served."""
    asked, answer = trio.Event(), trio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            asked.set()
            await answer.wait()
        await create_app(cluster)({**scope, "path": "/api/v1/livez"}, receive, send)

    port = await nursery.start(serve, app, listen("127.0.0.1", 0))
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    await stream.send_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    with trio.fail_after(30):
        await asked.wait()
        await stream.aclose()
        answer.set()
    async with httpx.AsyncClient() as client:
        assert "OK" == (await client.get(f"http://127.0.0.1:{port}/livez")).text
    await everything_waits()
    assert [] == caplog.records
