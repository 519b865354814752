"""Jobs whose inputs come from a real S3 server and whose results go there."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from click.testing import CliRunner

from devstack.cli.main import cli
from tests.live.go_client import download
from tests.live.stacks import Stack, docker, job, repository, running
from tests.live.test_cli_live import runner
from tests.s3_server import KEY_ID, SECRET, S3Server

pytestmark = pytest.mark.live

COPY = (repository() / "scenarios/jobs/wat/copy.wat").read_text()
NOTHING = '(module (memory (export "memory") 1) (func (export "_start")))'
CONTENT = os.urandom(200_000)
PLACES = {"task_ResultPaths": [{"Name": "outputs", "Path": "/outputs"}]}


@pytest.fixture(scope="module")
def stack(weed: S3Server) -> Iterator[Stack]:
    with running("--nodes", "2", "--docker", "off", environment=weed.environment) as started:
        yield started


@pytest.fixture(scope="module")
def docker_stack(weed: S3Server, docker_engine: object) -> Iterator[Stack]:
    with running("--nodes", "2", environment=weed.environment) as started:
        yield started


def s3(server: S3Server, bucket: str, key: str, **more: Any) -> dict[str, Any]:
    return {"Type": "s3", "Params": {"Bucket": bucket, "Key": key, "Endpoint": server.endpoint, **more}}


def outcome(stack: Stack, wanted: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The id of a job that has completed, and its published result."""
    job_id = stack.submit(wanted)
    over = stack.wait_over(job_id, 60)
    assert "Completed" == over["State"]["StateType"], [over["State"], stack.executions(job_id)]
    return job_id, dict(stack.executions(job_id)[0]["PublishedResult"])


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        return {one.name: packed.extractfile(one).read() for one in packed if one.isfile()}  # type: ignore[union-attr]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_nodes_with_credentials_offer_s3(stack: Stack):
    """As source and as publisher; what they know is in no answer."""
    nodes = stack.call("GET", "/orchestrator/nodes")[1]["Nodes"]
    offered = [
        ("s3" in n["Info"]["ComputeNodeInfo"]["StorageSources"], "s3" in n["Info"]["ComputeNodeInfo"]["Publishers"])
        for n in nodes
        if n["Info"].get("ComputeNodeInfo")
    ]
    assert [(True, True)] * 2 == offered
    assert not [word for word in (KEY_ID, SECRET) if word in str(nodes)]


def test_a_container_reads_s3_and_publishes_there(docker_stack: Stack, weed: S3Server):
    """A folder of objects in, an archive out, and the bytes are the same; the client needs no credentials."""
    bucket = weed.new_bucket(**{"in/a": CONTENT, "in/deep/b": CONTENT[::-1], "other": b"no"})
    script = "mkdir -p /outputs && cp -r /inputs/. /outputs && ls -R /inputs | wc -l"
    job_id, published = outcome(docker_stack, job(
        docker("sh", "-c", script), **PLACES,
        task_InputSources=[{"Source": s3(weed, bucket, "in/"), "Target": "/inputs"}],
        task_Publisher=s3(weed, bucket, "out/{jobID}/{executionID}"),
    ))  # fmt: skip
    key = published["Params"]["Key"]
    assert ("s3", f"out/{job_id}/") == (published["Type"], key[: len(job_id) + 5])
    files = unpacked(weed.read(bucket, key))
    assert {"outputs/a", "outputs/deep/b", "stdout", "stderr", "exitCode"} == set(files)
    assert (sha256(CONTENT), sha256(CONTENT[::-1])) == (sha256(files["outputs/a"]), sha256(files["outputs/deep/b"]))
    [item] = docker_stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]
    assert ("s3PreSigned", published["Params"]) == (item["Type"], item["Params"]["SourceSpec"])
    assert files == download(item["Params"]["PreSignedURL"])[1]


