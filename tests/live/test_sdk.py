"""Bacalhau's Python packages, unchanged, against a live stack: they decode what they are given, or print why not."""
# ruff: noqa: E402  # Where the packages cannot be installed, the whole file is skipped before it imports them.

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.stacks import Stack, noop

pytest.importorskip("bacalhau_sdk", reason="Bacalhau's SDK is for Python below 3.12")

from bacalhau_apiclient import ApiClient, Configuration
from bacalhau_apiclient.api.misc_api import MiscApi
from bacalhau_apiclient.api.ops_api import OpsApi
from bacalhau_apiclient.api.orchestrator_api import OrchestratorApi
from bacalhau_apiclient.api.utils_api import UtilsApi
from bacalhau_apiclient.models.api_put_job_request import ApiPutJobRequest
from bacalhau_apiclient.models.api_put_node_request import ApiPutNodeRequest
from bacalhau_apiclient.models.job import Job
from bacalhau_apiclient.models.shared_version_request import SharedVersionRequest
from bacalhau_apiclient.models.spec_config import SpecConfig
from bacalhau_apiclient.models.task import Task
from bacalhau_apiclient.rest import ApiException
from bacalhau_sdk.jobs import Jobs

pytestmark = pytest.mark.live

OVER = ("Completed", "Failed", "Stopped")


def jobs_of(stack: Stack, folder: Path) -> Jobs:
    """The SDK's entry, which reads the environment when it is made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACALHAU_API_HOST", "127.0.0.1")
        patch.setenv("BACALHAU_API_PORT", str(stack.port))
        patch.setenv("BACALHAU_DIR", str(folder))
        patch.delenv("BACALHAU_HTTPS", raising=False)
        return Jobs()


@pytest.fixture
def jobs(stack: Stack, tmp_path: Path) -> Jobs:
    return jobs_of(stack, tmp_path)


@pytest.fixture
def plain(stack: Stack) -> Iterator[ApiClient]:
    """The generated client, for the calls that the SDK has no method for."""
    configuration = Configuration()
    configuration.host = stack.url
    yield ApiClient(configuration)


def request(engine: dict[str, Any] | None = None, *, publisher: str | None = None, **fields: Any) -> ApiPutJobRequest:
    engine = engine or noop(Stdout="hi\n", Stderr="e\n")
    task = Task(name="main", publisher=SpecConfig(type=publisher),
                engine=SpecConfig(type=engine["Type"], params=engine["Params"]))  # fmt: skip
    return ApiPutJobRequest(job=Job(**{"name": "t", "type": "batch", "count": 1, "tasks": [task], **fields}))


def ended(jobs: Jobs, wanted: ApiPutJobRequest) -> str:
    """Submit and wait as a script with the SDK does; the job's id."""
    job_id = jobs.put(wanted).job_id
    deadline = time.monotonic() + 20
    while jobs.get(job_id).job.state.state_type not in OVER:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(job_id)


def raw(answer: Any) -> Any:
    return json.loads(answer.data)


# bacalhau_sdk.jobs.Jobs


def test_put_reads_the_ids_and_no_warning(jobs: Jobs):
    """`publisher=SpecConfig()` goes out as an empty object and is no mistake."""
    answer = jobs.put(request())
    assert answer.job_id.startswith("j-")
    assert answer.evaluation_id
    assert None is answer.warnings


def test_get_reads_the_job_and_on_request_its_executions_and_history(jobs: Jobs):
    """Without include they are None, with it all three are there."""
    job_id = ended(jobs, request())
    without, included = jobs.get(job_id), jobs.get(job_id, include="executions,history")
    assert (None, None) == (without.executions, without.history)
    assert ("Completed", "t", 1) == (included.job.state.state_type, included.job.name, included.job.count)
    assert [job_id] == [execution.job_id for execution in included.executions.items]
    assert {"JobLevel", "ExecutionLevel"} == {item.type for item in included.history.items}


def test_list_pages_and_reverses(jobs: Jobs):
    """Newest first, `reverse=True` as Python writes it, and a token that leads on."""
    mine = [jobs.put(request()).job_id for _ in range(3)]
    first = jobs.list(limit=2, reverse=True)
    second = jobs.list(limit=2, reverse=True, next_token=first.next_token)
    assert mine[::-1] == [job.id for job in [*first.items, second.items[0]]]


def test_executions_read_the_output(jobs: Jobs):
    """Both streams, the exit code and the number of the state."""
    (execution,) = jobs.executions(ended(jobs, request())).items
    assert ("hi\n", "e\n", 0) == (
        execution.run_output.stdout,
        execution.run_output.stderr,
        execution.run_output.exit_code,
    )
    assert (7, 2) == (execution.compute_state.state_type, execution.desired_state.state_type)


def test_history_reads_execution_events_by_default(jobs: Jobs):
    """Old and new states as numbers, in order."""
    items = jobs.history(ended(jobs, request())).items
    assert [1, 2, 3, 3, 5, 7] == [item.execution_state.new for item in items]
    assert {"ExecutionLevel"} == {item.type for item in items}


