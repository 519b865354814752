"""Figures of a stack in a process of its own, started and used as anybody would."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from devstack.bench.clients import Api

__all__ = [
    "docker_ratio",
    "jobs_at_once_per_second",
    "memory_of_100_nodes_mb",
    "noop_job",
    "noop_job_ms",
    "one_task",
    "page_of_10000_jobs_ms",
    "ready_100_nodes_s",
    "ready_5_nodes_s",
    "resident_mb",
    "stack",
    "wasm_hello_ms",
]

CLIENTS = 8
JOBS_AT_ONCE = 300
POLL_S = 0.010
MANY_JOBS = 10_000
# As the command line asks, by other orders, far back, and with filters that let hardly any job through.
PAGES = (
    "labels=bacalhau_canary%21%3Dtrue&order_by=created_at&reverse=true",
    "order_by=id",
    "order_by=modified_at&reverse=true",
    "next_token=" + base64.urlsafe_b64encode(b"id:N:10:9000").decode().rstrip("="),
    "labels=n%3D5000",
    "labels=n+in+%281%2C9999%29%2Cn+gt+5&order_by=id",
    "namespace=nobody",
)
IMAGE = "busybox:latest"
SPREAD_S = 0.25  # Docker's own cost varies: pairs are measured alternately, this far apart.

HELLO_WAT = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hello\\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""


@contextmanager
def stack(*flags: str) -> Iterator[tuple[int, int, float]]:
    """A stack's port, its process id, and the seconds from the command to the first answer of its API."""
    command = [sys.executable, "-m", "devstack", "up", "--port", "0", *flags]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        port = next((int(found[1]) for line in process.stdout if (found := re.search(r"^API .*:(\d+)$", line))), 0)
        if not port:
            raise RuntimeError(f"{' '.join(command[1:])} did not start")
        api = Api(port)
        api.call("GET", "/api/v1/agent/alive")
        elapsed_s = time.perf_counter() - started
        api.close()
        yield port, process.pid, elapsed_s
    finally:
        process.terminate()
        process.wait(10)


def noop_job(**params: Any) -> dict[str, Any]:
    return one_task({"Type": "noop", "Params": params})


def one_task(engine: dict[str, Any]) -> dict[str, Any]:
    """A batch job of one execution."""
    return {"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": engine}]}


def _wasm_job() -> dict[str, Any]:
    from wasmtime import wat2wasm

    url = "data:application/wasm;base64," + base64.b64encode(bytes(wat2wasm(HELLO_WAT))).decode()
    entry = {"Source": {"Type": "inline", "Params": {"URL": url}}, "Alias": "hello", "Target": "/hello.wasm"}
    return one_task({"Type": "wasm", "Params": {"EntryModule": entry, "EntryPoint": "_start"}})


def ready_5_nodes_s() -> float:
    """Command to API answering, warm disk: the median of three."""
    return median(_ready_s("5") for _ in range(3))


def _ready_s(nodes: str) -> float:
    with stack("--nodes", nodes) as (_, _, elapsed_s):
        return elapsed_s


def ready_100_nodes_s() -> float:
    return median(_ready_s("100") for _ in range(3))


def memory_of_100_nodes_mb() -> float:
    """Resident memory of a stack of 100 nodes that has just become ready."""
    with stack("--nodes", "100") as (_, pid, _):
        return resident_mb(pid)


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def noop_job_ms() -> float:
    """One noop job over HTTP, submit to Completed: the median of 100, one after the other."""
    with stack("--nodes", "5", "--docker", "off") as (port, _, _):
        api = Api(port)
        times = [api.seconds_to_completed(noop_job()) for _ in range(120)][20:]
        api.close()
    return median(times) * 1000


def jobs_at_once_per_second() -> float:
    """300 noop jobs at once by 8 clients, then looked at from the last backwards every 10 ms."""
    with stack("--nodes", "5", "--docker", "off") as (port, _, _), ThreadPoolExecutor(CLIENTS) as pool:
        apis = [Api(port) for _ in range(CLIENTS)]
        for api in apis:
            api.seconds_to_completed(noop_job())
        started = time.perf_counter()
        share = [range(number, JOBS_AT_ONCE, CLIENTS) for number in range(CLIENTS)]
        submitted = pool.map(lambda api, numbers: [api.submit(noop_job()) for _ in numbers], apis, share)
        waiting = [job_id for ids in submitted for job_id in ids]
        while waiting:
            state = apis[0].state(waiting[-1])
            if state == "Completed":
                waiting.pop()
            elif state in ("Failed", "Stopped"):
                raise RuntimeError(f"job {waiting[-1]} ended {state}")
            else:
                time.sleep(POLL_S)
        elapsed_s = time.perf_counter() - started
        for api in apis:
            api.close()
    return JOBS_AT_ONCE / elapsed_s


def page_of_10000_jobs_ms() -> float:
    """A page of 10 among 10,000 jobs over HTTP: of several orders and filters the slowest, each the median of 20."""
    with stack("--nodes", "5", "--docker", "off") as (port, _, _), ThreadPoolExecutor(CLIENTS) as pool:
        apis = [Api(port) for _ in range(CLIENTS)]
        share = [range(number, MANY_JOBS, CLIENTS) for number in range(CLIENTS)]
        submitted = pool.map(
            lambda api, numbers: [api.submit({**noop_job(), "Labels": {"n": str(n)}}) for n in numbers], apis, share
        )
        last_ids = [ids[-1] for ids in submitted]
        apis[0].wait_over(last_ids[-1], POLL_S)
        slowest_s = max(median(_page_s(apis[0], query) for _ in range(20)) for query in PAGES)
        for api in apis:
            api.close()
    return slowest_s * 1000


def _page_s(api: Api, query: str) -> float:
    started = time.perf_counter()
    api.call("GET", f"/api/v1/orchestrator/jobs?limit=10&{query}")
    return time.perf_counter() - started


def wasm_hello_ms() -> float:
    """A wasm program that says hello, its module seen before: the median of 50."""
    job = _wasm_job()
    with stack("--nodes", "5", "--docker", "off") as (port, _, _):
        api = Api(port)
        times = [api.seconds_to_completed(job) for _ in range(60)][10:]
        api.close()
    return median(times) * 1000


def docker_ratio() -> float:
    """A container that says hello, as a multiple of plain `docker run` of the same; both alternately, 12 times."""
    engine = {"Type": "docker", "Params": {"Image": IMAGE, "Parameters": ["echo", "hello"]}}
    plain_command = ["docker", "run", "--rm", IMAGE, "echo", "hello"]
    plain_s: list[float] = []
    ours_s: list[float] = []
    with stack("--nodes", "5") as (port, _, _):
        api = Api(port)
        for _ in range(14):
            started = time.perf_counter()
            subprocess.run(plain_command, check=True, stdout=subprocess.DEVNULL)
            plain_s.append(time.perf_counter() - started)
            time.sleep(SPREAD_S)
            ours_s.append(api.seconds_to_completed(one_task(engine)))
            time.sleep(SPREAD_S)
        api.close()
    return median(ours_s[2:]) / median(plain_s[2:])
