"""Clients that mean no good, or do not know better: the stack answers them, or is rid of them, and holds nobody up."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from tests.live.hostile import (
    ANSWER_LIMIT_S,
    LOCAL,
    connect,
    descriptors,
    follow,
    read_to_end,
    slowest_answer_s,
)
from tests.live.stacks import Stack, job, noop, running

pytestmark = pytest.mark.live


# ---- clients -----------------------------------------------------------------------------------------------


def test_clients_that_say_nothing_are_left_and_clients_that_are_gone_leave_nothing(stack: Stack):
    """Idle connections keep nobody from an answer; each is closed after five seconds, or when its client is gone."""
    before = descriptors(stack)
    clients = [connect(stack) for _ in range(1000)]
    assert slowest_answer_s(stack) < ANSWER_LIMIT_S
    half = clients[0]
    half.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    for client in clients[1:500]:
        client.close()
    stack.wait(lambda: descriptors(stack) <= before + 501, "the closed half", 3)
    assert b"" == half.recv(100)
    stack.wait(lambda: descriptors(stack) <= before, "the silent half")
    for client in clients:
        client.close()


def test_clients_that_break_off_leave_nothing(stack: Stack):
    """In the middle of a body, of an answer, of a stream; politely or not."""
    job_id = stack.submit(job(noop(RunsFor="1h", Stdout="x" * 100_000)))
    stack.wait_running(job_id)
    before = descriptors(stack)
    beginnings = (
        b"PUT /api/v1/orchestrator/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000\r\n\r\n{",
        b"GET /api/v1/agent/debug HTTP/1.1\r\nHost: a\r\n\r\n" * 20,
    )
    for number in range(90):
        client = follow(stack, job_id) if number % 3 == 2 else connect(stack)
        if number % 3 < 2:
            client.sendall(beginnings[number % 3])
        if number % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    stack.wait(lambda: descriptors(stack) <= before, "the connections to go", 5)
    stack.call("DELETE", f"/orchestrator/jobs/{job_id}")
    assert 200 == stack.call("GET", "/agent/alive")[0]


def test_clients_that_read_nothing_hold_nobody_up():
    """Neither other clients nor the end of the stack."""
    with running("--nodes", "1", "--docker", "off") as stack:
        job_id = stack.submit(job(noop(RunsFor="1h", Stdout="x" * 5_000_000)))
        stack.wait_running(job_id)
        clients = [follow(stack, job_id, small=True) for _ in range(3)]
        greedy = connect(stack, small=True)
        greedy.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(20_000):
                greedy.send(b"GET /api/v1/agent/debug HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
        time.sleep(0.5)
        assert slowest_answer_s(stack) < ANSWER_LIMIT_S
    for client in (*clients, greedy):
        client.close()


def test_a_log_of_100_000_lines_is_read_by_twenty_while_one_is_slow(stack: Stack):
    """All get the same, its last line included, and the API answers meanwhile."""
    text = "".join(f"line {number:06d} {'y' * 60}\n" for number in range(100_000))
    job_id = stack.submit(job(noop(Stdout=text, RunsFor="10s")))
    stack.wait_running(job_id)
    slow, heard = follow(stack, job_id, small=True), [b""] * 20
    clients = [follow(stack, job_id) for _ in heard]

    def read(number: int) -> None:
        heard[number] = read_to_end(clients[number])

    readers = [threading.Thread(target=read, args=(number,)) for number in range(len(heard))]
    for reader in readers:
        reader.start()
    assert slowest_answer_s(stack) < ANSWER_LIMIT_S
    for reader in readers:
        reader.join(120)
    assert 1 == len(set(heard))
    assert b"line 099999" in heard[0]
    total = len(slow.recv(1000))
    time.sleep(0.5)
    total += len(read_to_end(slow))
    assert len(heard[0]) == total


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large_is_refused_in_words(stack: Stack, chunked: bool):
    """413, and the client that has sent it all can still read that."""
    head = b"PUT /api/v1/orchestrator/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    body = b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 12 + b"0\r\n\r\n"
    with connect(stack) as client:
        client.sendall(head + body if chunked else head + b"Content-Length: 12000000\r\n\r\n" + b"a" * 12_000_000)
        answer = client.recv(100_000)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_page_from_elsewhere_runs_nothing_here(stack: Stack):
    """It may look; a job that it submits is refused."""
    body = b'{"Job": {"Type": "batch", "Count": 1, "Tasks": [{"Name": "m", "Engine": {"Type": "noop"}}]}}'
    head = "PUT /api/v1/orchestrator/jobs HTTP/1.1\r\nHost: rebound.example.com\r\nConnection: close\r\n"
    head += (
        f"Origin: http://rebound.example.com\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with connect(stack) as client:
        client.sendall(head.encode() + body)
        answer = client.recv(100_000)
    assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "path", ["/../secret.tar.gz", "/..%2fsecret.tar.gz", "/%2e%2e/secret.tar.gz", "/.x.tar.gz", "/"]
)
def test_the_results_server_hands_out_its_archives_and_nothing_else(tmp_path: Path, path: str):
    """No way leads out of its folder."""
    (tmp_path / "secret.tar.gz").write_text("secret")
    with running("--nodes", "1", "--docker", "off", "--repo", str(tmp_path)) as stack:
        job_id = stack.submit(job(noop(), task_Publisher=LOCAL))
        stack.wait_over(job_id)
        [item] = stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]
        port = int(item["Params"]["URL"].split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            assert client.recv(10_000).startswith(b"HTTP/1.1 404")
