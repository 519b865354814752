"""What the tests of S3 share: servers, clients of ours, and a server that behaves badly."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from devstack.adapters.s3 import S3Clients, S3Storage
from devstack.models.job import InputSource, SpecConfig
from tests.s3_server import KEY_ID, SECRET, S3Server


def clients_with(key_id: str = KEY_ID, secret: str = SECRET, **wishes: float) -> S3Clients:
    return S3Clients(_session(key_id, secret), **wishes)


@cache
def _session(key_id: str, secret: str) -> Any:
    """Kept, for it takes a while to make its first client."""
    import boto3

    return boto3.Session(aws_access_key_id=key_id, aws_secret_access_key=secret)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[S3Server]:
    """S3 in this process; it takes any credentials."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"http://{host}:{port}")
    server.stop()


@pytest.fixture(params=["moto", "weed"])
def server(request: pytest.FixtureRequest) -> S3Server:
    """Each test once on either: what holds for one must hold for the other."""
    return request.getfixturevalue("moto_server" if request.param == "moto" else "weed")


@pytest.fixture
def clients() -> Iterator[S3Clients]:
    made = clients_with()
    yield made
    made.close()


@pytest.fixture
def storage(clients: S3Clients) -> S3Storage:
    return S3Storage(clients)


class BadServer(ThreadingHTTPServer):
    """Answers as a test says, and counts what it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[_Handler], None] = lambda call: call.refuse(500, "InternalError")
        self.calls: list[str] = []
        self.arrived = threading.Event()
        self.release = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is what some tests want."""


class _Handler(BaseHTTPRequestHandler):
    server: BadServer
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        self.server.calls.append(f"{self.command} {self.path}")
        self.server.answer(self)

    do_GET = do_HEAD = do_PUT = do_DELETE = _do  # noqa: N815 - the names that http.server calls

    def refuse(self, status: int, code: str, message: str = "") -> None:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.reply(text, status=status)

    def reply(self, body: bytes, *, status: int = 200, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("ETag", f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def take(self) -> bytes:
        """The body that the client sends."""
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def log_message(self, *args: Any) -> None:
        """Tests print nothing."""


@pytest.fixture
def bad_server() -> Iterator[BadServer]:
    server = BadServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def source(server: Any, bucket: str, key: str = "", **params: str) -> SpecConfig:
    return SpecConfig("s3", {"Bucket": bucket, "Key": key, "Endpoint": server.endpoint, **params})


def input_of(spec: SpecConfig) -> InputSource:
    return InputSource(spec, "data", "/inputs")


def files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}
