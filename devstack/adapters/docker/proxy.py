"""A web proxy for containers: it passes on what goes to the domains of the container's job, and nothing else.

What it does not pass on is answered with a page whose title is Bacalhau's. Source: compute reference 5, "Network".
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final
from urllib.parse import urlsplit

from devstack.adapters.docker.gateway import Visa

__all__ = ["Proxy", "is_allowed"]

JOB_HEADER: Final = "X-Bacalhau-Job-ID"
TITLE: Final = "ERROR: The requested URL could not be retrieved"
# A program that opens more connections than that, or leaves one idle for so long, is cut off.
MOST_CONNECTIONS: Final = 1024  # Of all containers, counted on both sides of the proxy.
IDLE_LIMIT_S: Final = 60.0
_CHUNK_BYTES: Final = 65536
_POLL_S: Final = 0.1
_HOP_BY_HOP: Final = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip


def is_allowed(host: str, domains: Collection[str]) -> bool:
    """Whether the host is one of the domains; `.example.com` stands for itself and all below it."""
    name = host.lower().rstrip(".")
    return any(
        name == domain or (domain.startswith(".") and (name == domain[1:] or name.endswith(domain)))
        for domain in domains
    )


class Proxy:
    """Listens from its making on, until it is closed.

    Args:
        host: The address to listen on.
        visa_of: Where the client of an address may go; None: it may not even ask.

    Raises:
        OSError: nobody can listen there.
    """

    def __init__(self, host: str, visa_of: Callable[[str], Visa | None]) -> None:
        self._server = _Server(host, visa_of)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="docker-proxy", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where containers find it."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Let go of the address and of every connection."""
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_connections()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, visa_of: Callable[[str], Visa | None]) -> None:
        self.visa_of = visa_of
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__((host, 0), _Handler)

    def server_bind(self) -> None:
        """Without asking a name server what this machine is called."""
        TCPServer.server_bind(self)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Not too many connections at a time."""
        with self._lock:
            if len(self._open) >= MOST_CONNECTIONS:
                return False
        self.track(request)
        return True

    def track(self, connection: socket.socket) -> None:
        """Remember the connection until it is over, so that it can be cut."""
        with self._lock:
            self._open.add(connection)

    def forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def shutdown_request(self, request: Any) -> None:
        self.forget(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE_LIMIT_S
    server: _Server
    visa: Visa

    def handle(self) -> None:
        """Nothing at all, for a client that nobody knows."""
        visa = self.server.visa_of(self.client_address[0])
        if visa is not None:
            self.visa = visa
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        """What programs look up is nobody's business."""

    def do_CONNECT(self) -> None:  # noqa: N802 - the base class finds it by its name
        """A tunnel, for HTTPS."""
        host, _, port = self.path.rpartition(":")
        host = host.strip("[]")
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            self._refuse(400, f"{self.path} is no host and port")
            return
        if not self._is_let_through(host):
            return
        try:
            upstream = socket.create_connection((host, int(port)), IDLE_LIMIT_S)
        except OSError as exc:
            self._refuse(502, f"{host} cannot be reached: {exc.strerror or exc}")
            return
        self.server.track(upstream)
        try:
            self.send_response_only(200, "Connection established")
            self.end_headers()
            self._tunnel(upstream)
        finally:
            self.server.forget(upstream)
            upstream.close()

    def pass_on(self) -> None:
        """One request, and its answer as it comes."""
        url = urlsplit(self.path)
        if url.scheme != "http" or not url.hostname:
            self._refuse(400, "a proxy is asked for whole addresses, such as http://example.com/")
        elif "Transfer-Encoding" in self.headers:
            self._refuse(411, "this proxy has to know the length of what is sent")
        elif self._is_let_through(url.hostname):
            try:
                self._ask(url.hostname, url.port or 80, url._replace(scheme="", netloc="").geturl() or "/")
            except (OSError, ValueError, http.client.HTTPException) as exc:
                self._refuse(502, f"{url.hostname} did not answer: {exc}")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = pass_on  # noqa: N815 - likewise

    def _is_let_through(self, host: str) -> bool:
        if is_allowed(host, self.visa.domains):
            return True
        self._refuse(403, f"{host} is not among the domains of this job: {', '.join(sorted(self.visa.domains))}")
        return False

    def _ask(self, host: str, port: int, target: str) -> None:
        upstream = http.client.HTTPConnection(host, port, timeout=IDLE_LIMIT_S)
        upstream.connect()
        connection = upstream.sock  # Which the client forgets when the answer has begun.
        self.server.track(connection)
        try:
            upstream.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP and name.lower() != JOB_HEADER.lower():
                    upstream.putheader(name, value)
            upstream.putheader(JOB_HEADER, self.visa.job_id)
            upstream.putheader("Connection", "close")
            upstream.endheaders()
            self._send_body(upstream)
            self._give_back(upstream.getresponse())
        finally:
            self.server.forget(connection)
            upstream.close()
            connection.close()

    def _send_body(self, upstream: http.client.HTTPConnection) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0 and (chunk := self.rfile.read(min(left, _CHUNK_BYTES))):
            upstream.send(chunk)
            left -= len(chunk)

    def _give_back(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self._end_with(b"")
        while chunk := answer.read(_CHUNK_BYTES):
            self.wfile.write(chunk)

    def _tunnel(self, upstream: socket.socket) -> None:
        """Both directions at once, until both are over."""
        back = threading.Thread(target=_copy, args=(upstream, self.connection), name="docker-proxy", daemon=True)
        back.start()
        _copy(self.connection, upstream)
        back.join()
        self.close_connection = True

    def _refuse(self, status: int, why: str) -> None:
        page = f"<html><head><title>{TITLE}</title></head><body><h1>{TITLE}</h1><p>{escape(why)}</p></body></html>\n"
        with suppress(OSError):
            self.send_response_only(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page.encode())))
            self._end_with(page.encode() if self.command != "HEAD" else b"")

    def _end_with(self, body: bytes) -> None:
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
