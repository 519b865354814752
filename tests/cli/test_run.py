"""`docker run` and `wasm run`: the job they make, and what is said while it runs."""

from __future__ import annotations

import base64
import io
import re
import tarfile

import pytest
import yaml
from fake_server import JOBS, job_id

CID = "QmXaXu9N5GNetatsvwnTfQqNtSeKAD6uCmarbh3LMRYAcF"


@pytest.fixture
def dry(offline):
    """The job that `docker run --dry-run` prints, or the error."""

    def run(*args, command="docker"):
        result = offline(command, "run", "--dry-run", *args)
        return result.stderr if result.exit_code else yaml.safe_load(result.stdout)

    return run


def test_bare_run_has_documented_defaults(dry):
    """Only the image is set."""
    params = {
        "Entrypoint": None,
        "EnvironmentVariables": None,
        "Image": "image:tag",
        "Parameters": None,
        "WorkingDirectory": "",
    }
    task = {
        "Name": "main", "Engine": {"Type": "docker", "Params": params}, "Publisher": {"Type": ""},
        "Resources": {}, "Network": {"Type": "None"}, "Timeouts": {},
    }  # fmt: skip
    assert {
        "Name": "", "Namespace": "default", "Type": "batch", "Priority": 0, "Count": 1,
        "Constraints": [], "Meta": {}, "Labels": {}, "Tasks": [task],
    } == dry("image:tag")  # fmt: skip


@pytest.mark.parametrize(
    ("args", "path", "expected"),
    [
        (["--namespace=testing"], "Namespace", "testing"),
        (["--name=n"], "Name", "n"),
        (["--priority", "-3"], "Priority", -3),
        (["--count=100"], "Count", 100),
        (["--concurrency=5"], "Count", 5),
        (["--target=all"], "Type", "ops"),
        (["--labels", "foo", "-l", "baz=1,x=y"], "Labels", {"foo": "", "baz": "1", "x": "y"}),
        (["--constraints", "env=prod"], "Constraints", [{"Key": "env", "Operator": "=", "Values": ["prod"]}]),
        (["-s", "!gpu"], "Constraints", [{"Key": "gpu", "Operator": "!"}]),
        (["--task-name=T"], "Tasks.0.Name", "T"),
        (["--network=http"], "Tasks.0.Network", {"Type": "HTTP"}),
        (["--domain", "A.org", "--domain=b,c"], "Tasks.0.Network.Domains", ["a.org", "b,c"]),
        (["--timeout=300", "--queue-timeout=8"], "Tasks.0.Timeouts", {"ExecutionTimeout": 300, "QueueTimeout": 8}),
        (["--publisher=ipfs"], "Tasks.0.Publisher", {"Type": "ipfs"}),
        (["-p=s3://b/k"], "Tasks.0.Publisher.Params", {"Bucket": "b", "Key": "k", "Endpoint": "", "Region": ""}),
        (["-p", "local", "-o", "o:/o"], "Tasks.0.ResultPaths", [{"Name": "o", "Path": "/o"}]),
        (["--cpu=50m", "--memory", "1 Gb"], "Tasks.0.Resources", {"CPU": "50m", "Memory": "1gb"}),
        (["-w", "/foo//bar"], "Tasks.0.Engine.Params.WorkingDirectory", "/foo//bar"),
        (["-w", ""], "Tasks.0.Engine.Params.WorkingDirectory", ""),
        (["--entrypoint=bin,-c"], "Tasks.0.Engine.Params.Entrypoint", ["bin", "-c"]),
        (["-e", "A=B", "-e=C=D=E"], "Tasks.0.Engine.Params.EnvironmentVariables", ["A=B", "C=D=E"]),
        (["-i", "file:///d:/in"], "Tasks.0.InputSources.0.Target", "/in"),
    ],
)  # fmt: skip
def test_each_flag_has_its_field(dry, args, path, expected):
    """The table of flags and job fields."""
    found = dry(*args, "ubuntu")
    for key in path.split("."):
        found = found[int(key) if key.isdigit() else key]
    assert expected == found


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--target=batch"], 'expecting "any" or "all", not "batch"'),
        (["-l", "🐟"], "invalid label key"),
        (["--network=invalid"], "unknown type 'invalid'"),
        (["--workdir=dir"], "must contain absolute path"),
        (["-w", "http://foo.com"], "must contain absolute path"),
        (["--cpu=abc"], "invalid CPU value: abc"),
        (["--gpu=-1"], "invalid GPU value: -1"),
        (["-o", "o:/o"], "publisher must be set if result paths are set"),
        (["-i", "git://x/y"], "--input: unknown storage schema"),
        (["-c", "a b"], "--constraints: 'a b' is no condition"),
        (["-c", "a", "-s", "b"], "--constraints and --selector mean the same"),
        (["--count=2", "--concurrency=3"], "--count and --concurrency mean the same"),
        (["-e", "A"], "write NAME=VALUE"),
        (["--timeout=-1"], "--timeout is in seconds, zero or more"),
    ],
)
def test_mistakes_are_refused_before_any_request(dry, args, error):
    """Each is named."""
    assert error in dry(*args, "ubuntu")


