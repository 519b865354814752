"""Clients that know only HTTP, so that what they measure is what anybody would see."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

__all__ = ["Api"]

LIMIT_S = 60.0
OVER = ("Completed", "Failed", "Stopped")


class Api:
    """One kept connection to a stack."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)

    def close(self) -> None:
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer to a request; anything but 200 is an error."""
        payload = None if body is None else json.dumps(body).encode()
        headers = {} if payload is None else {"Content-Type": "application/json"}
        self._connection.request(method, path, payload, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:200]!r}")
        return json.loads(content)

    def submit(self, job: dict[str, Any]) -> str:
        """The id of the job that was taken."""
        return str(self.call("PUT", "/api/v1/orchestrator/jobs", {"Job": job})["JobID"])

    def state(self, job_id: str) -> str:
        return str(self.call("GET", f"/api/v1/orchestrator/jobs/{job_id}")["Job"]["State"]["StateType"])

    def wait_over(self, job_id: str, pause_s: float) -> str:
        """The state in which the job ended, asked for every `pause_s`."""
        deadline = time.monotonic() + LIMIT_S
        while (state := self.state(job_id)) not in OVER:
            if time.monotonic() > deadline:
                raise RuntimeError(f"job {job_id} is still {state} after {LIMIT_S:.0f} s")
            time.sleep(pause_s)
        return state

    def seconds_to_completed(self, job: dict[str, Any], pause_s: float = 0.001) -> float:
        """From the submission to the first answer that says Completed."""
        started = time.perf_counter()
        state = self.wait_over(job_id := self.submit(job), pause_s)
        elapsed_s = time.perf_counter() - started
        if state != "Completed":
            raise RuntimeError(f"job {job_id} ended {state}")
        return elapsed_s
