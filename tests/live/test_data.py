"""Data in and data out: every source and every publisher with every engine, with real bytes.

A row more in `SOURCES` or `PUBLISHERS` is a kind more in the tables.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from devstack.scenario.load import load_one
from devstack.scenario.real import run_real
from devstack.scenario.run import RunOptions, Verdict
from tests.live.stacks import Stack, docker, job, noop, repository, running
from tests.live.test_ipfs import add
from tests.live.test_s3 import s3
from tests.s3_server import S3Server

pytestmark = pytest.mark.live

SIZE: Final = 300_001  # More than one read, and no multiple of one.
LOCAL: Final = {"Type": "local"}
COPY = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 3)
  {paths}
  (func $file (param $path i32) (param $length i32) (param $flags i32) (param $rights i64) (result i32)
    (if (call $open (i32.const 3) (i32.const 0) (local.get $path) (local.get $length) (local.get $flags)
          (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 16))
      (then (call $exit (i32.const 1))))
    (i32.load (i32.const 16)))
  (func $copy (param $source i32) (param $target i32)
    (loop $more
      (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const 65536))
      (drop (call $read (local.get $source) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8)) (then
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (drop (call $write (local.get $target) (i32.const 0) (i32.const 1) (i32.const 12)))
        (br $more)))))
  (func (export "_start") {copies}))"""


# ---- engines: each copies files ----------------------------------------------------------------------------


def copy_with_docker(pairs: Mapping[str, str]) -> dict[str, Any]:
    return docker("sh", "-c", " && ".join(f"cp {source} {target}" for source, target in pairs.items()))


def copy_with_wasm(pairs: Mapping[str, str]) -> dict[str, Any]:
    from wasmtime import wat2wasm

    paths, copies, place = [], [], 1024
    for pair in pairs.items():
        opened = ""
        for path, (flags, rights) in zip(pair, ((0, 2), (1, 64)), strict=True):
            name = path.lstrip("/")
            paths.append(f'(data (i32.const {place}) "{name}")')
            opened += (
                f" (call $file (i32.const {place}) (i32.const {len(name)}) (i32.const {flags}) (i64.const {rights}))"
            )
            place += len(name)
        copies.append(f"(call $copy{opened})")
    module = bytes(wat2wasm(COPY.format(paths=" ".join(paths), copies=" ".join(copies))))
    url = "data:application/wasm;base64," + base64.b64encode(module).decode()
    entry = {"Source": {"Type": "inline", "Params": {"URL": url}}, "Alias": "copy", "Target": "/copy.wasm"}
    return {"Type": "wasm", "Params": {"EntryModule": entry, "EntryPoint": "_start"}}


ENGINES: Final[Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]]] = {
    "docker": copy_with_docker,
    "wasm": copy_with_wasm,
}


# ---- sources -----------------------------------------------------------------------------------------------


@attrs.frozen
class Place:
    """Where the bytes can be had in every way."""

    content: bytes
    folder: Path
    url: str
    server: S3Server
    bucket: str
    cid: str  # Of a folder.


@attrs.frozen
class Input:
    """A source, and where its bytes are below the target."""

    source: dict[str, Any]
    below: str


def inline(place: Place) -> Input:
    url = "data:application/octet-stream;base64," + base64.b64encode(place.content).decode()
    return Input({"Type": "inline", "Params": {"URL": url}}, "")


def inline_archive(place: Place) -> Input:
    packed = subprocess.run(["tar", "czf", "-", "-C", str(place.folder), "."], capture_output=True, check=True).stdout
    url = "data:application/gzip;base64," + base64.b64encode(packed).decode()
    return Input({"Type": "inline", "Params": {"URL": url}}, "/data.bin")


def url_download(place: Place) -> Input:
    return Input({"Type": "urlDownload", "Params": {"URL": f"{place.url}/data.bin"}}, "/data.bin")


def local_directory(place: Place) -> Input:
    return Input({"Type": "localDirectory", "Params": {"SourcePath": str(place.folder)}}, "/data.bin")


def s3_object(place: Place) -> Input:
    return Input(s3(place.server, place.bucket, "in/data.bin"), "/data.bin")


def ipfs(place: Place) -> Input:
    return Input({"Type": "ipfs", "Params": {"CID": place.cid}}, "/data.bin")


