"""A stack among people who mean no good, or do not know better: it answers, says why, and leaves nothing behind."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.stacks import Stack, containers, docker, job, noop, running, start

pytestmark = pytest.mark.live

FIRST_NODE = [{"Key": "name", "Operator": "=", "Values": ["node-1"]}]
LOCAL = {"Type": "local"}
ANSWER_LIMIT_S = 5.0  # What holds up the loop here does so for longer; how quick answers are, `bench` tells.
LOOP = '(module (func (export "_start") (loop (br 0))))'
WRITE = """(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (func (export "_start") (local $i i32)
    (memory.fill (i32.const 1024) (i32.const {byte}) (i32.const 1048576))
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1048576))
    (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get $i) (i32.const {times}))))))"""


# ---- helpers -----------------------------------------------------------------------------------------------


def connect(stack: Stack, *, small: bool = False) -> socket.socket:
    client = socket.socket()
    if small:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", stack.port))
    return client


def follow(stack: Stack, job_id: str, *, small: bool = False) -> socket.socket:
    """A websocket that reads the job's log."""
    client = connect(stack, small=small)
    client.sendall(
        f"GET /api/v1/orchestrator/jobs/{job_id}/logs?follow=true HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    return client


def read_to_end(client: socket.socket) -> bytes:
    parts = []
    with client:
        while part := client.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


def descriptors(stack: Stack) -> int:
    return len(os.listdir(f"/proc/{stack.process.pid}/fd"))


def slowest_answer_s(stack: Stack, times: int = 20) -> float:
    """The slowest of some answers of the API."""
    seconds = []
    for _ in range(times):
        began_s = time.monotonic()
        assert 200 == stack.call("GET", "/agent/alive")[0]
        seconds.append(time.monotonic() - began_s)
    return max(seconds)


def wasm(text: str | bytes) -> dict[str, Any]:
    """An engine for a module in text or in bytes."""
    from wasmtime import wat2wasm

    module = bytes(wat2wasm(text)) if isinstance(text, str) else text
    url = "data:application/wasm;base64," + base64.b64encode(module).decode()
    entry = {"Source": {"Type": "inline", "Params": {"URL": url}}, "Alias": "m", "Target": "/m.wasm"}
    return {"Type": "wasm", "Params": {"EntryModule": entry, "EntryPoint": "_start"}}


def outcome(stack: Stack, engine: dict[str, Any], **more: Any) -> tuple[str, str, dict[str, Any]]:
    """State, the first execution's message and its output, of a job on one node."""
    job_id = stack.submit(job(engine, Constraints=FIRST_NODE, **more))
    state = stack.wait_over(job_id)["State"]["StateType"]
    first = stack.executions(job_id)[-1]
    return state, first["ComputeState"].get("Message", ""), first.get("RunOutput") or {}


def published(stack: Stack, job_id: str) -> tarfile.TarFile:
    [item] = stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]
    with urllib.request.urlopen(item["Params"]["URL"], timeout=60) as answer:
        return tarfile.open(fileobj=io.BytesIO(answer.read()))


def up(*flags: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devstack", "up", "--port", "0", *flags]
    env = {**os.environ, **(environment or {})}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)


# ---- clients -----------------------------------------------------------------------------------------------


def test_clients_that_say_nothing_are_left_and_clients_that_are_gone_leave_nothing(stack: Stack):
    """Idle connections keep nobody from an answer; each is closed after five seconds, or when its client is gone."""
    before = descriptors(stack)
    clients = [connect(stack) for _ in range(1000)]
    assert slowest_answer_s(stack) < ANSWER_LIMIT_S
    half = clients[0]
    half.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    for client in clients[1:500]:
        client.close()
    stack.wait(lambda: descriptors(stack) <= before + 501, "the closed half", 3)
    assert b"" == half.recv(100)
    stack.wait(lambda: descriptors(stack) <= before, "the silent half")
    for client in clients:
        client.close()


