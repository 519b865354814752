"""`up --cluster`: the example of the repository, and files that are none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.stacks import Stack, docker, job, noop, repository, running

pytestmark = pytest.mark.live
EXAMPLE = repository() / "clusters/three_regions.yaml"


@pytest.fixture(scope="module")
def described() -> Iterator[Stack]:
    with running("--cluster", str(EXAMPLE), "--docker", "off") as stack:
        yield stack


def nodes(stack: Stack) -> dict[str, dict[str, Any]]:
    found = stack.call("GET", "/orchestrator/nodes?limit=100")[1]["Nodes"]
    return {node["Info"]["NodeID"]: node["Info"] for node in found if node["Info"]["NodeType"] == "Compute"}


def pinned(node: str, **more: Any) -> dict[str, Any]:
    """A job that only this node may run."""
    wanted = {"Key": "id", "Operator": "=", "Values": [node]}
    return job(more.pop("engine", noop()), Constraints=[wanted], **more)


def refusals(stack: Stack, node: str, **more: Any) -> str:
    """Why the node does not run the job."""
    job_id = stack.submit(pinned(node, **more))
    stack.wait_over(job_id)
    executions = stack.executions(job_id)
    return "; ".join(e["ComputeState"]["Message"] for e in executions) or stack.job(job_id)["State"]["Message"]


def test_the_banner_tells_the_nodes_and_the_seed_of_the_file(described: Stack):
    """Six nodes, seed 7."""
    assert "1 requester, 6 compute nodes · seed 7 ·" in described.banner[0]


def test_node_info_is_as_described(described: Stack):
    """Sizes, GPUs with their names, labels, engines, sources and publishers."""
    found = nodes(described)
    compute = {name: info["ComputeNodeInfo"] for name, info in found.items()}
    assert [4, 4, 4, 16, 2, 2] == [compute[f"node-{number}"]["MaxCapacity"]["CPU"] for number in range(1, 7)]
    gpus = compute["node-4"]["MaxCapacity"]["GPUs"]
    assert (2, ["Tesla T4", "Tesla T4"]) == (compute["node-4"]["MaxCapacity"]["GPU"], [gpu["Name"] for gpu in gpus])
    assert ("Tesla-T4", "16384-MiB") == (found["node-4"]["Labels"]["GPU-0"], found["node-4"]["Labels"]["GPU-0-Memory"])
    assert ("eu-west", "slow") == (found["node-3"]["Labels"]["region"], found["node-3"]["Labels"]["disk"])
    assert (["wasm"], ["inline"], ["local"]) == (
        compute["node-5"]["ExecutionEngines"], compute["node-5"]["StorageSources"], compute["node-5"]["Publishers"]
    )  # fmt: skip
    assert 2 == compute["node-1"]["MaxJobRequirements"]["CPU"]


def test_a_job_with_gpus_goes_where_they_are(described: Stack):
    """To the one node that has any; more than it has are more than anybody has."""
    for _ in range(3):
        job_id = described.submit(job(noop(RunsFor="1ms"), task_Resources={"GPU": "1"}))
        assert "Completed" == described.wait_over(job_id)["State"]["StateType"]
        assert ["node-4"] == [execution["NodeID"] for execution in described.executions(job_id)]
    assert "more GPUs (3)" in refusals(described, "node-4", task_Resources={"GPU": "3"})


@pytest.mark.parametrize(
    ("node", "more", "words"),
    [
        ("node-1", {"task_Resources": {"CPU": "3"}}, "job requires more CPU (3) than"),
        ("node-1", {"task_Network": {"Type": "Full"}}, "this node does not run jobs that require network access"),
        ("node-2", {"task_Timeouts": {"ExecutionTimeout": 13 * 3600, "TotalTimeout": 14 * 3600}},
         "accept jobs with timeout 13h0m0s (the maximum allowed is 12h0m0s)"),
        ("node-5", {}, "accept jobs without any input volumes"),
        ("node-6", {"Priority": 5}, "accept this job: only jobs without priority"),
    ],
)  # fmt: skip
def test_each_node_refuses_by_its_own_rules(described: Stack, node: str, more: dict[str, Any], words: str):
    """Limits, network, timeouts, inputs, probe: with the reason."""
    assert words in refusals(described, node, **more)


def test_a_job_that_keeps_the_rules_runs(described: Stack):
    """On the node that asks a probe, and on the one that takes the network; with the requester's own defaults."""
    for node, more in [("node-6", {}), ("node-4", {"task_Network": {"Type": "Full"}})]:
        job_id = described.submit(pinned(node, **more))
        over = described.wait_over(job_id)
        assert ("Completed", 3600, "local") == (
            over["State"]["StateType"],
            over["Tasks"][0]["Timeouts"]["TotalTimeout"],
            over["Tasks"][0]["Publisher"]["Type"],
        )


def test_nodes_wait_for_approval_where_the_file_says_so(tmp_path: Path):
    """A job waits until one is approved."""
    path = tmp_path / "c.yaml"
    path.write_text("nodes: [{count: 2, cpu: 1}]\nrequester: {manual_approval: true}\n")
    with running("--cluster", str(path), "--docker", "off") as stack:
        states = stack.call("GET", "/orchestrator/nodes")[1]["Nodes"]
        assert ["PENDING", "PENDING"] == [node["Membership"] for node in states if node["Info"]["NodeID"] != "node-0"]
        job_id = stack.submit(job(noop()))
        assert [] == stack.executions(job_id)
        assert 200 == stack.call("PUT", "/orchestrator/nodes/node-2", {"Action": "approve", "NodeID": "node-2"})[0]
        assert "Completed" == stack.wait_over(job_id)["State"]["StateType"]
        assert ["node-2"] == [execution["NodeID"] for execution in stack.executions(job_id)]


@pytest.mark.docker
def test_a_container_may_ask_for_a_simulated_gpu(docker_engine: object, tmp_path: Path):
    """It is counted and handed out; the container runs without a device."""
    path = tmp_path / "c.yaml"
    path.write_text("nodes: [{count: 2}, {gpu: 1}]\n")
    with running("--cluster", str(path)) as stack:
        job_id = stack.submit(job(docker("echo", "hello"), task_Resources={"GPU": "1"}))
        assert "Completed" == stack.wait_over(job_id)["State"]["StateType"]
        (execution,) = stack.executions(job_id)
        assert ("node-3", "hello\n") == (execution["NodeID"], execution["RunOutput"]["Stdout"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nodes: [{cpu: 1},\n  {cpus: 2}]", "c.yaml:2: unknown key 'cpus' of an entry of nodes"),
        ("nodes: [{count: 1000000000000}]", "c.yaml:1: 1000000000000 nodes are more than one process can hold"),
        ("a: &a [*a]", "c.yaml:1: this alias stands for what it is in"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path: Path, text: str, words: str):
    """With its place and what to do; exit code 1."""
    path = tmp_path / "c.yaml"
    path.write_text(text)
    command = [sys.executable, "-m", "devstack", "up", "--port", "0", "--cluster", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert 1 == done.returncode
    assert words in done.stderr
    assert 1 == len(done.stderr.splitlines())
