"""Data on its way through a stack: from a folder of this machine into a container, out of it, and back by `job get`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs

from devstack.bench.clients import Api
from devstack.bench.live import IMAGE, resident_mb, stack

__all__ = ["RoundTrip", "memory_of_round_trip_mb", "round_trip", "round_trip_speed"]

GIB: Final = 1024**3
_CHUNK_BYTES: Final = 1024 * 1024
_PAUSE_S: Final = 0.01


@attrs.frozen
class RoundTrip:
    """What it took, and what plain programs take for the same: `cp` in, `cp` to the server's folder, `curl` out."""

    ours_s: float
    plain_s: float
    growth_mb: float


def round_trip_speed() -> float:
    """The speed of the round trip of 1 GiB, as a share of that of `cp` and `curl`."""
    trip = _round_trip_of_one_gib()
    return trip.plain_s / trip.ours_s


def memory_of_round_trip_mb() -> float:
    """How far the memory of the stack rises above that of the idle stack during it."""
    return _round_trip_of_one_gib().growth_mb


@cache
def _round_trip_of_one_gib() -> RoundTrip:
    return round_trip(GIB)


def round_trip(size_bytes: int) -> RoundTrip:
    """Send random bytes through a job with the publisher `local` and `job get`, and through plain programs.

    Raises:
        RuntimeError: the bytes that come back are not those that went in.
    """
    with TemporaryDirectory(prefix="devstack-bench-") as name:
        folder = Path(name)
        original = _random_file(folder / "in" / "data", size_bytes)
        flags = ["--nodes", "1", "--allow-listed-local-paths", f"{original.parent}:ro", "--repo", str(folder / "repo")]
        with stack(*flags) as (port, pid, _), _with_api(port) as api:
            api.seconds_to_completed(_copy_job(original.parent, "true"))  # The stack has met a container before.
            idle_mb = resident_mb(pid)
            _reset_peak(pid)
            ours_s = _seconds(lambda: _ours(api, port, original.parent, folder / "out"))
            growth_mb = _peak_mb(pid) - idle_mb
            _check_equal(original, folder / "out" / "o" / "data")
            plain_s = _seconds(lambda: _plain(api, original, folder))
    return RoundTrip(ours_s, plain_s, growth_mb)


def _ours(api: Api, port: int, inputs: Path, out: Path) -> None:
    out.mkdir()
    job_id = api.submit(_copy_job(inputs, "cp /in/data /out/data"))
    if (state := api.wait_over(job_id, _PAUSE_S)) != "Completed":
        raise RuntimeError(f"job {job_id} ended {state}")
    command = [
        sys.executable,
        "-m",
        "devstack",
        "job",
        "get",
        "--api-port",
        str(port),
        job_id,
        "--output-dir",
        str(out),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _plain(api: Api, original: Path, folder: Path) -> None:
    """The program's copy, the publisher's, and the client's, which comes from the same server."""
    published = _published(folder / "repo")
    subprocess.run(["cp", original, folder / "copied"], check=True)
    subprocess.run(["cp", folder / "copied", folder / "served"], check=True)
    url = _url_of(api, published.name)
    subprocess.run(["curl", "-sf", "--noproxy", "*", "-o", folder / "fetched", url], check=True)


def _published(repo: Path) -> Path:
    """The largest archive below the stack's folder."""
    return max(repo.rglob("*.tar.gz"), key=lambda path: path.stat().st_size)


def _url_of(api: Api, name: str) -> str:
    for job in api.call("GET", "/api/v1/orchestrator/jobs")["Items"]:
        for item in api.call("GET", f"/api/v1/orchestrator/jobs/{job['ID']}/results")["Items"] or []:
            if str(item["Params"]["URL"]).endswith(name):
                return str(item["Params"]["URL"])
    raise RuntimeError(f"no job has published {name}")


def _copy_job(inputs: Path, script: str) -> dict[str, Any]:
    """A container that has the folder `inputs` at /in, and what it leaves at /out is published."""
    task = {
        "Name": "main",
        "Engine": {"Type": "docker", "Params": {"Image": IMAGE, "Parameters": ["sh", "-c", script]}},
        "InputSources": [
            {"Source": {"Type": "localDirectory", "Params": {"SourcePath": str(inputs)}}, "Target": "/in"}
        ],
        "ResultPaths": [{"Name": "o", "Path": "/out"}],
        "Publisher": {"Type": "local"},
    }
    return {"Type": "batch", "Count": 1, "Tasks": [task]}


@contextmanager
def _with_api(port: int) -> Iterator[Api]:
    api = Api(port)
    try:
        yield api
    finally:
        api.close()


def _random_file(path: Path, size_bytes: int) -> Path:
    path.parent.mkdir()
    with path.open("wb") as file:
        for at in range(0, size_bytes, _CHUNK_BYTES):
            file.write(os.urandom(min(_CHUNK_BYTES, size_bytes - at)))
    return path


def _check_equal(one: Path, other: Path) -> None:
    if subprocess.run(["cmp", "-s", one, other], check=False).returncode:
        raise RuntimeError("what came back is not what was sent")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak_mb(pid: int) -> float:
    """The most memory that the process has held since."""
    lines: Sequence[str] = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))
