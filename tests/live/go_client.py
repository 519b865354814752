"""What Bacalhau's own command line puts on the wire, byte for byte, and what it cannot do without in an answer.

Source: the recorded requests of client calls 1 to 9.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import io
import json
import posixpath
import re
import socket
import struct
import tarfile
import time
from hashlib import sha1, sha256
from typing import Any, Self

import yaml

from tests.live.stacks import repository

PHRASE_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
OVER = ("Completed", "Failed", "Stopped")
VERSION_HEADERS = {
    "X-Bacalhau-Git-Version": "v1.4.0",
    "X-Bacalhau-Git-Commit": "0123456789abcdef0123456789abcdef01234567",
    "X-Bacalhau-Build-Date": "2024-06-25 10:11:12 +0000 UTC",
    "X-Bacalhau-Build-Os": "linux",
    "X-Bacalhau-Arch": "amd64",
}


def full_job(engine: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A job with all the keys that the command line sends, in its order; `task_…` arguments go into the task."""
    inside = {key[5:]: more.pop(key) for key in list(more) if key.startswith("task_")}
    task = {"Name": "main", "Engine": engine, "Publisher": {"Type": ""}, "Resources": {}, "Network": {"Type": "None"},
            "Timeouts": {}, **inside}  # fmt: skip
    return {"ID": "", "Name": "", "Namespace": "default", "Type": "batch", "Priority": 0, "Count": 1, "Constraints": [],
            "Meta": {}, "Labels": {}, "Tasks": [task], "State": {"StateType": "Undefined"}, "Version": 0, "Revision": 0,
            "CreateTime": 0, "ModifyTime": 0, **more}  # fmt: skip


def module(url: str) -> dict[str, Any]:
    entry = {"Alias": url, "Source": {"Params": {"URL": url}, "Type": "inline"}, "Target": ""}
    return {"Type": "wasm", "Params": {"EntryModule": entry, "Entrypoint": "_start", "EnvironmentVariables": {"A": "B"},
                                       "ImportModules": [], "Parameters": ["x"]}}  # fmt: skip


def hello_module() -> str:
    """The inline address of a module that says hello."""
    job = yaml.safe_load((repository() / "scenarios/jobs/wasm_hello.yaml").read_text())
    return str(job["Tasks"][0]["Engine"]["Params"]["EntryModule"]["Source"]["Params"]["URL"])


class BadAnswerError(Exception):
    """The command line would end with exit code 1, 2 or in a panic."""


class ClientKey:
    """An RSA key of two Mersenne primes: of no use as a secret, and as good as any to sign with."""

    def __init__(self) -> None:
        p, q = 2**521 - 1, 2**607 - 1
        self.modulus, self.exponent = p * q, 65537
        self.size_bytes = (self.modulus.bit_length() + 7) // 8
        self._secret = pow(self.exponent, -1, (p - 1) * (q - 1))

    def sign(self, phrase: bytes) -> bytes:
        digest = PHRASE_PREFIX + sha256(phrase).digest()
        padded = b"\x00\x01" + b"\xff" * (self.size_bytes - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), self._secret, self.modulus).to_bytes(self.size_bytes, "big")

    def der(self) -> bytes:
        """The public key in PKCS#1."""
        return _der(0x30, _der_integer(self.modulus) + _der_integer(self.exponent))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def _der_integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