def test_flags_of_the_program_come_after_two_dashes(dry):
    """`docker run ubuntu -- ls -l` gives -l to ls."""
    assert ["ls", "-l"] == dry("ubuntu", "--", "ls", "-l")["Tasks"][0]["Engine"]["Params"]["Parameters"]


def test_old_flags_are_accepted_with_a_notice_on_standard_error(offline):
    """What the documentation still lists does no harm, and never gets into the YAML."""
    result = offline("docker", "run", "--dry-run", "--ipfs-swarm-key=k", "--concurrency=2", "ubuntu")
    assert "Flag --ipfs-swarm-key has no effect any more\n" in result.stderr
    assert "Flag --concurrency has been deprecated, use --count\n" in result.stderr
    assert 2 == yaml.safe_load(result.stdout)["Count"]


# Waiting


def test_interrupted_id_only_keeps_its_output_clean(run, network, monkeypatch):
    """stdout stays the id alone; the farewell goes to stderr."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("devstack.cli.running.wait_until_ended", interrupt)
    result = run("docker", "run", "--id-only", "ubuntu")
    assert (0, f"{job_id(1)}\n") == (result.exit_code, result.stdout)
    assert "the job is still running" in result.stderr


def test_run_tells_what_happens_to_the_job(run, network):
    """In a pipe each step is one line, written when it is over; then the commands that show more."""
    result = run("docker", "run", "ubuntu", "echo", "hi")
    steps = re.findall(r"^\t +(?=\S)(.*?)  \.{16}  (done ✅)  \d+\.\ds$", result.stdout, re.MULTILINE)
    assert (0, "") == (result.exit_code, result.stderr)
    assert f"Job successfully submitted. Job ID: {job_id(1)}" == result.stdout.splitlines()[0]
    assert ["Creating job for submission", "Job in progress"] == [step for step, _ in steps]
    assert "Communicating with the network  ................  done ✅" in result.stdout
    assert result.stdout.endswith(f"execute:\n\tdevstack job executions {job_id(1)}\n")
    assert "\x1b" not in result.stdout


def test_results_are_proposed_only_with_a_publisher(run):
    """`job get` is of no use without one."""
    assert ["job get" in run("docker", "run", *args, "ubuntu").stdout for args in ([], ["-p", "local"])] == [
        False,
        True,
    ]


def test_queued_jobs_say_so(run, network):
    """A job that waits for a node is no mystery."""
    network.states = ("Queued", "Running", "Completed")
    assert "Waiting for a suitable node" in run("docker", "run", "ubuntu").stdout


@pytest.mark.parametrize("end", ["Failed", "Stopped"])
def test_failed_job_gives_exit_code_one(run, network, end):
    """The reason is on stderr, and the exit code tells a script."""
    network.states, network.message = ("Pending", "Running", end), "no such image"
    result = run("docker", "run", "ubuntu")
    assert 1 == result.exit_code
    assert "Error: no such image" in result.stderr
    assert ("Hint: try another image" in result.stderr) == (end == "Failed")
    assert "Job in progress  ................  err  ❌" in result.stdout


def test_failed_job_shows_what_each_node_had_to_say(run, network):
    """One line for each text, with its nodes."""
    network.states, network.message = ("Failed",), "no such image"
    assert "• Node node-2: no such image\n" in run("docker", "run", "ubuntu").stderr


def test_node_details_are_shown_after_success_on_request(run):
    """The output of each execution."""
    assert "• Node node-2: hello\n" in run("docker", "run", "--node-details", "ubuntu").stderr


def test_id_only_prints_the_id_and_still_waits(run, network):
    """stdout is the id alone, for scripts; a failure still gives exit 1."""
    result = run("docker", "run", "--id-only", "ubuntu")
    assert (0, f"{job_id(1)}\n", "") == (result.exit_code, result.stdout, result.stderr)
    network.states, network.message = ("Pending", "Failed"), "no such image"
    result = run("docker", "run", "--id-only", "ubuntu")
    assert (1, f"{job_id(2)}\n") == (result.exit_code, result.stdout)
    assert "Error: no such image" in result.stderr


def test_without_wait_only_the_id_is_printed_and_nothing_asked(run, network):
    """`--wait=false` is over after the submission."""
    assert f"{job_id(1)}\n" == run("docker", "run", "--wait=false", "--follow", "ubuntu").stdout
    assert [("PUT", JOBS)] == [(asked.method, asked.path) for asked in network.asked]


def test_limit_of_waiting_is_an_error_that_leaves_the_job(run, network):
    """The job goes on; exit 1."""
    network.states = ("Running",)
    result = run("docker", "run", "--wait-timeout-secs=0", "ubuntu")
    assert 1 == result.exit_code
    assert f"Error: job {job_id(1)} is still running after 0 s; it goes on" in result.stderr
    assert "wait ⏳" in result.stdout


def test_service_is_waited_for_until_it_runs(run, network):
    """A long-running job is as far as it gets when it runs."""
    network.states = ("Pending", "Running")
    text = '{"Type":"service","Tasks":[{"Name":"m","Engine":{"Type":"noop"}}]}'
    assert 0 == run("job", "run", input=text).exit_code


def test_follow_prints_the_output_and_waits_for_the_end(run, network):
    """The stream, no hints behind it, and the job's end as exit code."""
    network.log_frames = [{"value": {"Type": 1, "Line": "line 1\n"}}]
    result = run("docker", "run", "--follow", "ubuntu")
    assert (0, "line 1\n") == (result.exit_code, result.stdout.partition("\n\n")[2])