def test_clients_that_break_off_leave_nothing(stack: Stack):
    """In the middle of a body, of an answer, of a stream; politely or not."""
    job_id = stack.submit(job(noop(RunsFor="1h", Stdout="x" * 100_000)))
    stack.wait_running(job_id)
    before = descriptors(stack)
    beginnings = (
        b"PUT /api/v1/orchestrator/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000\r\n\r\n{",
        b"GET /api/v1/agent/debug HTTP/1.1\r\nHost: a\r\n\r\n" * 20,
    )
    for number in range(90):
        client = follow(stack, job_id) if number % 3 == 2 else connect(stack)
        if number % 3 < 2:
            client.sendall(beginnings[number % 3])
        if number % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    stack.wait(lambda: descriptors(stack) <= before, "the connections to go", 5)
    stack.call("DELETE", f"/orchestrator/jobs/{job_id}")
    assert 200 == stack.call("GET", "/agent/alive")[0]


def test_clients_that_read_nothing_hold_nobody_up():
    """Neither other clients nor the end of the stack."""
    with running("--nodes", "1", "--docker", "off") as stack:
        job_id = stack.submit(job(noop(RunsFor="1h", Stdout="x" * 5_000_000)))
        stack.wait_running(job_id)
        clients = [follow(stack, job_id, small=True) for _ in range(3)]
        greedy = connect(stack, small=True)
        greedy.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(20_000):
                greedy.send(b"GET /api/v1/agent/debug HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
        time.sleep(0.5)
        assert slowest_answer_s(stack) < ANSWER_LIMIT_S
    for client in (*clients, greedy):
        client.close()


def test_a_log_of_100_000_lines_is_read_by_twenty_while_one_is_slow(stack: Stack):
    """All get the same, its last line included, and the API answers meanwhile."""
    text = "".join(f"line {number:06d} {'y' * 60}\n" for number in range(100_000))
    job_id = stack.submit(job(noop(Stdout=text, RunsFor="10s")))
    stack.wait_running(job_id)
    slow, heard = follow(stack, job_id, small=True), [b""] * 20
    clients = [follow(stack, job_id) for _ in heard]

    def read(number: int) -> None:
        heard[number] = read_to_end(clients[number])

    readers = [threading.Thread(target=read, args=(number,)) for number in range(len(heard))]
    for reader in readers:
        reader.start()
    assert slowest_answer_s(stack) < ANSWER_LIMIT_S
    for reader in readers:
        reader.join(120)
    assert 1 == len(set(heard))
    assert b"line 099999" in heard[0]
    total = len(slow.recv(1000))
    time.sleep(0.5)
    total += len(read_to_end(slow))
    assert len(heard[0]) == total


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large_is_refused_in_words(stack: Stack, chunked: bool):
    """413, and the client that has sent it all can still read that."""
    head = b"PUT /api/v1/orchestrator/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    body = b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 12 + b"0\r\n\r\n"
    with connect(stack) as client:
        client.sendall(head + body if chunked else head + b"Content-Length: 12000000\r\n\r\n" + b"a" * 12_000_000)
        answer = client.recv(100_000)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_page_from_elsewhere_runs_nothing_here(stack: Stack):
    """It may look; a job that it submits is refused."""
    body = b'{"Job": {"Type": "batch", "Count": 1, "Tasks": [{"Name": "m", "Engine": {"Type": "noop"}}]}}'
    head = "PUT /api/v1/orchestrator/jobs HTTP/1.1\r\nHost: rebound.example.com\r\nConnection: close\r\n"
    head += (
        f"Origin: http://rebound.example.com\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with connect(stack) as client:
        client.sendall(head.encode() + body)
        answer = client.recv(100_000)
    assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "path", ["/../secret.tar.gz", "/..%2fsecret.tar.gz", "/%2e%2e/secret.tar.gz", "/.x.tar.gz", "/"]
)
def test_the_results_server_hands_out_its_archives_and_nothing_else(tmp_path: Path, path: str):
    """No way leads out of its folder."""
    (tmp_path / "secret.tar.gz").write_text("secret")
    with running("--nodes", "1", "--docker", "off", "--repo", str(tmp_path)) as stack:
        job_id = stack.submit(job(noop(), task_Publisher=LOCAL))
        stack.wait_over(job_id)
        [item] = stack.call("GET", f"/orchestrator/jobs/{job_id}/results")[1]["Items"]
        port = int(item["Params"]["URL"].split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            assert client.recv(10_000).startswith(b"HTTP/1.1 404")


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
