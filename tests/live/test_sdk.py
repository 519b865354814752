"""Every public method of `bacalhau_sdk`, unchanged, against a live stack: it decodes its answers, or prints why not."""
# ruff: noqa: E402  # Where the packages cannot be installed, the whole file is skipped before it imports them.

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.stacks import Stack, noop

pytest.importorskip("bacalhau_sdk", reason="Bacalhau's SDK is for Python below 3.12")

import bacalhau_sdk
from bacalhau_apiclient.models.api_put_job_request import ApiPutJobRequest
from bacalhau_apiclient.models.job import Job
from bacalhau_sdk.config import init_config
from bacalhau_sdk.jobs import Jobs
from bacalhau_sdk.orchestrator_service import OrchestratorService

from tests.live.sdk import named, public_methods, request, wait_over, with_environment

pytestmark = pytest.mark.live

METHODS = public_methods(bacalhau_sdk)
# The class below `Jobs` has the same methods under other names.
SERVICE_NAMES = {
    "put": "put_job", "get": "get_job", "list": "list_jobs", "executions": "job_executions", "history": "job_history",
    "results": "job_results", "stop": "stop_job",
}  # fmt: skip


class Sdk:
    """`Jobs` or the class below it, under the names of `Jobs`."""

    def __init__(self, stack: Stack, folder: Path, kind: type) -> None:
        self.stack = stack
        self._names = SERVICE_NAMES if kind is OrchestratorService else {}
        self._made = with_environment(stack, folder, lambda: kind() if kind is Jobs else kind(init_config()))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return getattr(self._made, self._names.get(name, name))

    def ended(self, wanted: ApiPutJobRequest | None = None) -> str:
        job_id = str(self.put(wanted or request()).job_id)
        wait_over(lambda: str(self.get(job_id).job.state.state_type))
        return job_id


def put(sdk: Sdk) -> None:
    """`publisher=SpecConfig()` goes out as an empty object and is no mistake."""
    answer = sdk.put(request())
    assert (True, None) == (answer.job_id.startswith("j-"), answer.warnings)
    assert answer.evaluation_id


def get(sdk: Sdk) -> None:
    """Without include the blocks are None, with it all three are there."""
    job_id = sdk.ended()
    without, included = sdk.get(job_id), sdk.get(job_id, include="executions,history")
    assert (None, None) == (without.executions, without.history)
    assert ("Completed", "t", 1) == (included.job.state.state_type, included.job.name, included.job.count)
    assert [job_id] == [execution.job_id for execution in included.executions.items]
    assert {"JobLevel", "ExecutionLevel"} == {item.type for item in included.history.items}


def list_jobs(sdk: Sdk) -> None:
    """Newest first, `reverse=True` as Python writes it, and a token that leads on."""
    mine = [sdk.put(request()).job_id for _ in range(3)]
    first = sdk.list(limit=2, reverse=True)
    second = sdk.list(limit=2, reverse=True, next_token=first.next_token)
    assert mine[::-1] == [job.id for job in [*first.items, second.items[0]]]
    assert 5 == len(sdk.list(order_by="id").items)


def executions(sdk: Sdk) -> None:
    """Both streams, the exit code and the number of the state, and no more of them than are asked for."""
    job_id = sdk.ended(request(count=5))
    found = sdk.executions(job_id, limit=2, order_by="create_time", reverse=True).items
    assert (2, 5) == (len(found), len(sdk.executions(job_id).items))
    assert {("hi\n", "e\n", 0)} == {(e.run_output.stdout, e.run_output.stderr, e.run_output.exit_code) for e in found}
    assert {(7, 2)} == {(e.compute_state.state_type, e.desired_state.state_type) for e in found}


def history(sdk: Sdk) -> None:
    """Events of executions by default, with old and new states as numbers, in order; those of jobs on request."""
    job_id = sdk.ended()
    items = sdk.history(job_id).items
    assert [1, 2, 3, 3, 5, 7] == [item.execution_state.new for item in items]
    assert {"ExecutionLevel"} == {item.type for item in items}
    first = items[0]
    assert items == sdk.history(job_id, node_id=first.node_id, execution_id=first.execution_id).items
    assert {"JobLevel"} == {item.type for item in sdk.history(job_id, event_type="job").items}


def results(sdk: Sdk) -> None:
    """Nothing published is an empty list."""
    assert [] == sdk.results(sdk.ended()).items


def stop(sdk: Sdk) -> None:
    """The reason is a query parameter there; the literal `None` of a missing one counts as no reason."""
    for reason in (None, "enough"):
        job_id = sdk.put(request(noop(RunsFor="1h"))).job_id
        sdk.stack.wait_running(job_id)
        assert sdk.stop(job_id, reason=reason).evaluation_id
        last = sdk.history(job_id, event_type="job").items[-1]
        assert ("Stopped", reason or "") == (last.job_state.new, last.event.details["Reason"])


WALKS: dict[str, Callable[[Sdk], None]] = {
    "put": put, "get": get, "list": list_jobs, "executions": executions, "history": history, "results": results,
    "stop": stop,
}  # fmt: skip


@pytest.mark.parametrize("kind", [Jobs, OrchestratorService])
@pytest.mark.parametrize("method", WALKS)
def test_every_method_of_the_sdk_is_answered(stack: Stack, tmp_path: Path, kind: type, method: str):
    """Of the class that programs use, and of the one below it."""
    WALKS[method](Sdk(stack, tmp_path, kind))


def test_no_method_of_the_sdk_is_left_out():
    """A new method needs a walk that calls it and looks at its answer."""
    walked = [f"Jobs.{name}" for name in WALKS] + [f"OrchestratorService.{SERVICE_NAMES[name]}" for name in WALKS]
    assert sorted(walked) == named(METHODS)


def test_a_refusal_is_printed_with_its_body(stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The SDK returns None and prints the exception: status and sentence are in it."""
    jobs = Sdk(stack, tmp_path, Jobs)
    assert None is jobs.get("j-00000000-0000-4000-8000-000000000000")
    assert None is jobs.put(ApiPutJobRequest(job=Job(type="batch", count=1, tasks=[])))
    printed = capsys.readouterr().out
    assert "(404)" in printed
    assert "Job not found" in printed
    assert "missing job tasks" in printed


@pytest.mark.docker
def test_the_documented_script_fetches_its_results(docker_stack: Stack, tmp_path: Path):
    """A container with the local publisher: put, list, wait, executions, and the archive of the results."""
    jobs = Sdk(docker_stack, tmp_path, Jobs)
    engine = {"Type": "docker", "Params": {"Image": "busybox:latest", "Parameters": ["echo", "hi"]}}
    job_id = jobs.ended(request(engine, publisher="local"))
    assert job_id in [job.id for job in jobs.list(limit=50, reverse=True).items]
    assert ["hi\n"] == [execution.run_output.stdout for execution in jobs.executions(job_id).items]
    (result,) = jobs.results(job_id).items
    with requests.Session() as session:
        session.trust_env = False
        archive = session.get(result.params["URL"], timeout=60).content
    names = sorted(tarfile.open(fileobj=io.BytesIO(archive)).getnames())
    assert "urldownload" == result.type.lower()
    assert [".", "exitCode", "stderr", "stdout"] == names
