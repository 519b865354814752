"""The proxy of network type HTTP, without any container."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from devstack.adapters.docker import proxy as module
from devstack.adapters.docker.gateway import Visa
from devstack.adapters.docker.proxy import TITLE, Proxy, is_allowed

VISA = Visa("j-1", frozenset({"localhost", "127.0.0.1"}))
LIMIT_S = 10


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """One that leads to this machine."""
    one = Proxy("127.0.0.1", lambda address: VISA if address == "127.0.0.1" else None)
    yield one
    one.close()
    assert [] == [thread.name for thread in threading.enumerate() if thread.name == "docker-proxy"]


def ask(one: Proxy, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    place = urlsplit(one.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=LIMIT_S)
    try:
        connection.request(method, target, body or None, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("X-Site"), answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("host", "domains", "allowed"),
    [
        ("example.com", ("example.com",), True),
        ("EXAMPLE.com.", ("example.com",), True),
        ("www.example.com", ("example.com",), False),
        ("www.example.com", (".example.com",), True),
        ("example.com", (".example.com",), True),
        ("notexample.com", (".example.com",), False),
        ("192.168.0.1", ("192.168.0.1",), True),
        ("example.com.evil.org", ("example.com", ".example.com"), False),
        ("", ("example.com",), False),
        ("example.com", (), False),
    ],
)
def test_a_domain_is_itself_and_with_a_dot_all_below_it(host: str, domains: tuple[str, ...], allowed: bool):
    """Letters count alike, great and small."""
    assert allowed is is_allowed(host, domains)


def test_requests_are_passed_on_with_the_jobs_id(proxy: Proxy, site: int):
    """Method, address, body and answer; a client cannot claim to be another job."""
    url = f"http://localhost:{site}/a?b=c"
    assert (201, "here", "GET /a?b=c  j-1") == ask(proxy, "GET", url, headers={"X-Bacalhau-Job-ID": "j-2"})
    assert (201, "here", "POST /a?b=c hello j-1") == ask(proxy, "POST", url, b"hello")
    assert (201, "here", "DELETE /a?b=c  j-1") == ask(proxy, "DELETE", url)
    assert (201, "here", "") == ask(proxy, "HEAD", url)
    assert (201, "here", "GET /  j-1") == ask(proxy, "GET", f"http://127.0.0.1:{site}")


@pytest.mark.parametrize(
    ("method", "target", "status", "words"),
    [
        ("GET", "http://example.com/", 403, "example.com is not among the domains of this job: 127.0.0.1, localhost"),
        ("GET", "http://localhost@example.com/", 403, "example.com is not among"),
        ("GET", "http://<b>.org/", 403, "&lt;b&gt;.org is not among"),
        ("GET", "/", 400, "a proxy is asked for whole addresses"),
        ("GET", "ftp://localhost/", 400, "a proxy is asked for whole addresses"),
        ("GET", "http://localhost:99999/", 502, "localhost did not answer"),
        ("GET", "http://localhost:1/", 502, "localhost did not answer"),
        ("CONNECT", "example.com:443", 403, "example.com is not among"),
        ("CONNECT", "localhost", 400, "localhost is no host and port"),
        ("CONNECT", "localhost:0", 400, "localhost:0 is no host and port"),
        ("CONNECT", "localhost:1", 502, "localhost cannot be reached"),
    ],
)
def test_what_is_not_passed_on_is_answered_with_a_page(proxy: Proxy, method: str, target: str, status: int, words: str):
    """Whose title is Bacalhau's, and which says why."""
    found, _, page = ask(proxy, method, target)
    assert status == found
    assert TITLE in page
    assert words in page


def test_a_body_of_unknown_length_is_refused(proxy: Proxy, site: int):
    """Nobody could tell where the next request begins."""
    headers = {"Transfer-Encoding": "chunked"}
    assert 411 == ask(proxy, "POST", f"http://localhost:{site}/", b"0\r\n\r\n", headers)[0]


def test_a_tunnel_carries_both_directions(proxy: Proxy, site: int):
    """What is in it is nobody's business: no header is added."""
    place = urlsplit(proxy.url)
    with socket.create_connection((place.hostname or "", place.port or 0), LIMIT_S) as tunnel:
        tunnel.sendall(f"CONNECT localhost:{site} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        reader = tunnel.makefile("rb")
        assert b" 200 " in reader.readline()
        while reader.readline() != b"\r\n":
            pass
        tunnel.sendall(b"GET /inside HTTP/1.0\r\n\r\n")
        tunnel.shutdown(socket.SHUT_WR)
        assert reader.read().endswith(b"GET /inside  None")


def test_only_known_clients_may_use_it(site: int):
    """The connection of another one is closed without an answer."""
    one = Proxy("127.0.0.1", lambda address: None)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(one, "GET", f"http://localhost:{site}/")
    one.close()


def test_too_many_connections_are_cut_off(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, site: int):
    """A program cannot make the stack hold more than that; what is closed makes room."""
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 2)
    place = urlsplit(proxy.url)
    idle = [socket.create_connection((place.hostname or "", place.port or 0), LIMIT_S) for _ in range(3)]
    assert b"" == idle[2].recv(1)
    for one in idle:
        one.close()


def test_closing_cuts_what_is_open(site: int):
    """A client that waits for nothing does not hold it back, and the address is free again."""
    one = Proxy("127.0.0.1", lambda address: VISA)
    place = urlsplit(one.url)
    with socket.create_connection((place.hostname or "", place.port or 0), LIMIT_S) as client:
        client.sendall(f"CONNECT localhost:{site} HTTP/1.1\r\n\r\n".encode())
        assert b"HTTP/1.0 200" == client.recv(12)
        one.close()
        while client.recv(1000):
            pass
    with pytest.raises(OSError):
        socket.create_connection((place.hostname or "", place.port or 0), LIMIT_S)
