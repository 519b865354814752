"""Asking a command or a web page of the operator's whether a node shall take a job.

What an answer means is decided in `compute.bidding.probes`. Source: compute reference 2, probes.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import Final

import attrs
import orjson
import trio

from devstack.adapters import wire
from devstack.compute.bidding import Answer, exec_probe, http_probe
from devstack.errors import AdapterError
from devstack.models.job import Job, JobState

__all__ = ["ExecProbe", "HttpProbe"]

PROBE_LIMIT_S: Final = 30.0
_DATA_VARIABLE: Final = "BACALHAU_JOB_SELECTION_PROBE_DATA"
_HINT: Final = "see to the probe that the stack was started with"


@attrs.define
class _AskedJob:
    """A job as it is before anything has become of it."""

    job: Job
    state: JobState = JobState.PENDING
    message: str = ""
    revision: int = 0
    create_time_ns: int = 0
    modify_time_ns: int = 0


def _question(node_id: str, job: Job) -> bytes:
    return orjson.dumps({"NodeID": node_id, "Job": wire.encode_job(_AskedJob(job)), "Callback": None})


async def _kill(process: trio.Process) -> None:
    """End the command with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class ExecProbe:
    """A command: exit code 0 takes the job, what it writes to stderr is the reason of a refusal."""

    def __init__(self, command: str, limit_s: float = PROBE_LIMIT_S) -> None:
        self._command = command
        self._limit_s = limit_s

    async def ask(self, node_id: str, job: Job) -> Answer:
        """Whether the node takes it.

        Raises:
            AdapterError: the command cannot be run, or does not end.
        """
        question = _question(node_id, job)
        environment = {_DATA_VARIABLE: question.decode(), "PATH": os.environ.get("PATH", os.defpath)}
        try:
            with trio.fail_after(self._limit_s):
                done = await trio.run_process(
                    ["bash", "-c", self._command], stdin=question, env=environment, check=False,
                    capture_stdout=True, capture_stderr=True, start_new_session=True, deliver_cancel=_kill,
                )  # fmt: skip
        except trio.TooSlowError:
            raise AdapterError(f"the probe {self._command!r} did not end within {self._limit_s:g} s", _HINT) from None
        except (OSError, subprocess.SubprocessError) as exc:
            raise AdapterError(f"the probe {self._command!r} cannot be run: {exc}", _HINT) from exc
        return exec_probe(self._command, done.returncode, done.stderr.decode(errors="replace"))


class HttpProbe:
    """A web page that the job is posted to; a JSON answer decides, otherwise the status does."""

    def __init__(self, url: str, limit_s: float = PROBE_LIMIT_S) -> None:
        self._url = url
        self._limit_s = limit_s

    async def ask(self, node_id: str, job: Job) -> Answer:
        """Whether the node takes it.

        Raises:
            AdapterError: the page cannot be asked, or what it says cannot be read.
        """
        import httpx

        headers = {"Content-Type": "application/json", "User-Agent": "devstack"}
        direct = {"all://127.0.0.1": None, "all://localhost": None}  # Never through a proxy.
        try:
            async with httpx.AsyncClient(mounts=direct, timeout=self._limit_s, follow_redirects=True) as client:
                answer = await client.post(self._url, content=_question(node_id, job), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise AdapterError(f"the probe {self._url} does not answer: {exc or type(exc).__name__}", _HINT) from exc
        return http_probe(self._url, answer.status_code, answer.headers.get("content-type", ""), answer.content)