def test_a_module_comes_from_s3_reads_s3_and_publishes_there(stack: Stack, weed: S3Server, tmp_path: Path):
    """The program itself is an object, its input is one with a checksum, its results are objects one by one."""
    bucket = weed.new_bucket(**{"m/copy.wasm": wasmtime.wat2wasm(COPY), "in/text.txt": b"from here to there\n"})
    module = {"EntryModule": {"Source": s3(weed, bucket, "m/copy.wasm")}, "EntryPoint": "_start"}
    _, published = outcome(stack, job(
        {"Type": "wasm", "Params": module}, **PLACES,
        task_InputSources=[{"Source": s3(weed, bucket, "in/*"), "Target": "/input"}],
        task_Publisher=s3(weed, bucket, "out/{nodeID}", Compress=False),
    ))  # fmt: skip
    prefix = published["Params"]["Key"]
    assert prefix in ("out/node-1/", "out/node-2/")
    assert {f"{prefix}{name}" for name in ("stdout", "stderr", "exitCode", "outputs/copy.txt")} == {
        key for key in weed.keys(bucket) if key.startswith("out/")
    }
    assert b"from here to there\n" == weed.read(bucket, f"{prefix}outputs/copy.txt")


def test_job_get_fetches_what_was_published(stack: Stack, weed: S3Server, tmp_path: Path):
    """The short forms of the command line, there and back."""
    run, bucket = runner(stack, tmp_path), weed.new_bucket(**{"in/text.txt": b"there and back\n"})
    (tmp_path / "copy.wasm").write_bytes(wasmtime.wat2wasm(COPY))
    where = f"opt=endpoint={weed.endpoint},opt=region=us-east-1"
    job_id = run(
        "wasm", "run", "--id-only", "-i", f"s3://{bucket}/in/text.txt:/input,{where}",
        "-p", f"s3://{bucket}/r/{{jobID}},{where}", "-o", "outputs:/outputs", "copy.wasm",
    ).stdout.strip()  # fmt: skip
    (tmp_path / "got").mkdir()
    run("job", "get", job_id, "--output-dir", "got")
    assert "there and back\n" == (tmp_path / "got" / "outputs" / "copy.txt").read_text()


@pytest.mark.parametrize(
    ("publisher", "reason"),
    [
        (
            {"Bucket": "no-such-bucket", "Key": "k"},
            "failed to publish result: cannot write s3://no-such-bucket/k.tar.gz",
        ),
        ({"Bucket": "b"}, "failed to publish result: invalid s3 params. key cannot be empty"),
    ],
)
def test_a_publish_that_fails_leaves_no_result(stack: Stack, weed: S3Server, publisher: dict[str, str], reason: str):
    """The execution fails with the reason, and the job has no results."""
    bucket = weed.new_bucket(m=wasmtime.wat2wasm(NOTHING))
    module = {"EntryModule": {"Source": s3(weed, bucket, "m")}, "EntryPoint": "_start"}
    spec = {"Type": "s3", "Params": publisher | {"Endpoint": weed.endpoint}}
    job_id = stack.submit(job({"Type": "wasm", "Params": module}, task_Publisher=spec))
    assert "Failed" == stack.wait_over(job_id, 60)["State"]["StateType"]
    told = [str(execution["ComputeState"]["Message"]) for execution in stack.executions(job_id)]
    assert any(text.startswith(reason) for text in told), told
    assert not any((execution["PublishedResult"] or {}).get("Type") for execution in stack.executions(job_id))
    assert [] == (stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"] or [])


def test_a_bucket_that_does_not_exist_is_told_with_the_bid(stack: Stack, weed: S3Server):
    """No node takes a job whose input is nowhere."""
    module = {"EntryModule": {"Source": {"Type": "inline", "Params": {"URL": "data:,x"}}}, "EntryPoint": "_start"}
    job_id = stack.submit(job(
        {"Type": "wasm", "Params": module},
        task_InputSources=[{"Source": s3(weed, "no-such-bucket", "k"), "Target": "/in"}],
    ))  # fmt: skip
    assert "Failed" == stack.wait_over(job_id, 60)["State"]["StateType"]
    told = " ".join(str(execution["ComputeState"]["Message"]) for execution in stack.executions(job_id))
    assert "cannot read s3://no-such-bucket/k: " in told


def test_up_says_in_one_line_what_s3_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """When it is asked for a publisher that no node can have."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(cli, ["up", "--port", "0", "--docker", "off", "--default-publisher", "s3://b/k"])
    assert done.exit_code != 0
    assert "no node can publish to s3: there are no AWS credentials" in done.output
