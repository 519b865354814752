"""Programs beside the recorded ones: other parameters, inputs, publishers and exits."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.stacks import Stack, docker, job, running

pytestmark = [pytest.mark.live, pytest.mark.docker]

SIZES = "calculating resource usage of job: error getting job disk space requirements:"
COMPLETED, FAILED = 7, 8
LITTLE = {"CPU": "0.01", "Memory": "10mb"}  # So that all of them run at once.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    for name in ("leaf.txt", "rw/hello.txt", "tree/leaf.txt", "tree/a/leaf.txt"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("hello\n")
    return made


@pytest.fixture(scope="module", params=["v1.4.0", "documented"])
def stack(request: pytest.FixtureRequest, folder: Path, docker_engine: object) -> Iterator[Stack]:
    allowed = [str(folder), f"{folder / 'rw'}:rw", f"{folder}/tree/**"]
    flags = [word for path in allowed for word in ("--allow-listed-local-paths", path)]
    with running("--nodes", "5", *flags, "--behaviour", str(request.param)) as started:
        yield started


def shell(script: str, **params: Any) -> dict[str, Any]:
    return docker("sh", "-c", script, **params)


def source(kind: str, target: str = "/in", **params: Any) -> dict[str, Any]:
    return {"Source": {"Type": kind, "Params": params}, "Alias": "", "Target": target}


def with_input(script: str, kind: str, target: str = "/in", **params: Any) -> dict[str, Any]:
    return {"engine": shell(script), "task_InputSources": [source(kind, target, **params)]}


def archive(name: str) -> str:
    """A gzipped tar of one file, without an entry for its folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 2
        tar.addfile(member, io.BytesIO(b"1\n"))
    return "data:application/gzip;base64," + base64.b64encode(packed.getvalue()).decode()


def published(*paths: tuple[str, str], kind: str = "local") -> dict[str, Any]:
    return {"task_Publisher": {"Type": kind}, "task_ResultPaths": [{"Name": n, "Path": p} for n, p in paths]}


def wasm(**params: Any) -> dict[str, Any]:
    return {"engine": {"Type": "wasm", "Params": params}}


def params(**params: Any) -> dict[str, Any]:
    return {"engine": {"Type": "docker", "Params": params}}


def no_module(url: str) -> dict[str, Any]:
    return {"Source": {"Type": "inline", "Params": {"URL": url}}, "Alias": "", "Target": ""}


