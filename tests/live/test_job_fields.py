"""Every field of a job specification: what is done with it, and the proof, on a running stack with real engines.

`FIELDS` are the fields that Bacalhau documents; each has rows in `PROOFS`. A row says in a word what becomes of the
field (honoured, stored, filled in, dropped with a warning, refused by name, warned of) and shows it.
"""

from __future__ import annotations

import io
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.live.stacks import Stack, docker, job, noop, repository, running

pytestmark = [pytest.mark.live, pytest.mark.docker]

FIELDS: Final = """
ID Name Namespace Type Priority Count Meta Labels State Version Revision CreateTime ModifyTime
Constraints.Key Constraints.Operator Constraints.Values
Tasks Task.Name Task.Engine.Type Task.Engine.Params Task.Publisher Task.Env Task.Meta
InputSources.Source InputSources.Alias InputSources.Target ResultPaths.Name ResultPaths.Path
Resources.CPU Resources.Memory Resources.Disk Resources.GPU Network.Type Network.Domains
Timeouts.ExecutionTimeout Timeouts.QueueTimeout Timeouts.TotalTimeout
docker.Image docker.Entrypoint docker.Parameters docker.EnvironmentVariables docker.WorkingDirectory
wasm.EntryModule wasm.EntryPoint wasm.Parameters wasm.EnvironmentVariables wasm.ImportModules
inline.URL urlDownload.URL localDirectory.SourcePath localDirectory.ReadWrite unknown
""".split()  # fmt: skip

CLUSTER: Final = """
all_nodes: {gpu: 2, accept_networked: true}
nodes: [{labels: {size: 9}}, {labels: {size: 10}}, {labels: {size: 11}}]
"""
SCRIPT: Final = """
echo "$0 $1"; pwd; echo "$OWN $TASKS"; cat /in/text; cat /local/seen; echo new >/local/written; echo made >/outputs/file
cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null
echo $((100 * $(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us) / $(cat /sys/fs/cgroup/cpu/cpu.cfs_period_us)))
"""


