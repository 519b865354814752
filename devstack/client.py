"""The HTTP client of the command line: one connection per command, JSON in and out, errors in words.

Answers stay plain JSON values, key order included, for the command line prints them as they came. The module stays
on the standard library so that a short command starts fast.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import attrs

from devstack.client_texts import error_text, reason_text
from devstack.errors import DevstackError, UsageError

__all__ = ["Address", "ApiError", "Client", "Query", "UnreachableError"]

Query = Mapping[str, str | int | bool | Iterable[str] | None]

_ORCHESTRATOR: Final = "/api/v1/orchestrator"
_FAULTS: Final = "/api/v1/devstack/faults"
# A server refuses clients below v1.4.0 but lets a missing or equal version pass; our own number would be refused.
_HEADERS: Final = {"Accept": "application/json", "X-Bacalhau-Git-Version": "v1.4.0"}
_ANSWER_LIMIT_S: Final = 60.0
_CONNECT_LIMIT_S: Final = 10.0
_LOGIN_HINT: Final = "this network wants a login, and did not accept yours"


class ApiError(DevstackError):
    """The server answered, and said no."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message, _LOGIN_HINT if status == http.client.UNAUTHORIZED else "")
        self.status = status

    def while_doing(self, attempt: str) -> ApiError:
        """The same refusal, headed by what was tried."""
        return ApiError(f"{attempt}: {self.message}", self.status)


class UnreachableError(DevstackError):
    """Nobody answers at the address, or the connection broke."""