def test_follow_of_a_job_that_never_ran_tells_why_it_failed(run, network):
    """No logs is a consequence; the failure is the news."""
    network.states, network.message = ("Pending", "Failed"), "not enough nodes"
    network.log_frames = [{"error": "no executions found", "value": {"Type": 0, "Line": ""}}]
    result = run("docker", "run", "-f", "ubuntu")
    assert (1, "Error: not enough nodes") == (result.exit_code, result.stderr.splitlines()[0])


def test_server_s_warnings_go_to_standard_error(run, network):
    """They must not stand in front of an id."""
    network.warnings = ["something odd"]
    result = run("docker", "run", "--wait=false", "ubuntu")
    assert (f"{job_id(1)}\n", "Warning: something odd\n") == (result.stdout, result.stderr)


def test_download_fetches_results_after_success(run, network, tmp_path):
    """The documented `--download` works."""
    network.results = True
    run("docker", "run", "--download", "--output-dir", str(tmp_path), "-p", "local", "ubuntu")
    assert "hello\n" == (tmp_path / "stdout").read_text()


# wasm run


def test_small_module_is_embedded_as_it_is(dry, tmp_path):
    """Up to 512 bytes: a data URL of the sniffed type; the alias is the URL, the target empty."""
    (tmp_path / "main.wasm").write_bytes(b"\0asm\1\0\0\0")
    params = dry(str(tmp_path / "main.wasm"), "a", "-e", "K=V=W", command="wasm")["Tasks"][0]["Engine"]["Params"]
    url = "data:application/wasm;base64,AGFzbQEAAAA="
    assert {
        "EntryModule": {"Alias": url, "Source": {"Type": "inline", "Params": {"URL": url}}, "Target": ""},
        "Entrypoint": "_start", "EnvironmentVariables": {"K": "V=W"}, "ImportModules": [], "Parameters": ["a"],
    } == params  # fmt: skip


def test_larger_module_is_packed(dry, tmp_path):
    """Above 512 bytes: a tar.gz that holds the file, the same each time."""
    content = b"\0asm" + bytes(range(256)) * 4
    (tmp_path / "main.wasm").write_bytes(content)
    jobs = [dry(str(tmp_path / "main.wasm"), command="wasm") for _ in range(2)]
    url = jobs[0]["Tasks"][0]["Engine"]["Params"]["EntryModule"]["Source"]["Params"]["URL"]
    head, _, data = url.partition(",")
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(data))) as packed:
        assert ["main.wasm"] == packed.getnames()
        assert content == packed.extractfile("main.wasm").read()
    assert "data:application/gzip;base64" == head
    assert jobs[0] == jobs[1]


def test_module_may_be_a_cid(dry):
    """A CID becomes an IPFS source."""
    module = dry(CID, command="wasm")["Tasks"][0]["Engine"]["Params"]["EntryModule"]
    assert {"Alias": f"ipfs://{CID}", "Source": {"Type": "ipfs", "Params": {"CID": CID}}, "Target": ""} == module


def test_imported_modules(dry):
    """`-U` and `-I` add modules in order."""
    args = ["-U", "http://h/m.wasm", "-I", f"{CID}:/lib", CID]
    imports = dry(*args, command="wasm")["Tasks"][0]["Engine"]["Params"]["ImportModules"]
    assert [("urlDownload", "/inputs"), ("ipfs", "/lib")] == [(i["Source"]["Type"], i["Target"]) for i in imports]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["no-such-file"], '"no-such-file" is not a valid CID or local file'),
        (["."], '"." should point to a single file'),
        (["-e", "A", CID], "wasm env vars invalid: expected 'key=value', got 'A'"),
        (["-U", "ftp://x", CID], "write http(s)://HOST/PATH"),
        (["-I", CID, CID], "write CID:PATH"),
    ],
)
def test_wasm_mistakes_are_named(dry, args, error):
    """What is wrong, and how to write it."""
    assert error in dry(*args, command="wasm")