@pytest.mark.parametrize("reason", [None, "enough"])
def test_stop_ends_a_running_job(jobs: Jobs, stack: Stack, reason: str | None):
    """The reason is a query parameter there; its literal `None` counts as no reason."""
    job_id = jobs.put(request(noop(RunsFor="1h"))).job_id
    stack.wait_running(job_id)
    assert jobs.stop(job_id, reason=reason).evaluation_id
    last = jobs.history(job_id, event_type="job").items[-1]
    assert ("Stopped", reason or "") == (last.job_state.new, last.event.details["Reason"])


def test_a_refusal_is_printed_with_its_body(jobs: Jobs, capsys: pytest.CaptureFixture[str]):
    """The SDK returns None and prints the exception: status and sentence are in it."""
    assert None is jobs.get("j-00000000-0000-4000-8000-000000000000")
    assert None is jobs.put(ApiPutJobRequest(job=Job(type="batch", count=1, tasks=[])))
    printed = capsys.readouterr().out
    assert "(404)" in printed
    assert "Job not found" in printed
    assert "missing job tasks" in printed


@pytest.mark.docker
def test_the_documented_script_fetches_its_results(docker_stack: Stack, tmp_path: Path):
    """A container with the local publisher: put, list, wait, executions, and the archive of the results."""
    jobs = jobs_of(docker_stack, tmp_path)
    engine = {"Type": "docker", "Params": {"Image": "busybox:latest", "Parameters": ["echo", "hi"]}}
    job_id = ended(jobs, request(engine, publisher="local"))
    assert job_id in [job.id for job in jobs.list(limit=50, reverse=True).items]
    assert ["hi\n"] == [execution.run_output.stdout for execution in jobs.executions(job_id).items]
    (result,) = jobs.results(job_id).items
    with requests.Session() as session:
        session.trust_env = False
        archive = session.get(result.params["URL"], timeout=20).content
    names = sorted(tarfile.open(fileobj=io.BytesIO(archive)).getnames())
    assert "urldownload" == result.type.lower()
    assert [".", "exitCode", "stderr", "stdout"] == names


# bacalhau_apiclient


def test_listing_and_getting_nodes(plain: ApiClient):
    """`Nodes` and `Node` are read from the raw answer: the package looks for other names."""
    api = OrchestratorApi(plain)
    query = {"limit": 2, "reverse": True, "order_by": "id"}
    assert "" == api.orchestratorlist_nodes(**query).next_token
    listed = raw(api.orchestratorlist_nodes(**query, _preload_content=False))["Nodes"]
    assert ["node-5", "node-4"] == [node["Info"]["NodeID"] for node in listed]
    node = raw(api.orchestratorget_node("node-1", _preload_content=False))["Node"]
    assert ("node-1", "CONNECTED") == (node["Info"]["NodeID"], node["Connection"])


def test_updating_a_node_asks_for_a_route_that_is_not_there(plain: ApiClient):
    """The package posts to the list of nodes, which answers with a refusal as v1.4.0 does, and never with a 500."""
    with pytest.raises(ApiException) as refused:
        OrchestratorApi(plain).orchestratorupdate_node(ApiPutNodeRequest(action="approve", node_id="node-1"), "node-1")
    assert refused.value.status in (404, 405)


def test_stopping_and_listing_by_the_plain_client(plain: ApiClient, stack: Stack, jobs: Jobs):
    """A stop without reason, and a list of one namespace."""
    api = OrchestratorApi(plain)
    job_id = jobs.put(request(noop(RunsFor="1h"), namespace="x")).job_id
    stack.wait_running(job_id)
    assert [job_id] == [job.id for job in api.orchestratorlist_jobs(namespace="x").items]
    assert api.orchestratorstop_job(job_id).evaluation_id
    assert "Stopped" == jobs.get(job_id).job.state.state_type


def test_asking_the_agent(plain: ApiClient):
    """Version keys are decoded; what is alive, and which node it is, is in the raw answer."""
    api = OpsApi(plain)
    assert "v1.4.0" == api.agentversion().git_version
    assert {"Status": "OK"} == raw(api.agentalive(_preload_content=False))
    assert "node-0" == raw(api.agentnode(_preload_content=False))["NodeID"]
    assert isinstance(raw(api.agentdebug(_preload_content=False)), dict)


def test_asking_for_health(plain: ApiClient):
    """Free space is decoded, the rest is text."""
    api = UtilsApi(plain)
    space = api.healthz().free_space
    assert space.root.all > space.root.free > 0
    assert space.tmp.all > 0
    assert "OK" == api.livez(_preload_content=False).data.decode().strip()
    assert "node-0" == api.id(_preload_content=False).data.decode()
    for call in (api.node_info, api.home):
        assert 200 == call(_preload_content=False).status


def test_asking_for_the_servers_version(plain: ApiClient):
    """A client id goes in, the build's version comes out."""
    answer = MiscApi(plain).api_serverversion(SharedVersionRequest(client_id="0" * 64))
    assert "v1.4.0" == answer.build_version_info.git_version
