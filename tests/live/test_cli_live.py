"""Our own command line as a person uses it: processes of their own, pipes, and a live stack behind them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from devstack.cli.main import cli
from tests.live.stacks import Stack, docker, job, noop, repository

pytestmark = pytest.mark.live

JOBS = repository() / "scenarios/jobs"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment_of(stack: Stack, folder: Path) -> dict[str, str]:
    """The variables that `up` prints, and no settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BACALHAU_", "DEVSTACK_"))}
    return {**kept, "BACALHAU_API_HOST": "127.0.0.1", "BACALHAU_API_PORT": str(stack.port), "BACALHAU_DIR": str(folder)}


def runner(stack: Stack, folder: Path) -> Run:
    def run(*args: str, input: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "devstack", *args], input=input, capture_output=True, text=True, check=False,
            timeout=60, cwd=folder, env=environment_of(stack, folder),
        )  # fmt: skip
        assert code == done.returncode, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr, "colours in a pipe"
        return done

    return run


@pytest.fixture
def run(stack: Stack, tmp_path: Path) -> Run:
    return runner(stack, tmp_path)


@pytest.fixture
def run_docker(docker_stack: Stack, tmp_path: Path) -> Run:
    return runner(docker_stack, tmp_path)


def ended(stack: Stack, engine: dict[str, Any] | None = None, **more: Any) -> str:
    job_id = stack.submit(job(engine or noop(Stdout="hi\n"), **more))
    stack.wait_over(job_id)
    return job_id


def module(folder: Path) -> str:
    """A file with the module of the first example."""
    engine = yaml.safe_load((JOBS / "wasm_hello.yaml").read_text())["Tasks"][0]["Engine"]
    content = b64decode(engine["Params"]["EntryModule"]["Source"]["Params"]["URL"].partition("base64,")[2])
    (folder / "hello.wasm").write_bytes(content)
    return "hello.wasm"


# Submitting


@pytest.mark.docker
def test_docker_run_tells_how_the_job_goes_and_where_to_look(run_docker: Run):
    """The id, each step once, and the two commands that tell more; nothing on standard error."""
    done = run_docker("docker", "run", "busybox:latest", "echo", "hello")
    job_id = re.findall(r"j-[0-9a-f-]{36}", done.stdout)[0]
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    assert f"Job successfully submitted. Job ID: {job_id}" == lines[0]
    assert re.fullmatch(r"Job in progress  \.{16}  done ✅  \d+\.\ds", lines[-5]), done.stdout
    assert f"python -m devstack job describe {job_id}" == lines[-3]
    assert f"python -m devstack job executions {job_id}" == lines[-1]
    assert "" == done.stderr


@pytest.mark.docker
def test_docker_run_follow_prints_what_the_container_prints(run_docker: Run):
    """The output is the last thing there is."""
    flags = ["--follow", "--env", "WHO=you", "--workdir", "/tmp", "busybox:latest"]
    done = run_docker("docker", "run", *flags, "--", "sh", "-c", "echo hello $WHO in $PWD")
    assert done.stdout.endswith("\nhello you in /tmp\n")


def test_wasm_run_runs_a_local_file(run: Run, tmp_path: Path):
    """The module travels inside the job."""
    assert run("wasm", "run", "--follow", module(tmp_path), "a", "b").stdout.endswith("\nhello from wasm\n")


def test_id_only_prints_an_id_for_scripts(run: Run, stack: Stack):
    """Nothing but the id, and the job is over by then; with `--wait=false` nobody waits."""
    waited = run("job", "run", "--id-only", str(JOBS / "wasm_hello.yaml")).stdout
    assert "Completed" == stack.job(waited.strip())["State"]["StateType"]
    unwaited = run("job", "run", "--wait=false", str(JOBS / "service.yaml")).stdout
    for printed in (waited, unwaited):
        assert re.fullmatch(r"j-[0-9a-f-]{36}\n", printed)
    run("job", "stop", "--quiet", unwaited.strip())


def test_a_job_that_fails_says_why_and_ends_with_1(run: Run):
    """The reason on standard error, once, and how many attempts came to it."""
    failing = yaml.safe_dump(job(noop(Fails="the disk is broken")))
    done = run("job", "run", input=failing, code=1)
    assert "\nError: execution error: the disk is broken\n" in done.stderr
    assert re.search(r"• \d+ runs on 5 nodes: execution error: the disk is broken", done.stderr)


