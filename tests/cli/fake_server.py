"""A small orchestrator for the tests of the command line: real HTTP, jobs that advance each time they are asked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import ssl
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

from devstack.http_api.auth import check_proof

CREATED_NS = 1_722_500_000_123_456_789
JOBS = "/api/v1/orchestrator/jobs"
NODES = "/api/v1/orchestrator/nodes"
AUTH = "/api/v1/auth"
PHRASE = b"node-0"
SECRET = "open sesame"
CHALLENGE = {"type": "challenge", "params": {"InputPhrase": base64.b64encode(PHRASE).decode()}}
ASK = {"type": "ask", "params": {"type": "object", "properties": {"secret": {"type": "string"}}}}
VERSION = {"Major": "1", "Minor": "4", "GitVersion": "v1.4.0", "GitCommit": "5f0c", "BuildDate": "2024-06-25T10:11:12Z"}
HAPPY = ("Pending", "Running", "Completed")


def job_id(number: int) -> str:
    return f"j-{number:08d}-52b7-4a0e-9c1e-77f0c2b1a9d4"


def execution_id(number: int) -> str:
    return f"e-{number:08d}-6a5d-4f59-8a39-1c0b9d2f4e11"


@attrs.define
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str]


@attrs.define
class FakeNetwork:
    """What the server knows and is told to do; `url` and `port` say where it is."""

    states: tuple[str, ...] = HAPPY
    output: str = "hello\n"
    message: str = ""
    log_frames: list[Any] = attrs.field(factory=list)
    log_close: int = 1000
    refuse: tuple[int, Any] | None = None
    warnings: list[str] | None = None
    node_action: tuple[bool, str] = (True, "")
    next_token: str = ""
    results: bool = False
    drop_idle: bool = False
    token: str = ""
    methods: dict[str, Any] = attrs.field(factory=dict)
    answer: Any = None
    jobs: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    left: dict[str, list[str]] = attrs.field(factory=dict)
    asked: list[Asked] = attrs.field(factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, job: dict[str, Any], states: tuple[str, ...] = ()) -> dict[str, Any]:
        new_id = job_id(len(self.jobs) + 1)
        states = states or self.states
        self.left[new_id] = list(states[1:])
        self.jobs[new_id] = {
            "ID": new_id, **job, "Name": job.get("Name") or new_id, "State": {"StateType": states[0]},
            "Version": 0, "Revision": 1, "CreateTime": CREATED_NS, "ModifyTime": CREATED_NS + 2_000_000_000,
        }  # fmt: skip
        return self.jobs[new_id]

    def find(self, wanted: str) -> dict[str, Any] | None:
        return next((job for found, job in self.jobs.items() if found.startswith(wanted)), None)

    def look(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job as it is now; the next look finds it one state further."""
        now = json.loads(json.dumps(job))
        if self.left[job["ID"]]:
            following = self.left[job["ID"]].pop(0)
            job["State"] = {"StateType": following}
            if following in ("Failed", "Stopped") and self.message:
                job["State"]["Message"] = self.message
        return now

    def executions(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        failed = job["State"]["StateType"] == "Failed"
        output = {
            "Stdout": self.output,
            "StdoutTruncated": False,
            "stderr": "",
            "StderrTruncated": False,
            "ExitCode": 0,
        }
        return [
            {
                "ID": execution_id(1), "Namespace": "default", "EvalID": "", "Name": "", "NodeID": "node-2",
                "JobID": job["ID"], "AllocatedResources": {"Tasks": {}},
                "DesiredState": {"StateType": 2, "Message": "execution completed"},
                "ComputeState": {"StateType": 8 if failed else 7, "Message": self.message},
                "PublishedResult": {"Type": ""}, "RunOutput": None if failed else output | {"ErrorMsg": ""},
                "PreviousExecution": "", "NextExecution": "", "FollowupEvalID": "", "Revision": 6,
                "CreateTime": CREATED_NS, "ModifyTime": CREATED_NS + 1_000_000_000,
            }
        ]  # fmt: skip

    def history(self, job: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        job_event = {
            "Type": "JobLevel", "JobID": job["ID"], "JobState": {"Previous": "Pending", "New": "Pending"},
            "NewRevision": 1, "Comment": "Job submitted",
            "Event": {"Message": "Job submitted", "Topic": "Submission", "Timestamp": "2024-08-01T08:13:20.1001Z"},
            "Time": "2024-08-01T08:13:20.123456789Z",
        }  # fmt: skip
        failed = job["State"]["StateType"] == "Failed"
        details = {"FailsExecution": "true", "Hint": "try another image"} if failed else {}
        event = {"Message": self.message if failed else "Accepted job", "Topic": "Requesting Node", "Details": details}
        execution_event = {
            "Type": "ExecutionLevel", "JobID": job["ID"], "NodeID": "node-2", "ExecutionID": execution_id(1),
            "ExecutionState": {"Previous": 2, "New": 8 if failed else 3}, "NewRevision": 3,
            "Event": event, "Time": "2024-08-01T08:13:21.5Z",
        }  # fmt: skip
        chosen = {"job": [job_event], "execution": [execution_event]}.get(kind, [job_event, execution_event])
        return [item for item in chosen if (item.get("Event") or {}).get("Message")]


def node(node_id: str, *, compute: bool = True) -> dict[str, Any]:
    info: dict[str, Any] = {
        "NodeID": node_id,
        "NodeType": "Compute" if compute else "Requester",
        "Labels": {"name": node_id, "env": "devstack"},
    }
    if compute:
        info["ComputeNodeInfo"] = {
            "ExecutionEngines": ["docker", "wasm"], "Publishers": ["noop", "local"],
            "StorageSources": ["inline", "urldownload"],
            "MaxCapacity": {"CPU": 3.2, "Memory": 12562847334, "Disk": 40000000000},
            "QueueCapacity": {}, "AvailableCapacity": {"CPU": 2.7, "Memory": 12562847334, "Disk": 0},
            "MaxJobRequirements": {"CPU": 3.2}, "RunningExecutions": 1, "EnqueuedExecutions": 0,
        }  # fmt: skip
    connection = "CONNECTED" if compute else "DISCONNECTED"
    return {"Info": info | {"BacalhauVersion": VERSION}, "Membership": "APPROVED", "Connection": connection}


def archive() -> bytes:
    """A local publisher's result: exit code, one folder, the two streams."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in ((".", None), ("exitCode", b"0"), ("o", None), ("o/f", b"data"), ("stdout", b"hello\n")):
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            entry.size, entry.mode = len(content or b""), 0o755
            tar.addfile(entry, io.BytesIO(content or b""))
    return packed.getvalue()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: FakeNetwork

    def do_GET(self) -> None:  # noqa: N802
        self._handle()

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        query = parse_qs(parts.query)
        asked = Asked(self.command, unquote(parts.path), query, body, {k.lower(): v for k, v in self.headers.items()})
        self.network.asked.append(asked)
        if parts.path.endswith("/logs"):
            self._logs()
        elif parts.path.endswith(".tar.gz"):
            self._send(200, archive())
        elif self.network.refuse is not None:
            self._send(*self.network.refuse)
        elif parts.path.startswith(AUTH):
            self._send(*self._log_in(asked))
        elif not self._is_let_in():
            self._send(401, {"message": "Invalid token. Try logging in again."})
        else:
            self._send(*self._answer(asked))

    def _is_let_in(self) -> bool:
        return self.network.token in ("", self.headers.get("Authorization", "").removeprefix("Bearer "))

    def _log_in(self, asked: Asked) -> tuple[int, Any]:
        if asked.method == "GET":
            return 200, {"NextToken": "", "Methods": self.network.methods}
        kind = self.network.methods[asked.path.removeprefix(AUTH + "/")]["type"]
        data = json.loads(base64.b64decode(asked.body["MethodData"]))
        try:
            if kind == "challenge":
                check_proof(data, PHRASE)
            elif data != {"secret": SECRET}:
                raise ValueError("credentials rejected")
        except ValueError as exc:
            return 401, {"Authentication": {"success": False, "reason": str(exc)}}
        return 200, {"Authentication": {"success": True, "token": self.network.token}}

    def _answer(self, asked: Asked) -> tuple[int, Any]:
        if self.network.answer is not None:
            return 200, self.network.answer
        fixed = {
            "/api/v1/agent/alive": {"Status": "OK"},
            "/api/v1/agent/version": VERSION,
            "/api/v1/agent/node": node("node-0", compute=False),
            "/api/v1/version": {"build_version_info": VERSION},
        }
        if asked.path in fixed:
            return 200, fixed[asked.path]
        if asked.path.startswith(NODES):
            return self._answer_nodes(asked)
        if asked.path == JOBS:
            return self._answer_jobs(asked)
        wanted, _, what = asked.path.removeprefix(JOBS + "/").partition("/")
        job = self.network.find(wanted)
        if job is None:
            return 404, {"error": f"Job not found. ID: {wanted}", "message": "Internal Server Error"}
        return 200, self._answer_job(asked, job, what)

    def _answer_nodes(self, asked: Asked) -> tuple[int, Any]:
        if asked.method == "PUT":
            success, error = self.network.node_action
            return 200, {"Success": success, "Error": error}
        if asked.path == NODES:
            return 200, {"NextToken": "", "Nodes": [node("node-0", compute=False), node("node-1")]}
        return 200, {"Node": node(asked.path.removeprefix(NODES + "/"))}

    def _answer_jobs(self, asked: Asked) -> tuple[int, Any]:
        if asked.method == "GET":
            return 200, {"NextToken": self.network.next_token, "Items": list(self.network.jobs.values())}
        job = self.network.add(asked.body["Job"])
        return 200, {"JobID": job["ID"], "EvaluationID": "2f1c", "Warnings": self.network.warnings}

    def _answer_job(self, asked: Asked, job: dict[str, Any], what: str) -> Any:
        network = self.network
        if what == "executions":
            return {"NextToken": "", "Items": network.executions(job)}
        if what == "history":
            return {"NextToken": "", "Items": network.history(job, asked.query.get("event_type", ["all"])[0])}
        if what == "results":
            url = f"{network.url}/{execution_id(1)}.tar.gz"
            return {"Items": [{"Type": "urlDownload", "Params": {"URL": url}}] if network.results else []}
        if asked.method == "DELETE":
            return {"EvaluationID": "9a1d4c1e"}
        answer: dict[str, Any] = {"Job": network.look(job)}
        if "include" in asked.query:
            answer["History"] = {"NextToken": "", "Items": network.history(job, "all")}
            answer["Executions"] = {"NextToken": "", "Items": network.executions(job)}
        return answer

    def _send(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else (json.dumps(body, indent=2) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        # An idle connection that the server closes without a word.
        self.close_connection = self.network.drop_idle

    def _logs(self) -> None:
        key = self.headers.get("Sec-WebSocket-Key", "")
        if not key or self.network.refuse is not None:
            self._send(*(self.network.refuse or (400, {"message": "Bad Request"})))
            return
        if not self._is_let_in():
            self._send(401, {"message": "Invalid token. Try logging in again."})
            return
        token = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(token).decode())
        self.end_headers()
        for frame in self.network.log_frames:
            data = frame if isinstance(frame, bytes) else (json.dumps(frame) + "\n").encode()
            self.wfile.write(bytes([0x89, 0]) + _frame(0x81, data))
        self.wfile.write(_frame(0x88, self.network.log_close.to_bytes(2, "big")) if self.network.log_close else b"")
        self.close_connection = True


def _frame(head: int, data: bytes) -> bytes:
    length = bytes([len(data)]) if len(data) < 126 else bytes([126]) + len(data).to_bytes(2, "big")
    return bytes([head]) + length + data


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[FakeNetwork]:
    """A fake network that listens until the block ends, with TLS if there is a file of certificate and key."""
    network = FakeNetwork()
    handler = type("Handler", (_Handler,), {"network": network})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        network.port = server.server_address[1]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield network
        finally:
            server.shutdown()
            thread.join()
