"""A hundred thousand lines of a running program, for who reads at once, by a command, or only when all is over."""

from __future__ import annotations

import base64
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from wasmtime import wat2wasm

from tests.live.go_client import GoClient, Logs
from tests.live.stacks import Stack, docker, job, noop

pytestmark = [pytest.mark.live, pytest.mark.docker]

LINES = 100_000
# Counts from 100,000 up, so that all numbers have six digits.
COUNT_WAT = f"""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $digits (param $number i32) (local $at i32)
    (local.set $at (i32.const 21))
    (loop $next
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (br_if $next (i32.ge_u (local.get $at) (i32.const 16)))))
  (func (export "_start") (local $number i32)
    (i32.store8 (i32.const 22) (i32.const 10))
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 7))
    (local.set $number (i32.const 100000))
    (loop $next
      (call $digits (local.get $number))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $number) (i32.const {100_000 + LINES}))))))"""


def counting_module() -> dict[str, Any]:
    url = "data:application/wasm;base64," + base64.b64encode(bytes(wat2wasm(COUNT_WAT))).decode()
    entry = {"Source": {"Type": "inline", "Params": {"URL": url}}, "Alias": "count", "Target": ""}
    return {"Type": "wasm", "Params": {"EntryModule": entry, "Entrypoint": "_start"}}


ENGINES = {"docker": lambda: docker("seq", "100000", str(99_999 + LINES)), "wasm": counting_module}
WHOLE = "".join(f"{number}\n" for number in range(100_000, 100_000 + LINES))


def by_command(stack: Stack, job_id: str) -> str:
    """What `job logs -f` prints."""
    command = [sys.executable, "-m", "devstack", "--api-host", "127.0.0.1", "--api-port", str(stack.port)]
    done = subprocess.run(
        [*command, "job", "logs", "-f", job_id], capture_output=True, text=True, check=False, timeout=60
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


def by_websocket(logs: Logs) -> str:
    lines = logs.rest()
    assert ({1}, 1000) == ({stream for stream, _ in lines}, logs.close_code)
    return "".join(line for _, line in lines)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hundred_thousand_lines_come_whole_to_all_who_follow(docker_stack: Stack, engine: str):
    """To a quick client, to the command, and to one that reads nothing before the job is over; none holds it up."""
    with GoClient(docker_stack.port) as client, ThreadPoolExecutor(2) as pool:
        job_id = client.submit(job(ENGINES[engine]()))
        waits = client.logs(job_id, "?follow=true")
        quick = pool.submit(by_websocket, client.logs(job_id, "?follow=true"))
        command = pool.submit(by_command, docker_stack, job_id)
        other = client.submit(job(noop(Stdout="mine\n")))
        assert "Completed" == client.wait(other)
        assert "Completed" == client.wait(job_id)
        assert [True, True, True] == [
            WHOLE == found for found in (quick.result(), command.result(), by_websocket(waits))
        ]
