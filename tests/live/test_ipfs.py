"""IPFS content in and out of jobs, on a running stack with real engines; every byte is checked by its hash."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from devstack.adapters.ipfs.gateway import fetch
from tests.live.stacks import Stack, docker, job, noop, repository, running

pytestmark = [pytest.mark.live, pytest.mark.docker]

BYTES = b"".join(sha256(str(number).encode()).digest() for number in range(20_000))  # 640 kB: three blocks.
MISSING = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"


@pytest.fixture(scope="module")
def stack(docker_engine: object) -> Iterator[Stack]:
    with running("--nodes", "2", "--ipfs-port", "0") as started:
        yield started


def api_of(stack: Stack) -> str:
    """Where the stack answers as Kubo does."""
    [url] = [found[1] for line in stack.banner if (found := re.match(r"IPFS API\s+(\S+)", line))]
    return url


def add(stack: Stack, files: dict[str, bytes]) -> str:
    """The CID of a folder with these files, as a client of Kubo adds it."""
    parts = [("file", (name, content)) for name, content in files.items()]
    answer = httpx.post(f"{api_of(stack)}/api/v0/add?wrap-with-directory=true", files=parts)
    return str(json.loads(answer.text.splitlines()[-1])["Hash"])


def ipfs(cid: str, target: str) -> dict[str, Any]:
    return {"Source": {"Type": "ipfs", "Params": {"CID": cid}}, "Target": target}


def completed(stack: Stack, body: dict[str, Any]) -> str:
    """The id of the job, once it is complete."""
    job_id = stack.submit(body)
    assert "Completed" == stack.wait_over(job_id)["State"]["StateType"], stack.executions(job_id)
    return job_id


def results(stack: Stack, job_id: str, folder: Path) -> Path:
    """What the job has published, fetched over the stack's own API."""
    [item] = stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]
    assert ("ipfs", ["CID"]) == (item["Type"], list(item["Params"]))
    fetch(item["Params"]["CID"], folder / "results", stack.url)
    return folder / "results"


def test_a_container_reads_and_publishes_ipfs_content(stack: Stack, tmp_path: Path):
    """A folder in, a folder out, which is the input of the next job."""
    cid = add(stack, {"deep/data": BYTES, "small": b"few\n"})
    script = "cp /in/deep/data /out/copy; cat /in/small; echo more >/in/small"
    first = completed(
        stack,
        job(docker("sh", "-c", script), task_InputSources=[ipfs(cid, "/in")], task_Publisher={"Type": "ipfs"},
            task_ResultPaths=[{"Name": "out", "Path": "/out"}]),
    )  # fmt: skip
    got = results(stack, first, tmp_path)
    assert sha256(BYTES).digest() == sha256((got / "out" / "copy").read_bytes()).digest()
    assert ("few\n", "0") == ((got / "stdout").read_text(), (got / "exitCode").read_text())
    [item] = stack.call("GET", f"/orchestrator/jobs/{first}/results")[1]["Items"]
    second = completed(
        stack, job(docker("sha256sum", "/again/out/copy"), task_InputSources=[ipfs(item["Params"]["CID"], "/again")])
    )
    assert sha256(BYTES).hexdigest() == stack.executions(second)[0]["RunOutput"]["Stdout"].split()[0]


def test_a_module_reads_and_publishes_ipfs_content(stack: Stack, tmp_path: Path):
    """The module itself comes from there as well."""
    example = yaml.safe_load((repository() / "scenarios/jobs/wasm_files.yaml").read_text())
    [task] = example["Tasks"]
    task["InputSources"] = [ipfs(add(stack, {"text.txt": BYTES[:30_000]}), "/input")]
    task["Publisher"] = {"Type": "ipfs"}
    module = urllib.request.urlopen(task["Engine"]["Params"]["EntryModule"]["Source"]["Params"]["URL"]).read()
    answer = httpx.post(f"{api_of(stack)}/api/v0/add", files={"file": ("copy.wasm", module)})
    task["Engine"]["Params"]["EntryModule"] = {**ipfs(answer.json()["Hash"], ""), "Alias": "copy"}
    got = results(stack, completed(stack, example), tmp_path)
    assert sha256(BYTES[:30_000]).digest() == sha256((got / "outputs" / "copy.txt").read_bytes()).digest()


@pytest.mark.parametrize(
    ("cid", "reason"),
    [
        (MISSING, f'the IPFS store of this stack does not have the content "{MISSING}"'),
        ("nonsense", 'invalid CID "nonsense": it begins with no base that is known'),
    ],
)
def test_an_input_that_cannot_be_had_fails_the_job_with_one_reason(stack: Stack, cid: str, reason: str):
    """No node bids for it."""
    job_id = stack.submit(job(noop(), task_InputSources=[ipfs(cid, "/in")]))
    assert "Failed" == stack.wait_over(job_id)["State"]["StateType"]
    history = stack.call("GET", f"/orchestrator/jobs/{job_id}/history")[1]
    assert reason in json.dumps(history, ensure_ascii=False).replace('\\"', '"')


def test_results_that_cannot_be_published_fail_the_execution(stack: Stack):
    """A pipe is no file: nothing of the results is there."""
    job_id = stack.submit(
        job(docker("mkfifo", "/out/pipe"), task_Publisher={"Type": "ipfs"},
            task_ResultPaths=[{"Name": "out", "Path": "/out"}])
    )  # fmt: skip
    assert "Failed" == stack.wait_over(job_id)["State"]["StateType"]
    messages = {e["ComputeState"]["Message"] for e in stack.executions(job_id)}
    assert any("failed to publish result: pipe is neither a file nor a folder" in message for message in messages)
    assert [] == stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]


def test_the_own_store_is_not_listed_an_outside_node_is(stack: Stack, tmp_path: Path):
    """One stack's store is the other one's outside node: what one publishes, the other one reads."""

    def listed(of: Stack) -> set[bool]:
        nodes = [node["Info"] for node in of.call("GET", "/orchestrator/nodes")[1]["Nodes"]]
        infos = [info["ComputeNodeInfo"] for info in nodes if info.get("ComputeNodeInfo")]
        return {"ipfs" in info["StorageSources"] and "ipfs" in info["Publishers"] for info in infos}

    assert {False} == listed(stack)
    port = api_of(stack).rpartition(":")[2]
    with running("--nodes", "1", "--docker", "off", "--ipfs-connect", f"/ip4/127.0.0.1/tcp/{port}") as other:
        assert {True} == listed(other)
        cid = add(stack, {"data": BYTES})
        job_id = completed(
            other,
            job(noop(Stdout="from the other one\n"), task_InputSources=[ipfs(cid, "/in")],
                task_Publisher={"Type": "ipfs"}),
        )  # fmt: skip
        assert "from the other one\n" == (results(other, job_id, tmp_path) / "stdout").read_text()
        [item] = other.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]
    fetch(item["Params"]["CID"], tmp_path / "again", stack.url)
    assert "from the other one\n" == (tmp_path / "again" / "stdout").read_text()


def test_blocks_are_given_to_whoever_asks_for_blocks(stack: Stack, tmp_path: Path):
    """As trustless gateways give them; other questions have an answer too."""
    for path, status in ((f"{MISSING}?format=raw", 404), ("x?format=raw", 400), (MISSING, 406)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{stack.url}/ipfs/{path}")
        assert status == caught.value.code
