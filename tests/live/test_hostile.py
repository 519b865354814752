"""Jobs, disks and flags that mean no good: the stack says why, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.hostile import (
    ANSWER_LIMIT_S,
    FIRST_NODE,
    LOCAL,
    LOOP,
    WRITE,
    follow,
    outcome,
    published,
    slowest_answer_s,
    up,
    wasm,
)
from tests.live.stacks import Stack, containers, docker, job, noop, running, start

pytestmark = pytest.mark.live


# ---- modules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ('(module (memory 65536) (func (export "_start")))', "section memory: min 65536 pages"),
        ('(module (func $f (export "_start") (call $f)))', "stack overflow"),
        ('(module (import "env" "no" (func)) (func (export "_start")))', 'could not find WASM module with name "env"'),
        ('(module (table 4000000000 funcref) (func (export "_start")))', "table"),
        ('(module (memory 1) (memory 1) (func (export "_start")))', "multiple memories"),
        ('(module (func $s unreachable) (start $s) (func (export "_start")))', "unreachable"),
        ("(module)", "unable to find the entrypoint '_start'"),
        (b"\0asm\1\0\0\0\1", "invalid module"),
        (b"", "invalid magic number"),
    ],
)  # fmt: skip
def test_a_bad_module_fails_in_words(stack: Stack, module: str | bytes, words: str):
    """Of whatever kind it is."""
    state, message, _ = outcome(stack, wasm(module))
    assert ("Failed", True) == (state, words in message), message


@pytest.mark.parametrize(("byte", "shown"), [(0, "\0"), (255, "\ufffd")])
def test_output_that_is_no_text_is_kept_and_shown(stack: Stack, byte: int, shown: str):
    """Zero bytes as they are, what is no UTF-8 by its sign."""
    state, _, output = outcome(stack, wasm(WRITE.format(byte=byte, times=2)))
    assert ("Completed", True) == (state, output["StdoutTruncated"])
    assert {shown} == set(output["Stdout"])


def test_a_module_may_write_200_megabytes(stack: Stack):
    """And the API answers meanwhile."""
    job_id = stack.submit(job(wasm(WRITE.format(byte=65, times=200)), Constraints=FIRST_NODE))
    assert slowest_answer_s(stack) < ANSWER_LIMIT_S
    assert "Completed" == stack.wait_over(job_id, 60)["State"]["StateType"]


def test_endless_modules_on_every_node_let_the_api_answer(stack: Stack):
    """And end when their job is stopped."""
    jobs = [stack.submit(job(wasm(LOOP), type="service", count=5)) for _ in range(2)]
    for job_id in jobs:
        stack.wait_running(job_id)
    assert slowest_answer_s(stack, 50) < ANSWER_LIMIT_S
    for job_id in jobs:
        stack.call("DELETE", f"/orchestrator/jobs/{job_id}")
    for job_id in jobs:
        stack.wait(
            lambda job_id=job_id: all(e["ComputeState"]["StateType"] == 9 for e in stack.executions(job_id)),
            "cancelled executions",
        )


# ---- containers --------------------------------------------------------------------------------------------


@pytest.mark.docker
@pytest.mark.parametrize("name", ["../../../escaped", "/escaped", "a/../../escaped"])
def test_the_folder_of_a_result_is_below_the_results(docker_stack: Stack, tmp_path: Path, name: str):
    """Whatever dots and slashes its name has."""
    job_id = docker_stack.submit(
        job(docker("sh", "-c", "echo kept > /outputs/file"), Constraints=FIRST_NODE,
            task_Publisher=LOCAL, task_ResultPaths=[{"Name": name, "Path": "/outputs"}])
    )  # fmt: skip
    assert "Completed" == docker_stack.wait_over(job_id)["State"]["StateType"]
    assert not Path("/escaped").exists()
    assert "escaped/file" in published(docker_stack, job_id).getnames()


@pytest.mark.docker
@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"task_ResultPaths": [{"Name": "zero\0", "Path": "/o"}]}, "zero byte"),
        ({"task_ResultPaths": [{"Name": "x" * 300, "Path": "/o"}]}, "too long"),
        ({"task_ResultPaths": [{"Name": "stdout", "Path": "/o"}]}, "exists"),
        ({"task_ResultPaths": [{"Name": "o", "Path": "/"}]}, "destination can't be '/'"),
        ({"task_Env": {"": "nameless"}}, "invalid environment variable"),
    ],
)
def test_what_cannot_be_made_for_a_container_is_told(docker_stack: Stack, task: dict[str, Any], words: str):
    """The execution fails with the reason, and the stack lives on."""
    state, message, _ = outcome(docker_stack, docker("true"), task_Publisher=LOCAL, **task)
    assert ("Failed", True) == (state, words in message), message


@pytest.mark.docker
def test_a_container_may_have_ten_thousand_variables(docker_stack: Stack):
    """They all arrive."""
    engine = docker("sh", "-c", "env | grep -c ^MANY_")
    variables = {f"MANY_{number}": "x" * 20 for number in range(10_000)}
    assert "10000\n" == outcome(docker_stack, engine, task_Env=variables)[2]["Stdout"]


@pytest.mark.docker
def test_odd_results_are_published_and_lead_nowhere(docker_stack: Stack):
    """Links are entries without content, pipes and sockets too; what nobody may read is read all the same by root."""
    script = "cd /outputs; ln -s /etc/passwd link; ln -s ../../.. up; mkfifo pipe; mkdir d; echo x > d/x; chmod 0 d/x d"
    job_id = docker_stack.submit(
        job(docker("sh", "-c", script), Constraints=FIRST_NODE, task_Publisher=LOCAL,
            task_ResultPaths=[{"Name": "o", "Path": "/outputs"}])
    )  # fmt: skip
    docker_stack.wait_over(job_id)
    if os.getuid():
        # The container's root has made a file of mode 0, which a stack of another user cannot pack.
        pytest.skip("only root reads what nobody may read")
    archive = published(docker_stack, job_id)
    kinds = {entry.name: (entry.type, entry.size) for entry in archive.getmembers()}
    assert [(tarfile.SYMTYPE, 0), (tarfile.SYMTYPE, 0), (tarfile.FIFOTYPE, 0), (tarfile.REGTYPE, 2)] == [
        kinds[f"o/{name}"] for name in ("link", "up", "pipe", "d/x")
    ]


@pytest.mark.docker
def test_a_container_that_floods_its_log_ends_with_the_stack(docker_engine: object, tmp_path: Path):
    """With a reader that does not read, too; its gigabyte goes with it."""
    with running("--nodes", "1", environment={"TMPDIR": str(tmp_path)}) as stack:
        job_id = stack.submit(job(docker("sh", "-c", f"yes {'x' * 60}")))
        stack.wait_running(job_id)
        client = follow(stack, job_id, small=True)
        time.sleep(1)
        assert slowest_answer_s(stack) < ANSWER_LIMIT_S
    client.close()
    assert ([], []) == (containers(stack), list(tmp_path.iterdir()))


@pytest.mark.docker
def test_stacks_of_one_seed_do_not_touch_each_others_containers(docker_engine: object):
    """Their ids are the same, their containers are not."""
    with running("--nodes", "1", "--seed", "9") as one:
        mine = one.submit(job(docker("sleep", "300")))
        one.wait(lambda: containers(one), "a container")
        with running("--nodes", "1", "--seed", "9") as other:
            assert mine == other.submit(job(docker("sleep", "300")))
            other.wait(lambda: containers(other), "the other's container")
        assert (1, 0) == (len(containers(one)), len(containers(other)))


@pytest.mark.docker
def test_many_containers_are_all_removed_at_the_end(docker_engine: object):
    """However long it takes in all, as long as they go one by one."""
    stack = start("--nodes", "15", "--cpu", "4", "--memory", "4gb")
    resources = {"CPU": "10m", "Memory": "10mb"}
    stack.submit(job(docker("sleep", "300"), type="ops", task_Resources=resources))
    stack.wait(lambda: len(containers(stack)) == 15, "fifteen containers", 60)
    stack.process.send_signal(signal.SIGTERM)
    assert 0 == stack.process.wait(60)
    assert [] == containers(stack)


# ---- disks and folders -------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        # The same failure is held without a mount by the tests of archives and of S3; a real full disk needs root.
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_fails_executions_and_not_the_stack(small_disk: Path):
    """The reason is the disk's; with room again all is well."""
    module = wasm('(module (func (export "_start")))')
    with running("--nodes", "1", "--docker", "off", "--repo", str(small_disk)) as stack:
        engine = noop(Stdout="".join(map(str, range(700_000))))
        assert "No space left on device" in outcome(stack, engine, task_Publisher=LOCAL)[1]
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            file.write(b"x" * 3_000_000)
        for engine in (noop(), module):
            assert "No space left on device" in outcome(stack, engine, task_Publisher=LOCAL)[1]
        filler.unlink()
        assert "Completed" == outcome(stack, module, task_Publisher=LOCAL)[0]
    filler.write_bytes(b"x" * 2_000_000)
    with contextlib.suppress(OSError), (small_disk / "more").open("wb") as file:
        file.write(b"x" * 1_000_000)
    done = up("--docker", "off", "--repo", str(small_disk))
    assert (1, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert "No space left on device" in done.stderr


def test_two_stacks_cannot_share_a_folder(tmp_path: Path):
    """The second is told so, and the first goes on."""
    with running("--nodes", "1", "--docker", "off", "--repo", str(tmp_path)) as stack:
        done = up("--docker", "off", "--repo", str(tmp_path))
        assert (1, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
        assert "another stack keeps its files in" in done.stderr
        assert "Completed" == outcome(stack, noop(), task_Publisher=LOCAL)[0]


def test_a_killed_stack_leaves_nothing_in_the_way_of_the_next(tmp_path: Path):
    """Same folder, same seed: what executions have left is gone, what was published is not."""
    flags = ("--nodes", "1", "--docker", "off", "--seed", "5", "--repo", str(tmp_path))
    killed = start(*flags)
    assert "Completed" == outcome(killed, noop(), task_Publisher=LOCAL)[0]
    killed.wait_running(killed.submit(job(wasm(LOOP))))
    killed.wait(lambda: list(tmp_path.glob("executions/*/*/results")), "its results")
    killed.process.kill()
    killed.process.wait(60)
    with running(*flags) as stack:
        assert [] == list(tmp_path.glob("executions/*/*"))
        assert 1 == len(list(tmp_path.glob("local-publisher/*.tar.gz")))
        assert "Completed" == outcome(stack, noop(Stdout="new"), task_Publisher=LOCAL)[0]
    assert ["local-publisher"] == [path.name for path in tmp_path.iterdir()]


def test_the_temporary_folder_of_a_killed_stack_goes_at_the_next_start(tmp_path: Path):
    """And that of a living one stays."""
    environment = {"TMPDIR": str(tmp_path)}
    with running("--nodes", "1", "--docker", "off", environment=environment):
        [living] = tmp_path.iterdir()
        killed = start("--nodes", "1", "--docker", "off", environment=environment)
        killed.process.kill()
        killed.process.wait(60)
        assert 2 == len(list(tmp_path.iterdir()))
        with running("--nodes", "1", "--docker", "off", environment=environment) as stack:
            stack.wait(lambda: len(list(tmp_path.iterdir())) == 2, "the abandoned folder to go")
            assert living.exists()
    assert [] == list(tmp_path.iterdir())


# ---- the beginning and the end -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--repo", "/proc/nowhere/x"], "cannot keep the stack's files in /proc/nowhere/x"),
        (["--repo", "/dev/null/x"], "Not a directory"),
        (["--host", ""], "an empty address would be every one of this machine's"),
        (["--host", "no host"], "use an address of this machine"),
        (["--host", "a" * 300], "cannot listen on"),
        (["--nodes", "100001"], "100001 nodes are more than one process can hold"),
        (["--allow-listed-local-paths", "/a/["], "cannot read the allowed path '/a/['"),
    ],
)
def test_what_keeps_a_stack_from_starting_is_one_line(flags: list[str], words: str):
    """Exit code 1, and what to do."""
    done = up("--docker", "off", *flags)
    assert (1, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert words in done.stderr


def test_a_file_for_the_exports_that_cannot_be_written_is_one_line(tmp_path: Path):
    """And the stack's own folder is gone again."""
    done = up("--docker", "off", environment={"DEVSTACK_ENV_FILE": "/nowhere/x", "TMPDIR": str(tmp_path)})
    assert (1, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert "cannot write /nowhere/x" in done.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_stack_without_nodes_starts(tmp_path: Path):
    """It has a requester, and no node to run anything."""
    with running("--nodes", "0", "--docker", "off") as stack:
        assert ["node-0"] == [node["Info"]["NodeID"] for node in stack.call("GET", "/orchestrator/nodes")[1]["Nodes"]]


def test_a_thousand_nodes_start_and_each_runs_its_part():
    """An ops job runs everywhere, within seconds."""
    with running("--nodes", "1000", "--docker", "off") as stack:
        job_id = stack.submit(job(noop(), type="ops"))
        assert "Completed" == stack.wait_over(job_id)["State"]["StateType"]
        assert 1000 == len(stack.executions(job_id))


@pytest.mark.parametrize("pause_s", [0.0, 0.02, 0.1])
def test_a_second_signal_is_no_disaster(tmp_path: Path, pause_s: float):
    """It ends the process at once, or comes too late to matter; nothing is left and nothing raised."""
    stack = start("--nodes", "2", "--docker", "off", environment={"TMPDIR": str(tmp_path)})
    stack.process.send_signal(signal.SIGINT)
    time.sleep(pause_s)
    stack.process.send_signal(signal.SIGINT)
    _, said = stack.process.communicate(timeout=60)
    assert stack.process.returncode in (0, 1, 130)
    assert "Traceback" not in said
    assert [] == list(tmp_path.iterdir())
