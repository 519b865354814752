"""What people do to a stack who mean no good, or do not know better, and how the tests look at it."""

from __future__ import annotations

import base64
import io
import os
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from typing import Any

from tests.live.stacks import Stack, job

FIRST_NODE = [{"Key": "name", "Operator": "=", "Values": ["node-1"]}]
LOCAL = {"Type": "local"}
ANSWER_LIMIT_S = 5.0  # What holds up the loop here does so for longer; how quick answers are, `bench` tells.
LOOP = '(module (func (export "_start") (loop (br 0))))'
WRITE = """(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (func (export "_start") (local $i i32)
    (memory.fill (i32.const 1024) (i32.const {byte}) (i32.const 1048576))
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1048576))
    (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get $i) (i32.const {times}))))))"""


def connect(stack: Stack, *, small: bool = False) -> socket.socket:
    client = socket.socket()
    if small:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", stack.port))
    return client


def follow(stack: Stack, job_id: str, *, small: bool = False) -> socket.socket:
    """A websocket that reads the job's log."""
    client = connect(stack, small=small)
    client.sendall(
        f"GET /api/v1/orchestrator/jobs/{job_id}/logs?follow=true HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    return client


def read_to_end(client: socket.socket) -> bytes:
    parts = []
    with client:
        while part := client.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


def descriptors(stack: Stack) -> int:
    return len(os.listdir(f"/proc/{stack.process.pid}/fd"))


def slowest_answer_s(stack: Stack, times: int = 20) -> float:
    """The slowest of some answers of the API."""
    seconds = []
    for _ in range(times):
        began_s = time.monotonic()
        assert 200 == stack.call("GET", "/agent/alive")[0]
        seconds.append(time.monotonic() - began_s)
    return max(seconds)


def wasm(text: str | bytes) -> dict[str, Any]:
    """An engine for a module in text or in bytes."""
    from wasmtime import wat2wasm

    module = bytes(wat2wasm(text)) if isinstance(text, str) else text
    url = "data:application/wasm;base64," + base64.b64encode(module).decode()
    entry = {"Source": {"Type": "inline", "Params": {"URL": url}}, "Alias": "m", "Target": "/m.wasm"}
    return {"Type": "wasm", "Params": {"EntryModule": entry, "EntryPoint": "_start"}}


def outcome(stack: Stack, engine: dict[str, Any], **more: Any) -> tuple[str, str, dict[str, Any]]:
    """State, the first execution's message and its output, of a job on one node."""
    job_id = stack.submit(job(engine, Constraints=FIRST_NODE, **more))
    state = stack.wait_over(job_id)["State"]["StateType"]
    first = stack.executions(job_id)[-1]
    return state, first["ComputeState"].get("Message", ""), first.get("RunOutput") or {}


def published(stack: Stack, job_id: str) -> tarfile.TarFile:
    [item] = stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]
    with urllib.request.urlopen(item["Params"]["URL"], timeout=60) as answer:
        return tarfile.open(fileobj=io.BytesIO(answer.read()))


def up(*flags: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devstack", "up", "--port", "0", *flags]
    env = {**os.environ, **(environment or {})}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)