@attrs.frozen
class Address:
    """Where the API is, and how to speak to it."""

    host: str = "127.0.0.1"
    port: int = 1234
    tls: bool = False
    ca_certificate: str = ""
    insecure: bool = False

    @property
    def base_url(self) -> str:
        """Also the key under which a token is stored."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class Client:
    """The API of one Bacalhau network, ours or a real one."""

    def __init__(
        self,
        address: Address,
        *,
        token: str = "",
        limit_s: float = _ANSWER_LIMIT_S,
        log_in: Callable[[Client], str] | None = None,
    ) -> None:
        self.address = address
        self._token = token
        self._log_in = log_in
        self._limit_s = limit_s
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def renew_token(self) -> bool:
        """Log in, at most once in a client's life; whether there is a new token to try again with."""
        log_in, self._log_in = self._log_in, None
        if log_in is None:
            return False
        self._token = ""
        self._token = log_in(self)
        return bool(self._token)

    # What can be asked

    def submit(self, job: Mapping[str, Any]) -> dict[str, Any]:
        return self.request("PUT", f"{_ORCHESTRATOR}/jobs", body=self._envelope(Job=job), holding="JobID")

    def jobs(self, query: Query) -> dict[str, Any]:
        return self.request("GET", f"{_ORCHESTRATOR}/jobs", query)

    def job(self, job_id: str, include: str = "") -> dict[str, Any]:
        return self.request("GET", _job_path(job_id), {"include": include}, holding="Job")

    def executions(self, job_id: str, query: Query | None = None) -> dict[str, Any]:
        return self.request("GET", _job_path(job_id, "/executions"), query)

    def history(self, job_id: str, query: Query) -> dict[str, Any]:
        return self.request("GET", _job_path(job_id, "/history"), query)

    def results(self, job_id: str) -> dict[str, Any]:
        return self.request("GET", _job_path(job_id, "/results"))

    def stop(self, job_id: str, reason: str) -> dict[str, Any]:
        return self.request("DELETE", _job_path(job_id), body=self._envelope(reason=reason))

    def nodes(self, query: Query) -> dict[str, Any]:
        return self.request("GET", f"{_ORCHESTRATOR}/nodes", query)

    def node(self, node_id: str) -> dict[str, Any]:
        return self.request("GET", _node_path(node_id), holding="Node")

    def act_on_node(self, node_id: str, action: str, message: str) -> dict[str, Any]:
        body = self._envelope(Action=action, Message=message, NodeID=node_id)
        return self.request("PUT", _node_path(node_id), body=body)

    def agent(self, what: str) -> dict[str, Any]:
        """What the answering node says of itself: `alive`, `node`, `version` or `debug`."""
        return self.request("GET", f"/api/v1/agent/{what}")

    def inject_fault(self, fault: Mapping[str, Any]) -> dict[str, Any]:
        return self.request("POST", _FAULTS, body=fault, holding="Fault")

    def faults(self) -> dict[str, Any]:
        return self.request("GET", _FAULTS, holding="Faults")

    def clear_faults(self, number: str = "") -> dict[str, Any]:
        path = f"{_FAULTS}/{quote(number, safe='')}" if number else _FAULTS
        return self.request("DELETE", path, holding="Cleared")

    def explain(self, job_id: str, query: Query) -> dict[str, Any]:
        return self.request("GET", f"/api/v1/devstack/explain/{quote(job_id, safe='')}", query, holding="Choices")

    def server_version(self, client_id: str) -> dict[str, Any]:
        key = "build_version_info"
        return dict(self.request("POST", "/api/v1/version", body={"client_id": client_id}, holding=key)[key])

    def logs_path(self, job_id: str, query: Query) -> str:
        """The path of the log stream, which is a WebSocket (`cli.log_stream` reads it)."""
        return _with_query(_job_path(job_id, "/logs"), query)

    # How it is asked

    def request(
        self, method: str, path: str, query: Query | None = None, *, body: Any = None, holding: str = ""
    ) -> dict[str, Any]:
        """The JSON object of a 200 answer; it must hold the key `holding`, if one is named.

        Raises:
            ApiError: any other answer, with the server's own words.
            UnreachableError: no answer.
        """
        target = _with_query(path, query or {})
        status, text = self._exchange(method, target, _encoded(body))
        if status == http.client.UNAUTHORIZED and self.renew_token():
            if isinstance(body, Mapping) and "Credential" in body:
                body = {**body, "Credential": self._credential()}
            status, text = self._exchange(method, target, _encoded(body))
        if status != http.client.OK:
            raise ApiError(error_text(status, text), status)
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or (holding and holding not in answer):
            raise ApiError(f"{self.address.base_url} is no Bacalhau API: it does not answer {path} as one")
        return answer

    def headers(self) -> dict[str, str]:
        return _HEADERS | ({"Authorization": f"Bearer {self._token}"} if self._token else {})

    def open_socket(self) -> socket.socket:
        """A new connection of its own, for a stream."""
        connection = self._connect()
        opened = connection.sock
        assert opened is not None  # connect() has just set it
        connection.sock = None
        return opened

    def _exchange(self, method: str, target: str, data: bytes | None) -> tuple[int, str]:
        reused = self._connection is not None
        try:
            return self._exchange_once(method, target, data)
        except (http.client.HTTPException, OSError) as exc:
            self.close()
            # A server may have closed an idle connection; only what changes nothing is asked again.
            if not (reused and method == "GET") or isinstance(exc, TimeoutError):
                raise self._unreachable(exc) from exc
        try:
            return self._exchange_once(method, target, data)
        except (http.client.HTTPException, OSError) as exc:
            self.close()
            raise self._unreachable(exc) from exc

    def _exchange_once(self, method: str, target: str, data: bytes | None) -> tuple[int, str]:
        if self._connection is None:
            self._connection = self._connect()
        extra = {} if data is None else {"Content-Type": "application/json"}
        self._connection.request(method, target, body=data, headers=self.headers() | extra)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode("utf-8", errors="replace")

    def _connect(self) -> http.client.HTTPConnection:
        at = self.address
        limit_s = min(self._limit_s, _CONNECT_LIMIT_S)
        connection = (
            http.client.HTTPSConnection(at.host, at.port, timeout=limit_s, context=_tls_context(at))
            if at.tls
            else http.client.HTTPConnection(at.host, at.port, timeout=limit_s)
        )
        try:
            connection.connect()
        except (OSError, UnicodeError) as exc:
            raise self._unreachable(exc, limit_s) from exc
        assert connection.sock is not None  # connect() has just set it
        connection.sock.settimeout(self._limit_s)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _unreachable(self, exc: Exception, limit_s: float | None = None) -> UnreachableError:
        return UnreachableError(f"cannot reach {self.address.base_url} ({reason_text(exc, limit_s or self._limit_s)})")

    def _envelope(self, **content: Any) -> dict[str, Any]:
        return {"Namespace": "", "Credential": self._credential(), "IdempotencyToken": "", **content}

    def _credential(self) -> dict[str, Any] | None:
        return {"Scheme": "Bearer", "Value": self._token, "Params": None} if self._token else None


def _encoded(body: Any) -> bytes | None:
    return None if body is None else (json.dumps(body, ensure_ascii=False) + "\n").encode()


def _tls_context(address: Address) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=address.ca_certificate or None)
    except OSError:
        raise UsageError(f"--cacert {address.ca_certificate}: there is no certificate that can be read") from None
    if address.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _job_path(job_id: str, rest: str = "") -> str:
    return f"{_ORCHESTRATOR}/jobs/{quote(job_id, safe='')}{rest}"


def _node_path(node_id: str) -> str:
    return f"{_ORCHESTRATOR}/nodes/{quote(node_id, safe='')}"


def _with_query(path: str, query: Query) -> str:
    """The path with its parameters by name; what is empty, zero or false is left out, as Bacalhau's client does."""
    pairs: list[tuple[str, str]] = []
    for name, value in sorted(query.items()):
        if isinstance(value, bool):
            pairs += [(name, "true")] if value else []
        elif isinstance(value, str | int):
            pairs += [(name, str(value))] if value else []
        else:
            pairs += [(name, each) for each in value or ()]
    return f"{path}?{urlencode(pairs)}" if pairs else path