def test_a_dry_run_and_a_description_can_be_submitted_again(run: Run):
    """What the command line prints as a job, it also reads."""
    dry = run("job", "run", "--dry-run", str(JOBS / "wasm_hello.yaml")).stdout
    first = run("job", "run", "--id-only", input=dry).stdout.strip()
    described = run("job", "describe", "--output", "json", first).stdout
    second = run("job", "run", "--id-only", input=described).stdout.strip()
    assert first != second
    assert "hello from wasm\n" == run("job", "logs", second).stdout


def test_ctrl_c_leaves_the_job_running(stack: Stack, tmp_path: Path):
    """The wait ends with exit code 0 and says how to go on."""
    waiting = subprocess.Popen(
        [sys.executable, "-m", "devstack", "job", "run"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment_of(stack, tmp_path),
    )  # fmt: skip
    assert waiting.stdin is not None and waiting.stdout is not None
    waiting.stdin.write(yaml.safe_dump(job(noop(RunsFor="1h"))))
    waiting.stdin.close()
    job_id = waiting.stdout.readline().split()[-1]
    stack.wait_running(job_id)
    waiting.send_signal(signal.SIGINT)
    rest = waiting.stdout.read()
    assert 0 == waiting.wait(60)
    assert "Printout canceled (the job is still running)" in rest
    assert "Running" == stack.job(job_id)["State"]["StateType"]


# Looking


def test_lists_are_tables_for_people_and_csv_and_json_for_programs(run: Run, stack: Stack):
    """The same jobs in every form; the hint to the next page is kept out of standard output."""
    ids = [ended(stack, Labels={"form": "any"}) for _ in range(3)]
    flags = ["job", "list", "--labels", "form=any", "--limit", "2", "--output"]
    table = run(*flags, "table")
    assert ["CREATED", "ID", "JOB", "TYPE", "STATE"] == table.stdout.splitlines()[0].split()
    assert [[job_id[:10], "noop", "batch", "Completed"] for job_id in ids[:2]] == [
        line.split()[1:] for line in table.stdout.splitlines()[1:]
    ]
    assert ids[:2] == [row["id"] for row in csv.DictReader(io.StringIO(run(*flags, "csv").stdout))]
    assert ids[:2] == [each["ID"] for each in json.loads(run(*flags, "json").stdout)]
    assert ids[:2] == [each["ID"] for each in yaml.safe_load(run(*flags, "yaml").stdout)]
    assert "There are more jobs: use --next-token" in table.stderr


def test_describe_executions_and_history_of_a_job(run: Run, stack: Stack):
    """YAML by default, a report on request, tables for the parts; a short id will do."""
    job_id = ended(stack)
    described = yaml.safe_load(run("job", "describe", job_id[:10]).stdout)
    assert (job_id, "hi\n") == (described["Job"]["ID"], described["Executions"]["Items"][0]["RunOutput"]["Stdout"])
    report = run("job", "describe", "--output", "text", job_id).stdout
    assert f"ID            = {job_id}\n" in report
    assert report.endswith("Standard Output\nhi\n")
    (execution,) = csv.DictReader(io.StringIO(run("job", "executions", "--output", "csv", job_id).stdout))
    assert ("Completed", "Stopped") == (execution["State"], execution["Desired"])
    history = csv.DictReader(io.StringIO(run("job", "history", "--output", "csv", job_id).stdout))
    states = [row["State"] for row in history if row["Level"] == "JobLevel"]
    assert ["Pending", "Running", "Completed"] == states


@pytest.mark.docker
def test_logs_follow_a_container_while_it_runs(docker_stack: Stack, tmp_path: Path):
    """A line is there as soon as it is printed; the command ends with the execution."""
    job_id = docker_stack.submit(job(docker("sh", "-c", "echo one; sleep 300")))
    following = subprocess.Popen(
        [sys.executable, "-m", "devstack", "job", "logs", "-f", job_id],
        stdout=subprocess.PIPE, text=True, env=environment_of(docker_stack, tmp_path),
    )  # fmt: skip
    assert following.stdout is not None
    assert "one\n" == following.stdout.readline()
    assert "Running" == docker_stack.job(job_id)["State"]["StateType"]
    docker_stack.call("DELETE", f"/orchestrator/jobs/{job_id}", {})
    assert "" == following.stdout.read()
    assert 0 == following.wait(60)


def test_stopping_a_job_once_and_again(run: Run, stack: Stack):
    """An evaluation's id; the second time the reason why not, and exit code 1."""
    job_id = stack.submit(job(noop(RunsFor="1h")))
    stack.wait_running(job_id)
    assert "Job stop successfully submitted with evaluation ID: " in run("job", "stop", job_id).stdout
    assert "already in a terminal state: Stopped" in run("job", "stop", job_id, code=1).stderr


@pytest.mark.docker
def test_get_brings_the_results_or_one_file_of_them(run_docker: Run, tmp_path: Path):
    """Into a folder named after the job, or the one that is wanted."""
    job_id = run_docker("job", "run", "--id-only", str(JOBS / "docker_hello.yaml")).stdout.strip()
    run_docker("job", "get", job_id)
    folder = tmp_path / f"job-{job_id[:10]}"
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    hello = "hello from docker\n"
    assert {"exitCode": "0", "outputs/hello.txt": hello, "stderr": "", "stdout": hello} == found
    (tmp_path / "one").mkdir()
    run_docker("job", "get", f"{job_id}/outputs/hello.txt", "--output-dir", "one")
    assert ["hello.txt"] == [path.name for path in (tmp_path / "one").rglob("*") if path.is_file()]


# Nodes, agent, version


def test_nodes_are_listed_described_rejected_and_approved(run: Run):
    """Every node with its capacity; a change of membership shows in the list."""

    def membership() -> list[str]:
        rows = csv.DictReader(io.StringIO(run("node", "list", "--output", "csv").stdout))
        return [row["approval"] for row in rows if row["id"] == "node-5"]

    assert ["APPROVED"] == membership()
    assert "Ok\n" == run("node", "reject", "node-5", "-m", "too slow").stdout
    assert ["REJECTED"] == membership()
    assert "Ok\n" == run("node", "approve", "node-5").stdout
    assert "node already approved" in run("node", "approve", "node-5", code=1).stderr
    assert "node-5" == yaml.safe_load(run("node", "describe", "node-5").stdout)["Info"]["NodeID"]


def test_the_agent_and_the_versions(run: Run):
    """Alive, the requester, v1.4.0."""
    assert {"Status": "OK"} == yaml.safe_load(run("agent", "alive").stdout)
    assert "node-0" == yaml.safe_load(run("agent", "node").stdout)["Info"]["NodeID"]
    assert run("agent", "version").stdout.startswith("Bacalhau v1.4.0\n")
    versions = json.loads(run("version", "--output", "json").stdout)
    assert "v1.4.0" == versions["serverVersion"]["GitVersion"]


# Mistakes


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("job run none.yaml", "none.yaml"),
        ("job run .", "is a directory"),
        ("job run hello.wasm", "a job file is UTF-8 text"),
        ("job describe j-00000000", "Job not found. ID: j-00000000"),
        ("job logs j-00000000", "Job not found. ID: j-00000000"),
        ("job stop j-00000000", "Job not found. ID: j-00000000"),
        ("job list --next-token garbage", "invalid paging token"),
        ("job list --labels ===", "could not parse labels"),
        ("docker run --cpu lots busybox:latest true", "invalid CPU value: lots"),
        ("docker run --publisher ftp busybox:latest true", "unknown publisher type: 'ftp'"),
        ("wasm run none.wasm", "none.wasm"),
        ("node describe node-77", "node-77"),
        ("node reject node-77", "node-77"),
        ("--api-port 1 job list", "start a stack with"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(run: Run, tmp_path: Path, command: str, words: str):
    """What is wrong, in one line that begins with `Error:`."""
    module(tmp_path)
    error = run(*command.split(), code=1).stderr.strip()
    assert re.fullmatch(r"Error: .+", error), error
    assert words in error


def test_a_wrong_word_is_answered_with_the_way_to_help(run: Run):
    """An unknown command or flag, or a missing argument: two lines, the second names the help."""
    for command in ("jobb", "job runn", "job list --wrong", "job describe", "docker run"):
        error = run(*command.split(), code=1).stderr.splitlines()
        assert ["Error: ", "Usage: "] == [line[:7] for line in error]
        assert "--help`" in error[1]


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All commands below this one, and itself, as one types them."""
    yield words
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from commands(found, (*words, name))


@pytest.mark.parametrize("words", list(commands(cli)), ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]):
    """A usage line, a sentence, and no line too long for a terminal."""
    done = CliRunner().invoke(cli, [*words, "--help"], prog_name="devstack")
    assert 0 == done.exit_code
    lines = done.output.splitlines()
    assert lines[0].startswith(f"Usage: {' '.join(['devstack', *words])}")
    assert lines[2].strip()
    assert [] == [line for line in lines if len(line) > 80]


def test_the_help_of_up_has_no_flags_of_a_client():
    """Its address is `--host` and `--port`; `--api-port` would have no effect."""
    helped = CliRunner().invoke(cli, ["up", "--help"]).output
    assert "--port" in helped
    assert "--api-port" not in helped