# A name, the job, the state that its execution ends in, and its output or words of its message.
PROGRAMS: list[tuple[str, dict[str, Any], int, str]] = [
    ("executors/keys in any case", params(IMAGE="busybox:latest", parameters=["echo", "low"]), COMPLETED, "low\n"),
    ("executors/nulls are absent", params(Image="busybox:latest", Entrypoint=["echo", "e"], Parameters=None,
                                          EnvironmentVariables=None, WorkingDirectory=""), COMPLETED, "e\n"),
    ("executors/image missing", params(Parameters=["true"]), FAILED,
     "invalid docker engine param: 'Image' cannot be empty"),
    ("executors/relative directory", {"engine": shell("pwd", WorkingDirectory="rel")}, FAILED,
     "invalid docker engine param: 'WorkingDirectory' (\"rel\") must contain absolute path"),
    ("executors/two variables", {"engine": shell("echo $A $B", EnvironmentVariables=["A=1", "B=2"])}, COMPLETED,
     "1 2\n"),
    ("executors/no such program", {"engine": docker("no-such-program")}, FAILED,
     "execution error: failed to start container: executable file not found: Error response from daemon"),
    ("executors/exit code 255", {"engine": shell("echo last; exit 255")}, COMPLETED, "last\n"),
    ("executors/bytes that are no text", {"engine": shell("printf '\\377a'")}, COMPLETED, "\ufffda"),
    ("executors/http network", {"engine": docker("true"), "task_Network": {"Type": "HTTP", "Domains": ["a.com"]}},
     FAILED, "rejected bid: this node does not run jobs that require network access"),
    ("executors/module missing", wasm(Entrypoint="_start"), FAILED, "invalid wasm engine entry module. cannot be nil"),
    ("executors/module without source", wasm(EntryModule={"Alias": "x"}), FAILED,
     "invalid wasm engine entry module. source cannot be nil"),
    ("executors/wasm without parameters", {"engine": {"Type": "wasm"}}, FAILED,
     "invalid wasm engine params. cannot be nil"),
    ("executors/no module at all", wasm(EntryModule=no_module("data:,hello"), Entrypoint="_start"), FAILED,
     "execution error: failed to instantiate entry module module (inline): invalid magic number"),
    ("resources/below the minimum", {"engine": docker("true"), "task_Resources": {"CPU": "0.01", "Memory": "5mb"}},
     FAILED, "Minimum memory limit allowed is 6MB"),
    ("storage/plain data URL", with_input("cat /in", "inline", URL="data:,hello%20you"), COMPLETED, "hello you"),
    ("storage/key in lower case", with_input("cat /in", "INLINE", url="data:,k"), COMPLETED, "k"),
    ("storage/inline can be written", with_input("echo more >>/in; cat /in", "inline", URL="data:,x%0A"), COMPLETED,
     "x\nmore\n"),
    ("storage/flat archive", with_input("cat /in/a", "inline", URL=archive("a")), COMPLETED, "1\n"),
    ("storage/archive without its folder", with_input("true", "inline", URL=archive("x/a")), FAILED,
     "preparing arguments: open "),
    ("storage/archive that climbs", with_input("true", "inline", URL=archive("../a")), FAILED,
     'tar contained invalid name error "../a"'),
    ("storage/address as inline", with_input("true", "inline", URL="http://x/y"), FAILED,
     f"{SIZES} missing data prefix"),
    ("storage/no parameters", {"engine": docker("true"), "task_InputSources": [
        {"Source": {"Type": "inline"}, "Target": "/in"}]}, FAILED,
     f"{SIZES} invalid storage source params. cannot be nil"),
    ("storage/url without a file", with_input("true", "urlDownload", URL="http://127.0.0.1"), FAILED,
     f"{SIZES} URL must end with a file name"),
    ("storage/url by ftp", with_input("true", "urlDownload", URL="ftp://x/y"), FAILED,
     f"{SIZES} URLs must begin with 'http' or 'https'. The submitted one began with ftp"),
    ("storage/empty url", with_input("true", "urlDownload", URL=""), FAILED,
     f"{SIZES} invalid url storage params: url cannot be empty"),
    ("storage/folder for writing", with_input("echo new >/in/new; cat /in/new", "localDirectory",
                                              SourcePath="$data/rw", ReadWrite="true"), COMPLETED, "new\n"),
    ("storage/writing is not allowed", with_input("true", "localDirectory", SourcePath="$data", ReadWrite=True), FAILED,
     f"{SIZES} volume not in allowed paths"),
    ("storage/missing below a pattern", with_input("true", "localDirectory", SourcePath="$data/tree/none"), FAILED,
     f"{SIZES} volume does not exist"),
    ("storage/the pattern's own folder", with_input("cat /in/leaf.txt", "localDirectory", SourcePath="$data/tree"),
     COMPLETED, "hello\n"),
    ("storage/out of the pattern", with_input("true", "localDirectory", SourcePath="$data/tree/../other"), FAILED,
     f"{SIZES} volume not in allowed paths"),
    ("storage/relative target", with_input("true", "inline", "in", URL="data:,x"), FAILED,
     "invalid mount path: 'in' mount path must be absolute"),
    ("publishers/the same name twice", {"engine": docker("true"), **published(("o", "/o"), ("o", "/p"))}, FAILED,
     "creating container mounts: failed to create results dir for execution: mkdir "),
    ("publishers/a name that climbs stays below", {"engine": shell("echo in >/o/f; cat /o/f"),
                                                   **published(("../../o", "/o"))}, COMPLETED, "in\n"),
    ("publishers/noop with result paths", {"engine": shell("echo in >/o/f; cat /o/f"),
                                           **published(("o", "/o"), kind="NOOP")}, COMPLETED, "in\n"),
]  # fmt: skip


def submit(stack: Stack, folder: Path, wanted: dict[str, Any], node: str) -> str:
    """The id of an ops job on one node, so that it is not tried elsewhere."""
    here = [{"Key": "name", "Operator": "=", "Values": [node]}]
    task = {"task_Resources": LITTLE, **{key: value for key, value in wanted.items() if key != "engine"}}
    one = job(wanted["engine"], type="ops", Constraints=here, **task)
    for given in one["Tasks"][0].get("InputSources", []):
        if path := given["Source"].get("Params", {}).get("SourcePath"):
            given["Source"]["Params"]["SourcePath"] = path.replace("$data", str(folder))
    return stack.submit(one)


def outcome(stack: Stack, job_id: str) -> tuple[int, str]:
    """The state in which every attempt ended, and its output or its message."""
    stack.wait_over(job_id, 60)
    (state,) = {execution["ComputeState"]["StateType"] for execution in stack.executions(job_id)}
    execution = stack.executions(job_id)[0]
    told = execution["RunOutput"]["Stdout"] if state == COMPLETED else execution["ComputeState"]["Message"]
    return state, told


def test_programs_near_the_recorded_ones_end_alike(stack: Stack, folder: Path):
    """Each ends in its state, a good one with its output and a bad one with its words; all run together."""
    ids = {
        name: submit(stack, folder, wanted, f"node-{number % 5 + 1}")
        for number, (name, wanted, _, _) in enumerate(PROGRAMS)
    }
    differing = {}
    for name, _, state, told in PROGRAMS:
        found = outcome(stack, ids[name])
        if found != (state, told) and not (state == FAILED == found[0] and told in found[1]):
            differing[name] = found
    assert {} == differing
