"""A stack in this process: what is opened is closed, whatever ends it."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
import trio

from devstack.behaviour import parse
from devstack.cluster import Cluster
from devstack.compute.capacity import RunningTracker
from devstack.errors import DevstackError, UsageError
from devstack.live import LiveStack, StackOptions, open_stack
from devstack.models.job import Job, JobState, ResultPath, SpecConfig, Task

QUIET = StackOptions(nodes=2, port=0, docker=False)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made; none may be left, nor any file descriptor or thread of ours."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    yield tmp_path
    assert [] == list(tmp_path.iterdir())
    assert [] == [thread.name for thread in threading.enumerate() if "docker" in thread.name]
    deadline_s = time.monotonic() + 5  # A call to an engine that does not answer is left alone, and ends by itself.
    while len(os.listdir("/proc/self/fd")) > before:
        assert time.monotonic() < deadline_s, "a file is still open"
        time.sleep(0.01)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def job(engine: str = "noop", publisher: str = "", **task: object) -> Job:
    return Job(type="batch", count=1, tasks=(Task("main", SpecConfig(engine), SpecConfig(publisher), **task),))  # type: ignore[arg-type]


async def completed(stack: LiveStack, a_job: Job) -> None:
    record = stack.backend.find_job(stack.backend.submit(a_job)[0])
    with trio.fail_after(60):
        while not record.state.is_terminal:
            await trio.sleep(0.005)
    assert JobState.COMPLETED is record.state


async def test_a_stack_is_ready_when_it_opens_and_gone_when_it_closes(temporary: Path):
    """Its port answers, its nodes are there, a job runs; then port and folder are gone."""
    async with open_stack(QUIET) as stack:
        assert stack.cluster.is_ready
        assert (f"http://127.0.0.1:{stack.port}", "switched off") == (stack.url, stack.docker_problem)
        assert not is_free(stack.port)
        await completed(stack, job(publisher="local", result_paths=(ResultPath("out", "/out"),)))
        assert 1 == len(list(stack.folder.glob("local-publisher/*.tar.gz")))
        await completed(stack, job(publisher="ipfs"))
        assert [] != list(stack.folder.glob("ipfs/blocks/*/*"))
    assert is_free(stack.port)


async def test_a_rule_that_does_not_hold_is_a_warning(temporary: Path, monkeypatch: pytest.MonkeyPatch):
    """A line at once, and listed for clients; the stack goes on."""
    monkeypatch.setattr(RunningTracker, "give_back", lambda tracker, granted: None)
    lines: list[str] = []
    async with open_stack(attrs.evolve(QUIET, nodes=1, warn=lines.append)) as stack:
        await completed(stack, job())
        await completed(stack, job())
        listed, _ = stack.backend.violations()
    assert ["capacity books"] == [violation.checker for violation in listed]
    assert [True] == ["capacity books: what a node counts as running" in line for line in lines]


async def test_an_error_inside_the_block_closes_the_stack_too(temporary: Path):
    """And comes out as what it is."""
    with pytest.raises(ExceptionGroup) as caught:
        async with open_stack(QUIET) as stack:
            raise KeyError("oops")
    assert caught.group_contains(KeyError)
    assert is_free(stack.port)


async def test_cancelling_closes_the_stack(temporary: Path):
    """At any moment of its start, and after it."""
    for delay_s in (0.0, 0.001, 0.005, 0.02, 0.1):
        with trio.move_on_after(delay_s):
            async with open_stack(QUIET):
                await trio.sleep_forever()


async def test_a_taken_port_leaves_nothing(temporary: Path):
    """The person is told which."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = attrs.evolve(QUIET, port=taken.getsockname()[1])
        with pytest.raises(UsageError, match="cannot listen on"):
            async with open_stack(options):
                pass


async def test_an_outside_ipfs_node_must_answer(temporary: Path):
    """Nothing is started without it."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(ExceptionGroup) as caught:
        async with open_stack(attrs.evolve(QUIET, ipfs_connect=f"http://127.0.0.1:{port}")):
            pass
    [error] = caught.value.exceptions
    assert isinstance(error, DevstackError)
    assert f"no IPFS node answers at http://127.0.0.1:{port}" in error.message


async def test_a_mute_ipfs_node_keeps_nobody_waiting(temporary: Path, monkeypatch: pytest.MonkeyPatch):
    """The person is told, and nothing is started."""
    monkeypatch.setattr("devstack.live.ENGINE_LIMIT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(ExceptionGroup) as caught:
            async with open_stack(attrs.evolve(QUIET, ipfs_connect=url)):
                pass
    assert f"the IPFS node at {url} did not answer within" in str(caught.value.exceptions[0])


async def test_nodes_that_never_get_ready_end_the_start(temporary: Path, monkeypatch: pytest.MonkeyPatch):
    """One error for people, with what to do."""
    monkeypatch.setattr("devstack.live.READY_LIMIT_S", 0.02)
    monkeypatch.setattr(Cluster, "is_ready", False)
    with pytest.raises(ExceptionGroup) as caught:
        async with open_stack(QUIET):
            pass
    [error] = caught.value.exceptions
    assert isinstance(error, DevstackError)
    assert "the 2 nodes were not ready within" in error.message


async def test_an_engine_that_does_not_answer_keeps_no_stack_from_starting(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
):
    """It is waited for a while, and the problem is told."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{mute.getsockname()[1]}")
        monkeypatch.setattr("devstack.live.ENGINE_LIMIT_S", 0.2)
        with trio.fail_after(60):
            async with open_stack(attrs.evolve(QUIET, docker=True)) as stack:
                assert "the Docker engine did not answer within" in stack.docker_problem
                assert not any("docker" in name for name in stack.engines)


@pytest.mark.parametrize(
    ("disabled", "engines"),
    [((), ["wasm", "noop"]), (("wasm",), ["noop"]), (("noop",), ["wasm"]), (("docker", "wasm", "noop"), [])],
)
async def test_engines_that_are_switched_off_are_not_offered(
    temporary: Path, disabled: tuple[str, ...], engines: list[str]
):
    """Neither by the nodes nor in the banner."""
    async with open_stack(attrs.evolve(QUIET, disabled_engines=frozenset(disabled))) as stack:
        assert engines == [name.split()[0] for name in stack.engines]
        offered = stack.backend.node("node-1").info.compute
        assert offered is not None
        assert [name for name in engines if name != "noop"] == list(offered.engines)


@pytest.mark.parametrize(("words", "bad"), [([], {"node-2"}), (["v1.4.0"], {"node-1", "node-2"})])
async def test_bad_nodes_are_the_last(temporary: Path, words: list[str], bad: set[str]):
    """v1.4.0 makes one more of them bad."""
    async with open_stack(attrs.evolve(QUIET, bad_actors=1, behaviour=parse(words))) as stack:
        assert bad == {name for name, node in stack.cluster.nodes.items() if node.config.is_bad_actor}


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:9"), ("::1", "http://[::1]:9")])
def test_the_address_is_one_that_clients_can_use(host: str, url: str):
    """Numbers with colons stand in brackets."""
    assert url == LiveStack.url.fget(SimpleNamespace(host=host, port=9))  # type: ignore[attr-defined]