class Bench:
    """A stack, a folder that jobs may write to, and one job that uses everything a container can."""

    def __init__(self, stack: Stack, shared: Path) -> None:
        self.stack, self.shared = stack, shared
        (shared / "seen").write_text("seen\n")
        self.full = {
            "Name": "everything", "Namespace": "mine", "Type": "batch", "Count": 1, "Priority": 7,
            "Meta": {"owner": "me"}, "Labels": {"zone": "a"},
            "Constraints": [{"Key": "name", "Operator": "=", "Values": ["node-2"]}],
            "Tasks": [{
                "Name": "main", "Env": {"TASKS": "task"}, "Meta": {"step": "1"},
                "Engine": {"Type": " Docker ", "Params": {
                    "Image": "busybox:latest", "Entrypoint": ["sh", "-c", SCRIPT], "Parameters": ["first", "second"],
                    "EnvironmentVariables": ["OWN=own"], "WorkingDirectory": "/media-here"}},
                "Publisher": {"Type": "local"},
                "InputSources": [
                    {"Source": {"Type": "inline", "Params": {"URL": "data:,carried%0A"}}, "Target": "/in/text",
                     "Alias": "text"},
                    {"Source": {"Type": "localDirectory", "Params": {"SourcePath": str(shared), "ReadWrite": True}},
                     "Target": "/local"}],
                "ResultPaths": [{"Name": "kept", "Path": "/outputs"}],
                "Resources": {"CPU": "100m", "Memory": "64 MiB", "Disk": "1Gb", "GPU": "1"},
                "Network": {"Type": "none"},
                "Timeouts": {"ExecutionTimeout": 60, "QueueTimeout": 30, "TotalTimeout": 120},
            }],
        }  # fmt: skip
        job_id = stack.submit(self.full)
        self.job = stack.wait_over(job_id)
        (self.execution,) = stack.executions(job_id)
        self.lines = self.execution["RunOutput"]["Stdout"].splitlines()

    # ---- what a proof asks ---------------------------------------------------------------------------------

    def put(self, body: dict[str, Any]) -> tuple[int, Any]:
        return self.stack.call("PUT", "/orchestrator/jobs", {"Job": body})

    def refusal(self, body: dict[str, Any]) -> str:
        """What the door says to it."""
        status, answer = self.put(body)
        assert 400 == status, answer
        return str(answer.get("message") or answer)

    def warnings(self, body: dict[str, Any]) -> list[str]:
        status, answer = self.put(body)
        assert 200 == status, answer
        return list(answer["Warnings"] or [])

    def stored(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.stack.job(self.stack.submit(body))

    def nodes(self, body: dict[str, Any]) -> list[str]:
        """Where it ran."""
        job_id = self.stack.submit(body)
        assert "Completed" == self.stack.wait_over(job_id)["State"]["StateType"]
        return sorted(execution["NodeID"] for execution in self.stack.executions(job_id))

    def failure(self, body: dict[str, Any]) -> str:
        """Why it failed: the job's message, and those of its executions."""
        job_id = self.stack.submit(body)
        over = self.stack.wait_over(job_id)
        assert "Failed" == over["State"]["StateType"]
        said = [execution["ComputeState"].get("Message", "") for execution in self.stack.executions(job_id)]
        return "\n".join([over["State"].get("Message", ""), *said])

    def output(self, body: dict[str, Any]) -> str:
        job_id = self.stack.submit(body)
        assert "Completed" == self.stack.wait_over(job_id)["State"]["StateType"]
        return str(self.stack.executions(job_id)[0]["RunOutput"]["Stdout"])

    def task(self) -> dict[str, Any]:
        return dict(self.job["Tasks"][0])


@pytest.fixture(scope="module")
def bench(docker_engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    shared = tmp_path_factory.mktemp("shared")
    cluster = tmp_path_factory.mktemp("cluster") / "c.yaml"
    cluster.write_text(CLUSTER)
    with running("--cluster", str(cluster), "--allow-listed-local-paths", f"{shared}:rw") as stack:
        yield Bench(stack, shared)


def constrained(key: str, operator: str, *values: str, type: str = "ops") -> dict[str, Any]:
    return job(noop(), type=type, Constraints=[{"Key": key, "Operator": operator, "Values": list(values)}])


def example(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((repository() / "scenarios/jobs" / name).read_text()))


def wasm(name: str, **params: Any) -> dict[str, Any]:
    """An example job with parameters of its engine changed."""
    body = example(name)
    body["Tasks"][0]["Engine"]["Params"].update(params)
    return body


def unless(what: str, **task: Any) -> dict[str, Any]:
    """A job of a container whose task is changed."""
    return job(docker("echo", what), **{f"task_{key}": value for key, value in task.items()})


def published(bench: Bench) -> list[str]:
    with urllib.request.urlopen(bench.execution["PublishedResult"]["Params"]["URL"]) as answer:
        content = answer.read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return [name.removeprefix("./") for name in archive.getnames()]


def over_before_priority(bench: Bench) -> bool:
    """One slot, taken; of two that wait the more urgent one runs first."""
    pinned = {"Constraints": [{"Key": "name", "Operator": "=", "Values": ["node-3"]}]}
    both = {"task_Resources": {"GPU": "2"}, **pinned}
    first = bench.stack.submit(job(noop(RunsFor="300ms"), **both))
    bench.stack.wait_running(first)
    low = bench.stack.submit(job(noop(RunsFor="1ms"), Priority=1, task_Timeouts={"QueueTimeout": 60}, **both))
    high = bench.stack.submit(job(noop(RunsFor="1ms"), Priority=9, task_Timeouts={"QueueTimeout": 60}, **both))
    ended = {one: bench.stack.wait_over(one, 90)["ModifyTime"] for one in (low, high)}
    return bool(ended[high] < ended[low])


Proof = Callable[[Bench], Any]
# Field, what is done with it, the proof, and what it must give.
PROOFS: Final[list[tuple[str, str, Proof, Any]]] = [
    ("ID", "dropped with a warning", lambda b: b.warnings(job(noop(), ID="j-mine")),
     ["job ID is ignored when submitting a batch job"]),
    ("Name", "stored", lambda b: b.job["Name"], "everything"),
    ("Name", "filled in", lambda b: (one := b.stored(job(noop())))["Name"] == one["ID"], True),
    ("Namespace", "stored", lambda b: b.job["Namespace"], "mine"),
    ("Namespace", "honoured", lambda b: [one["ID"] for one in b.stack.call(
        "GET", "/orchestrator/jobs?namespace=mine")[1]["Items"]] == [b.job["ID"]], True),
    ("Type", "refused", lambda b: b.refusal(job(noop(), type="Batch")), 'invalid job type: "Batch"'),
    ("Type", "honoured", lambda b: b.nodes(job(noop(), type="ops")), ["node-1", "node-2", "node-3"]),
    ("Priority", "honoured", over_before_priority, True),
    ("Count", "honoured", lambda b: len(b.nodes(job(noop(), count=2))), 2),
    ("Count", "refused", lambda b: b.refusal(job(noop(), count=-1)), "job count must be >= 0"),
    ("Count", "passed in silence", lambda b: b.warnings(job(noop(), type="ops", count=9)), []),
    ("Meta", "stored", lambda b: b.job["Meta"]["owner"], "me"),
    ("Meta", "dropped with a warning", lambda b: b.warnings(job(noop(), Meta={"bacalhau.org/x": "1"})),
     ['job meta key "bacalhau.org/x" is reserved and will be ignored']),
    ("Labels", "honoured", lambda b: [one["ID"] for one in b.stack.call(
        "GET", "/orchestrator/jobs?namespace=mine&labels=zone=a")[1]["Items"]] == [b.job["ID"]], True),
    ("State", "dropped with a warning", lambda b: b.warnings(job(noop(), State={"StateType": "Running"})),
     ["job state is ignored when submitting a job"]),
    ("Version", "dropped with a warning", lambda b: b.warnings(job(noop(), Version=3)),
     ["job version is ignored when submitting a job"]),
    ("Revision", "dropped with a warning", lambda b: b.warnings(job(noop(), Revision=3)),
     ["job revision is ignored when submitting a job"]),
    ("CreateTime", "dropped with a warning", lambda b: b.warnings(job(noop(), CreateTime=3)),
     ["job create time is ignored when submitting a job"]),
    ("ModifyTime", "dropped with a warning", lambda b: b.warnings(job(noop(), ModifyTime=3)),
     ["job modify time is ignored when submitting a job"]),
    ("Constraints.Key", "honoured", lambda b: b.nodes(constrained("name", "=", "node-2")), ["node-2"]),
    ("Constraints.Key", "refused", lambda b: b.refusal(constrained("", "=", "x")), "selector key cannot be blank"),
    *[("Constraints.Operator", "honoured", lambda b, row=row: b.nodes(constrained(*row[0])), row[1]) for row in [
        (("name", "==", "node-2"), ["node-2"]),
        (("name", "!=", "node-2"), ["node-1", "node-3"]),
        (("name", "in", "node-1", "node-3"), ["node-1", "node-3"]),
        (("name", "notin", "node-1", "node-3"), ["node-2"]),
        (("GPU-1", "exists"), ["node-1", "node-2", "node-3"]),
        (("GPU-2", "!"), ["node-1", "node-2", "node-3"]),
        (("size", "gt", "9"), ["node-2", "node-3"]),
        (("size", "lt", "10"), ["node-1"]),
    ]],
    ("Constraints.Operator", "refused", lambda b: b.refusal(constrained("name", "like", "x")), "constraint 1"),
    ("Constraints.Values", "refused", lambda b: b.refusal(constrained("name", "in")),
     "selector values cannot be empty for In or NotIn operators"),
    ("Tasks", "refused", lambda b: b.refusal({"Type": "batch", "Tasks": []}), "missing job tasks"),
    ("Tasks", "dropped with a warning", lambda b: b.warnings(
        {"Type": "batch", "Tasks": 2 * [{"Name": "x", "Engine": noop()}]}), ["only one task is supported per job"]),
    ("Task.Name", "refused", lambda b: b.refusal({"Type": "batch", "Tasks": [{"Engine": noop()}]}),
     "missing task name"),
    ("Task.Engine.Type", "stored", lambda b: b.task()["Engine"]["Type"], "Docker"),
    ("Task.Engine.Type", "refused", lambda b: b.failure(job({"Type": "quantum"})), "does not support quantum"),
    ("Task.Engine.Params", "refused by the node", lambda b: b.failure(job({"Type": "docker", "Params": {"a": 1}})),
     "'Image' cannot be empty"),
    ("Task.Publisher", "honoured", lambda b: b.execution["PublishedResult"]["Type"], "urlDownload"),
    ("Task.Publisher", "refused", lambda b: b.failure(job(noop(), task_Publisher={"Type": "postcard"})), "postcard"),
    ("Task.Env", "honoured", lambda b: b.lines[2], "own task"),
    ("Task.Meta", "stored", lambda b: b.task()["Meta"], {"step": "1"}),
    ("InputSources.Source", "honoured", lambda b: b.lines[3], "carried"),
    ("InputSources.Source", "refused", lambda b: b.failure(unless("x", InputSources=[
        {"Source": {"Type": "floppy", "Params": {}}, "Target": "/x"}])), "floppy"),
    ("InputSources.Alias", "stored", lambda b: b.task()["InputSources"][0]["Alias"], "text"),
    ("InputSources.Alias", "refused", lambda b: b.refusal(unless("x", InputSources=2 * [
        {"Source": {"Type": "inline", "Params": {"URL": "data:,x"}}, "Target": "/x", "Alias": "same"}])),
     "input source with alias same already exist"),
    ("InputSources.Target", "refused", lambda b: b.refusal(unless("x", InputSources=[
        {"Source": {"Type": "inline", "Params": {"URL": "data:,x"}}}])), "missing artifact target"),
    ("ResultPaths.Name", "honoured", lambda b: "kept/file" in published(b), True),
    ("ResultPaths.Path", "refused", lambda b: b.refusal(unless("x", ResultPaths=[{"Name": "x"}])), "path is blank"),
    ("Resources.CPU", "honoured", lambda b: b.lines[-1], "10"),
    ("Resources.CPU", "refused", lambda b: b.refusal(unless("x", Resources={"CPU": "much"})),
     "invalid CPU value: much"),
    ("Resources.Memory", "honoured", lambda b: str(64 * 2**20) in b.lines, True),
    ("Resources.Memory", "refused", lambda b: b.refusal(unless("x", Resources={"Memory": "9zb"})),
     "invalid memory value: 9zb"),
    ("Resources.Disk", "honoured", lambda b: b.failure(unless("x", Resources={"Disk": "900tb"})),
     "node busy with available capacity"),
    ("Resources.Disk", "refused", lambda b: b.refusal(unless("x", Resources={"Disk": "-1"})), "invalid disk value: -1"),
    ("Resources.GPU", "honoured", lambda b: b.failure(unless("x", Resources={"GPU": "3"})),
     "job requires more GPUs (3)"),
    ("Resources.GPU", "refused", lambda b: b.refusal(unless("x", Resources={"GPU": "0.5"})), "invalid GPU value: 0.5"),
    ("Network.Type", "stored", lambda b: b.task()["Network"], {"Type": "None"}),
    ("Network.Type", "honoured", lambda b: int(b.output(job(
        docker("sh", "-c", "ls /sys/class/net | wc -l"), task_Network={"Type": "full"}))) > 1, True),
    ("Network.Type", "refused", lambda b: b.refusal(unless("x", Network={"Type": "Wifi"})), "Wifi"),
    ("Network.Type", "warned of", lambda b: b.warnings({**example("wasm_hello.yaml"), "Tasks": [
        {**example("wasm_hello.yaml")["Tasks"][0], "Network": {"Type": "Full"}}]}),
     ["network type Full has no effect with engine wasm, which has no network"]),
    ("Network.Domains", "honoured", lambda b: b.output(job(docker("sh", "-c", "echo $http_proxy"), task_Network={
        "Type": "HTTP", "Domains": ["example.com"]})).startswith("http://"), True),
    ("Network.Domains", "refused by the node", lambda b: b.failure(unless("x", Network={"Type": "HTTP"})),
     "at least one domain is required"),
    ("Network.Domains", "warned of", lambda b: b.warnings(unless("x", Network={"Domains": ["a.com"]})),
     ["network domains have no effect with network type None"]),
    ("Timeouts.ExecutionTimeout", "honoured", lambda b: b.failure(job(noop(RunsFor="1h"), type="ops", task_Timeouts={
        "ExecutionTimeout": 1})), "timed out after 1s"),
    ("Timeouts.ExecutionTimeout", "warned of", lambda b: b.warnings(
        job(noop(), type="service", task_Timeouts={"ExecutionTimeout": 1})),
     ["execution timeout is not enforced on a job of type service"]),
    ("Timeouts.QueueTimeout", "stored", lambda b: b.task()["Timeouts"]["QueueTimeout"], 30),
    ("Timeouts.QueueTimeout", "warned of", lambda b: b.warnings(
        job(noop(), type="ops", task_Timeouts={"QueueTimeout": 1})),
     ["queue timeout has no effect on a job of type ops"]),
    ("Timeouts.TotalTimeout", "filled in", lambda b: b.stored(job(noop()))["Tasks"][0]["Timeouts"],
     {"TotalTimeout": 1800}),
    ("Timeouts.TotalTimeout", "refused", lambda b: b.refusal(unless("x", Timeouts={
        "ExecutionTimeout": 5, "TotalTimeout": 4})), "should be less than total timeout 4s"),
    ("docker.Image", "honoured", lambda b: b.job["State"]["StateType"], "Completed"),
    ("docker.Entrypoint", "honoured", lambda b: b.lines[0].startswith("first"), True),
    ("docker.Parameters", "honoured", lambda b: b.lines[0], "first second"),
    ("docker.EnvironmentVariables", "honoured", lambda b: b.lines[2].split()[0], "own"),
    ("docker.WorkingDirectory", "honoured", lambda b: b.lines[1], "/media-here"),
    ("docker.WorkingDirectory", "refused by the node", lambda b: b.failure(job(docker("x", WorkingDirectory="here"))),
     "must contain absolute path"),
    ("wasm.EntryModule", "honoured", lambda b: "hello" in b.output(example("wasm_hello.yaml")).lower(), True),
    ("wasm.EntryModule", "refused by the node", lambda b: b.failure(wasm("wasm_hello.yaml", EntryModule=None)),
     "invalid wasm engine entry module"),
    ("wasm.EntryPoint", "refused by the node", lambda b: b.failure(wasm("wasm_hello.yaml", EntryPoint="elsewhere")),
     "unable to find the entrypoint 'elsewhere'"),
    ("wasm.ImportModules", "honoured", lambda b: b.nodes(example("wasm_import.yaml")) != [], True),
    ("inline.URL", "refused by the node", lambda b: b.failure(unless("x", InputSources=[
        {"Source": {"Type": "inline", "Params": {"URL": ""}}, "Target": "/x"}])), "url cannot be empty"),
    ("urlDownload.URL", "refused by the node", lambda b: b.failure(unless("x", InputSources=[
        {"Source": {"Type": "urlDownload", "Params": {"URL": "ftp://x/y"}}, "Target": "/x"}])),
     "URLs must begin with 'http' or 'https'"),
    ("localDirectory.SourcePath", "honoured", lambda b: b.lines[4], "seen"),
    ("localDirectory.SourcePath", "refused by the node", lambda b: b.failure(unless("x", InputSources=[
        {"Source": {"Type": "localDirectory", "Params": {"SourcePath": "/etc"}}, "Target": "/x"}])),
     "volume not in allowed paths"),
    ("localDirectory.ReadWrite", "honoured", lambda b: (b.shared / "written").read_text(), "new\n"),
    ("unknown", "passed in silence", lambda b: b.warnings({**job(noop()), "Surprise": {"a": [1]}}), []),
]  # fmt: skip
ELSEWHERE: Final = {
    # What real modules see of these is held, field by field, where the engine is tested.
    "wasm.Parameters": "tests/adapters/wasm/test_wasm_executor.py",
    "wasm.EnvironmentVariables": "tests/adapters/wasm/test_wasm_executor.py",
}


@pytest.mark.parametrize(
    ("prove", "expected"),
    [pytest.param(prove, expected, id=f"{field} is {fate}") for field, fate, prove, expected in PROOFS],
)
def test_what_is_done_with_the_field(bench: Bench, prove: Proof, expected: Any):
    """A text need only be in what is said; everything else is as expected."""
    found = prove(bench)
    if isinstance(expected, str) and isinstance(found, str):
        assert expected in found
    else:
        assert expected == found


def test_every_field_has_a_row():
    """A field that nobody has looked at would be a promise that is not kept."""
    assert set(FIELDS) == {field for field, *_ in PROOFS} | ELSEWHERE.keys()
    for field, file in ELSEWHERE.items():
        assert field.rpartition(".")[2] in (repository() / file).read_text()
