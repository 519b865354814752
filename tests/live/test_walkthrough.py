"""Bacalhau's own "Best Practices" walk-through of the API: its calls, step by step, with the answers it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.live.stacks import Stack

pytestmark = [pytest.mark.live, pytest.mark.docker]

JOB = """
{
  "Job": {
    "Name": "test-job",
    "Type": "batch",
    "Count": 1,
    "Labels": {"foo": "bar", "env": "dev"},
    "Tasks": [
      {
        "Name": "task1",
        "Engine": {
          "Type": "docker",
          "Params": {"Image": "busybox:latest", "Entrypoint": ["echo", "hello, world"]}
        },
        "Publisher": {"Type": "noop"}
      }
    ],
    "CreateTime": 1234
  }
}
"""


@pytest.fixture(scope="module")
def base_url(docker_stack: Stack) -> Iterator[str]:
    """Where the walk-through's requester is; no proxy of the environment has a part in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield docker_stack.url


@pytest.fixture(scope="module")
def nodes(base_url: str) -> dict[str, Any]:
    """Step 1: which nodes are there?"""
    answer = requests.get(base_url + "/api/v1/orchestrator/nodes", timeout=60)
    assert 200 == answer.status_code
    return dict(answer.json())


@pytest.fixture(scope="module")
def created(base_url: str, docker_stack: Stack) -> dict[str, Any]:
    """Step 2: a job, and the moment at which it is over."""
    answer = requests.put(base_url + "/api/v1/orchestrator/jobs", json=json.loads(JOB), timeout=60)
    assert 200 == answer.status_code
    answered = dict(answer.json())
    docker_stack.wait_over(answered["JobID"])
    return answered


def truncate_node_id(node_id: str) -> str:
    parts = node_id.split("-")
    return "-".join(parts[:2]) if len(parts) > 3 else node_id


def test_a_compute_node_has_all_that_the_page_shows(nodes: dict[str, Any]):
    """The keys of the page's example; the capacity's numbers are the machine's."""
    node = next(each for each in nodes["Nodes"] if each["Info"]["NodeType"] == "Compute")
    assert {"NextToken", "Nodes"} == set(nodes)
    assert ("CONNECTED", "APPROVED") == (node["Connection"], node["Membership"])
    info = node["Info"]
    assert {"BacalhauVersion", "ComputeNodeInfo", "Labels", "NodeID", "NodeType"} == set(info)
    assert {"BuildDate", "GOARCH", "GOOS", "GitCommit", "GitVersion"} <= set(info["BacalhauVersion"])
    assert {"Architecture": "amd64", "Operating-System": "linux"}.items() <= info["Labels"].items()
    compute = info["ComputeNodeInfo"]
    assert ["docker", "wasm"] == compute["ExecutionEngines"]
    assert ["noop", "local"] == compute["Publishers"]
    assert ["urldownload", "inline"] == compute["StorageSources"]
    assert (0, 0, {}) == (compute["RunningExecutions"], compute["EnqueuedExecutions"], compute["QueueCapacity"])
    for capacity in ("AvailableCapacity", "MaxCapacity", "MaxJobRequirements"):
        assert {"CPU", "Disk", "Memory"} == set(compute[capacity])


def test_the_network_picture_joins_each_compute_node_to_the_requester(nodes: dict[str, Any]):
    """The page's graph, as a list of edges: one centre, five leaves."""
    requester = None
    for node in nodes["Nodes"]:
        if node["Info"]["NodeType"] == "Requester":
            requester = truncate_node_id(node["Info"]["NodeID"])
            break
    edges = [
        (requester, truncate_node_id(node["Info"]["NodeID"]))
        for node in nodes["Nodes"]
        if node["Connection"] == "CONNECTED"
    ]
    assert [("node-0", f"node-{n}") for n in range(1, 6)] == edges


def test_creating_the_job_answers_with_ids_and_one_warning(created: dict[str, Any]):
    """`CreateTime` is the server's to set, and it says so in the page's words."""
    assert {"EvaluationID", "JobID", "Warnings"} == set(created)
    assert ["job create time is ignored when submitting a job"] == created["Warnings"]
    assert created["JobID"].startswith("j-")


def test_the_results_of_the_noop_publisher_are_empty(base_url: str, created: dict[str, Any]):
    """Exactly the page's answer."""
    answer = requests.get(f"{base_url}/api/v1/orchestrator/jobs/{created['JobID']}/results", timeout=60)
    assert 200 == answer.status_code
    assert {"Items": [], "NextToken": ""} == answer.json()


def test_the_executions_have_the_output(base_url: str, created: dict[str, Any]):
    """Every value of the page's example that is not a time or an id."""
    answer = requests.get(f"{base_url}/api/v1/orchestrator/jobs/{created['JobID']}/executions", timeout=60)
    assert 200 == answer.status_code
    (item,) = answer.json().get("Items", [])
    shown = {
        "AllocatedResources": {"Tasks": {}},
        "ComputeState": {"Message": "Accepted job", "StateType": 7},
        "DesiredState": {"Message": "execution completed", "StateType": 2},
        "EvalID": created["EvaluationID"],
        "FollowupEvalID": "",
        "JobID": created["JobID"],
        "Name": "",
        "Namespace": "default",
        "NextExecution": "",
        "PreviousExecution": "",
        "PublishedResult": {"Type": ""},
        "Revision": 6,
    }
    assert shown == {key: item[key] for key in shown}
    assert {"ID", "NodeID", "CreateTime", "ModifyTime", "RunOutput"} == set(item) - set(shown)
    output = {"ErrorMsg": "", "ExitCode": 0, "StderrTruncated": False, "Stdout": "hello, world\n",
              "StdoutTruncated": False, "stderr": ""}  # fmt: skip
    assert output == {key: item["RunOutput"][key] for key in output}


def test_the_loop_over_executions_can_run_at_any_time(base_url: str, docker_stack: Stack):
    """The page asks right after the submission and reads `RunOutput`, so the key is there before there is output."""
    job_id = requests.put(base_url + "/api/v1/orchestrator/jobs", json=json.loads(JOB), timeout=60).json()["JobID"]
    seen: list[str | None] = []

    def look() -> bool:
        executions = requests.get(f"{base_url}/api/v1/orchestrator/jobs/{job_id}/executions", timeout=60).json()
        for item in executions.get("Items", []):
            seen.append(item["RunOutput"]["Stdout"] if item["RunOutput"] is not None else None)
        return seen[-1:] == ["hello, world\n"]

    docker_stack.wait(look, "the output")
    assert [None, "hello, world\n"] == list(dict.fromkeys(seen))