SOURCES: Final[Mapping[str, Callable[[Place], Input]]] = {
    "inline": inline,
    "inline-archive": inline_archive,
    "urlDownload": url_download,
    "localDirectory": local_directory,
    "s3": s3_object,
    "ipfs": ipfs,
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("inputs")
    (made / "data.bin").write_bytes(os.urandom(SIZE))
    return made


@pytest.fixture(scope="module")
def data_stack(docker_engine: object, weed: S3Server, folder: Path) -> Iterator[Stack]:
    allowed = ("--allow-listed-local-paths", f"{folder}:ro")
    with running("--nodes", "2", *allowed, "--ipfs-port", "0", environment=weed.environment) as stack:
        yield stack


@pytest.fixture(scope="module")
def place(folder: Path, data_stack: Stack, weed: S3Server) -> Iterator[Place]:
    content = (folder / "data.bin").read_bytes()
    bucket, cid = weed.new_bucket(**{"in/data.bin": content}), add(data_stack, {"data.bin": content})

    def handler(*args: Any) -> Quiet:
        return Quiet(*args, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield Place(content, folder, url, weed, bucket, cid)
        server.shutdown()
        thread.join()


# ---- results -----------------------------------------------------------------------------------------------


def outcome(stack: Stack, engine: dict[str, Any], inputs: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The job, over, that keeps what its program leaves in /outputs."""
    results = [{"Name": "o", "Path": "/outputs"}]
    return stack.wait_over(
        stack.submit(job(engine, task_InputSources=inputs, task_ResultPaths=results, task_Publisher=LOCAL, **more))
    )


def got(stack: Stack, job_id: str, folder: Path) -> dict[str, bytes]:
    """What `job get` brings, by name."""
    folder.mkdir()
    command = [sys.executable, "-m", "devstack", "job", "get", job_id, "--output-dir", str(folder)]
    subprocess.run([*command, "--api-port", str(stack.port)], check=True, capture_output=True)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def messages(stack: Stack, job_id: str) -> str:
    return "\n".join(e["ComputeState"].get("Message", "") for e in stack.executions(job_id))


# ---- the tables --------------------------------------------------------------------------------------------


@pytest.mark.docker
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("source", SOURCES)
def test_every_engine_reads_every_source(data_stack: Stack, place: Place, tmp_path: Path, source: str, engine: str):
    """The program finds the bytes at the documented path, and what it copies comes back the same."""
    given = SOURCES[source](place)
    copy = ENGINES[engine]({f"/in/data{given.below}": "/outputs/copy"})
    ended = outcome(data_stack, copy, [{"Source": given.source, "Target": "/in/data"}])
    assert "Completed" == ended["State"]["StateType"], messages(data_stack, ended["ID"])
    files = got(data_stack, ended["ID"], tmp_path / "got")
    assert sha256(place.content) == sha256(files["o/copy"])
    assert {"exitCode": b"0", "stdout": b"", "stderr": b""} == {k: v for k, v in files.items() if k != "o/copy"}


@pytest.mark.docker
@pytest.mark.parametrize("engine", ENGINES)
def test_a_task_has_several_inputs_at_once(data_stack: Stack, place: Place, tmp_path: Path, engine: str):
    """One of each kind, each under its alias and target."""
    given = {name: make(place) for name, make in SOURCES.items()}
    inputs = [{"Source": one.source, "Alias": name, "Target": f"/in/{name}"} for name, one in given.items()]
    copy = ENGINES[engine]({f"/in/{name}{one.below}": f"/outputs/{name}" for name, one in given.items()})
    ended = outcome(data_stack, copy, inputs)
    assert "Completed" == ended["State"]["StateType"], messages(data_stack, ended["ID"])
    files = got(data_stack, ended["ID"], tmp_path / "got")
    assert {name: sha256(place.content) for name in SOURCES} == {name: sha256(files[f"o/{name}"]) for name in SOURCES}


def say(engine: str, place: Place) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, bytes]]:
    """An engine that leaves something, its inputs, and the files of its results."""
    streams = {"exitCode": b"0", "stderr": b""}
    if engine == "noop":
        return noop(Stdout="said\n"), [], {**streams, "stdout": b"said\n"}
    inputs = [{"Source": local_directory(place).source, "Target": "/in"}]
    return ENGINES[engine]({"/in/data.bin": "/outputs/copy"}), inputs, {
        **streams, "stdout": b"", "o/copy": place.content,
    }  # fmt: skip


PUBLISHERS: Final[Mapping[str, Callable[[Place], dict[str, Any]]]] = {
    "local": lambda place: LOCAL,
    "noop": lambda place: {"Type": "noop"},
    "s3": lambda place: s3(place.server, place.bucket, "out/{jobID}"),
    "ipfs": lambda place: {"Type": "ipfs"},
}


@pytest.mark.docker
@pytest.mark.parametrize("engine", [*ENGINES, "noop"])
@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_every_publisher_takes_what_every_engine_leaves(
    data_stack: Stack, place: Place, tmp_path: Path, publisher: str, engine: str
):
    """`job get` brings the streams, the exit code and the result folders; the publisher `noop` has nothing."""
    program, inputs, files = say(engine, place)
    results = [{"Name": "o", "Path": "/outputs"}] if inputs else []
    more = {"task_InputSources": inputs, "task_ResultPaths": results, "task_Publisher": PUBLISHERS[publisher](place)}
    job_id = data_stack.submit(job(program, **more))
    assert "Completed" == data_stack.wait_over(job_id)["State"]["StateType"], messages(data_stack, job_id)
    if publisher == "noop":
        status, answer = data_stack.call("GET", f"/orchestrator/jobs/{job_id}/results")
        assert (200, []) == (status, answer["Items"] or [])
        return
    found = got(data_stack, job_id, tmp_path / "got")
    assert {name: sha256(content) for name, content in files.items()} == {
        name: sha256(content) for name, content in found.items()
    }


# ---- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.docker
@pytest.mark.parametrize(
    ("engine", "words"),
    [("docker", "Duplicate mount point: /in"), ("wasm", 'a filesystem with prefix "/in" is already mounted')],
)
def test_two_inputs_with_one_target_are_refused(data_stack: Stack, place: Place, engine: str, words: str):
    """In one sentence, whichever engine."""
    inputs = [{"Source": SOURCES[name](place).source, "Target": "/in"} for name in ("inline-archive", "localDirectory")]
    ended = outcome(data_stack, ENGINES[engine]({"/in/data.bin": "/outputs/copy"}), inputs)
    assert "Failed" == ended["State"]["StateType"]
    assert words in messages(data_stack, ended["ID"])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"Type": "urlDownload", "Params": {"URL": "ftp://127.0.0.1/f"}},
         "URLs must begin with 'http' or 'https'. The submitted one began with ftp"),
        ({"Type": "urlDownload", "Params": {"URL": "file:///etc/passwd"}}, "The submitted one began with file"),
        ({"Type": "localDirectory", "Params": {"SourcePath": "{folder}/../x"}}, "volume not in allowed paths"),
        ({"Type": "localDirectory", "Params": {"SourcePath": "/etc"}}, "volume not in allowed paths"),
        ({"Type": "localDirectory", "Params": {"SourcePath": "{folder}", "ReadWrite": True}},
         "volume not in allowed paths"),
        ({"Type": "inline", "Params": {"URL": "data:application/gzip;base64,AAAA"}}, "not a gzipped tar archive"),
    ],
)  # fmt: skip
@pytest.mark.docker
def test_an_input_that_cannot_be_had_fails_every_execution_with_its_reason(
    data_stack: Stack, place: Place, source: dict[str, Any], words: str
):
    """The same one on each node, and no container runs."""
    given = json.loads(json.dumps(source).replace("{folder}", str(place.folder)))
    job_id = data_stack.submit(job(docker("true"), task_InputSources=[{"Source": given, "Target": "/in"}]))
    assert "Failed" == data_stack.wait_over(job_id)["State"]["StateType"]
    executions = data_stack.executions(job_id)
    assert executions and all(words in e["ComputeState"]["Message"] and not e["RunOutput"] for e in executions)


@pytest.mark.docker
def test_a_container_cannot_change_an_input_that_is_read_only(data_stack: Stack, place: Place):
    """The folder is the user's own."""
    inputs = [{"Source": local_directory(place).source, "Target": "/in"}]
    job_id = data_stack.submit(job(docker("sh", "-c", "echo x > /in/data.bin"), task_InputSources=inputs))
    data_stack.wait_over(job_id)
    assert "Read-only file system" in data_stack.executions(job_id)[0]["RunOutput"]["stderr"]
    assert place.content == (place.folder / "data.bin").read_bytes()


# ---- through two jobs --------------------------------------------------------------------------------------


def test_the_pipeline_of_the_scenario_runs_on_real_engines():
    """The same script, with real results over HTTP."""
    pipeline = load_one(str(repository() / "scenarios" / "data_pipeline.py"))
    outcome = run_real(pipeline, RunOptions(docker="off"))
    assert Verdict.PASSED is outcome.verdict, outcome.message


@pytest.mark.docker
def test_containers_map_over_three_inputs_and_one_reduces_what_they_publish(data_stack: Stack):
    """The second job reads the archives of the first where they are published."""
    texts = ["one line\n", "two\nlines\n", "and\nthree\nmore\n"]
    results = {"task_ResultPaths": [{"Name": "o", "Path": "/outputs"}], "task_Publisher": LOCAL}
    counts = []
    for text in texts:
        source = {"Type": "inline", "Params": {"URL": "data:;base64," + base64.b64encode(text.encode()).decode()}}
        inputs = [{"Source": source, "Target": "/input/text.txt"}]
        count = docker("sh", "-c", "wc -l < /input/text.txt > /outputs/count")
        counts.append(data_stack.submit(job(count, task_InputSources=inputs, **results)))
    archives = []
    for number, job_id in enumerate(counts):
        assert "Completed" == data_stack.wait_over(job_id)["State"]["StateType"], messages(data_stack, job_id)
        (item,) = data_stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]
        archives.append({"Source": item, "Target": f"/parts/{number}"})
    script = "for a in /parts/*/*.tar.gz; do tar xzOf $a o/count; done | awk '{s+=$1} END {print s}'"
    total = data_stack.submit(job(docker("sh", "-c", script), task_InputSources=archives))
    assert "Completed" == data_stack.wait_over(total)["State"]["StateType"], messages(data_stack, total)
    assert "6\n" == data_stack.executions(total)[0]["RunOutput"]["Stdout"]