class GoClient:
    """One call of the command line: one kept connection, a login before the first request."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.port, self.token = port, token
        self.requests: list[str] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object of a 200 answer, after a login if there was none yet.

        Raises:
            BadAnswerError: anything else, in the command line's words.
        """
        if self.token is None:
            self.log_in()
        envelope = None if body is None else {"Namespace": "", "Credential": self.credential(), **body}
        return self.exchange(method, target, envelope)

    def submit(self, job: dict[str, Any]) -> str:
        """The id of the job, which must draw no warning."""
        answer = self.ask("PUT", "/api/v1/orchestrator/jobs", {"IdempotencyToken": "", "Job": job})
        assert not answer["Warnings"], answer
        return str(answer["JobID"])

    def log_in(self) -> None:
        """Ask for the methods, sign the phrase of the one there is, keep the token."""
        ((name, method),) = self.exchange("GET", "/api/v1/auth")["Methods"].items()
        assert "challenge" == method["type"]
        key = ClientKey()
        proof = {
            "PhraseSignature": _b64(key.sign(base64.b64decode(method["params"]["InputPhrase"]))),
            "PublicKey": _b64(key.der()),
        }
        body = {"Namespace": "", "Credential": None, "Name": name, "MethodData": _b64(json.dumps(proof).encode())}
        answer = self.exchange("POST", f"/api/v1/auth/{name}", body)["Authentication"]
        assert answer["success"]
        self.token = answer["token"]

    def credential(self) -> dict[str, Any]:
        return {"Scheme": "Bearer", "Value": self.token, "Params": None}

    def exchange(self, method: str, target: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request with the command line's headers on the kept connection."""
        data = None if body is None else json.dumps(body).encode() + b"\n"
        self.requests.append(f"{method} {target}")
        self._connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in self._headers(data).items():
            self._connection.putheader(name, value)
        self._connection.endheaders(data)
        answer = self._connection.getresponse()
        content = answer.read()
        assert self._socket in (None, self._connection.sock), "the server closed the connection"
        self._socket = self._connection.sock
        if answer.getheader("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        if answer.status != 200:
            raise BadAnswerError(f"Unexpected response code: {answer.status} ({content.decode()})")
        return dict(json.loads(content))

    def _headers(self, data: bytes | None) -> dict[str, str]:
        headers = {"User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip", **VERSION_HEADERS}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if data is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        return headers

    def wait(self, job_id: str) -> str:
        """Poll as `job run` does; the state it ends with."""
        deadline = time.monotonic() + 60
        while True:
            job = self.ask("GET", f"/api/v1/orchestrator/jobs/{job_id}")["Job"]
            state, kind = check_job(job), job["Type"]
            if state in OVER or (state == "Running" and kind in ("service", "daemon")):
                return state
            assert time.monotonic() < deadline, f"{job_id} is still {state}"
            time.sleep(0.05)

    def logs(self, job_id: str, query: str = "") -> Logs:
        """The log stream, over a connection of its own."""
        if self.token is None:
            self.log_in()
        self.requests.append(f"GET /api/v1/orchestrator/jobs/{job_id}/logs{query}")
        return Logs(self.port, f"/api/v1/orchestrator/jobs/{job_id}/logs{query}", self._headers(None))


class Logs:
    """A WebSocket without subprotocol, extensions or origin, as the command line opens it."""

    def __init__(self, port: int, target: str, headers: dict[str, str]) -> None:
        key = _b64(b"sixteen bytes...")
        lines = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self._socket.makefile("rb")
        head = b"".join(iter(self._file.readline, b"\r\n")).decode()
        if " 101 " not in head.partition("\r\n")[0]:
            self.close()
            raise BadAnswerError(f"websocket: bad handshake ({head})")
        accepted = _b64(sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        assert re.search(rf"(?im)^sec-websocket-accept: {re.escape(accepted)}\r$", head)
        assert not re.search("(?im)^sec-websocket-(extensions|protocol):", head)
        self.close_code: int | None = None

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def first(self) -> tuple[int, str]:
        """The next line, without waiting for the end."""
        return _line(self._frame()[1])

    def rest(self) -> list[tuple[int, str]]:
        """All lines up to the close, which is answered."""
        lines: list[tuple[int, str]] = []
        try:
            while True:
                opcode, data = self._frame()
                if opcode == 8:
                    self.close_code = int.from_bytes(data[:2], "big")
                    self._socket.sendall(b"\x88\x82\x00\x00\x00\x00" + data[:2])
                    return lines
                if opcode == 1:
                    lines.append(_line(data))
        finally:
            self.close()

    def _frame(self) -> tuple[int, bytes]:
        head = self._file.read(2)
        if len(head) < 2:
            raise BadAnswerError("websocket: close 1006 (abnormal closure): unexpected EOF")
        length = head[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._file.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._file.read(8))
        return head[0] & 0x0F, self._file.read(length)


def _line(data: bytes) -> tuple[int, str]:
    assert data.endswith(b"\n")
    content = json.loads(data)
    if content.get("error"):
        raise BadAnswerError(f"error received from server: {content['error']}")
    return int(content["value"]["Type"]), str(content["value"]["Line"])


def check_job(job: dict[str, Any]) -> str:
    """The job's state, if the command line can decode and print the job."""
    assert job["Tasks"], "a listed job without tasks makes the command line panic"
    assert isinstance(job["State"]["StateType"], str)
    return str(job["State"]["StateType"])


def check_execution(execution: dict[str, Any]) -> None:
    assert isinstance(execution["ComputeState"]["StateType"], int)
    assert isinstance(execution["DesiredState"]["StateType"], int)


def check_history(item: dict[str, Any]) -> None:
    """The command line panics at an item without the state of its level."""
    assert {"JobLevel": "JobState", "ExecutionLevel": "ExecutionState"}[item["Type"]] in item


def download(url: str) -> tuple[str, dict[str, bytes]]:
    """The name that the command line gives an archive, and the files it finds there, unpacked by its rules."""
    found = re.fullmatch(r"http://([^/]+)(/[^?]*)(\?.*)?", url)
    assert found
    connection = http.client.HTTPConnection(found[1], timeout=60)
    try:
        connection.request(
            "GET", found[2] + (found[3] or ""), headers={"User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"}
        )
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    assert 200 <= answer.status < 300, content
    assert answer.getheader("Content-Encoding") is None, "the client would take the archive's own gzip away"
    return re.sub(r'[/\\:*?"<>|]', "_", found[1] + found[2]), _unpacked(content)


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """Folders are never made on the way to a file, and links are dropped."""
    folders: set[str] = set()
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        for member in packed:
            name = posixpath.normpath(member.name)
            parent = posixpath.dirname(name) or "."
            assert name == "." or parent in folders, f"open {name}: no such file or directory"
            if member.isdir():
                folders.add(name)
            elif member.isfile() and (content := packed.extractfile(member)):
                files[name] = content.read()
    return files


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
