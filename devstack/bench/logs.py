"""Figures of logs that are followed, taken at the output of `job logs -f`: what a person at a terminal sees."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import IO

import attrs

from devstack.bench.clients import Api
from devstack.bench.live import IMAGE, noop_job, one_task, resident_mb, stack

__all__ = [
    "container_line_ms",
    "follow_100k_lines_s",
    "memory_of_unread_lines_mb",
    "module_line_ms",
    "noop_beside_unread_lines_ratio",
]

LINES = 100_000
TRIES = 20
STALLED = 10
PAUSE_S = 0.1
LONG_LINE = "0123456789" * 7
# Every tenth of a second the time, as sixteen hex digits and a newline.
CLOCK_WAT = f"""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 200) "0123456789abcdef")
  (func $print_time (local $at i32) (local $now i64)
    (drop (call $time (i32.const 0) (i64.const 1) (i32.const 48)))
    (local.set $now (i64.load (i32.const 48)))
    (local.set $at (i32.const 31))
    (loop $next
      (i32.store8 (local.get $at) (i32.load8_u
        (i32.add (i32.const 200) (i32.wrap_i64 (i64.and (local.get $now) (i64.const 15))))))
      (local.set $now (i64.shr_u (local.get $now) (i64.const 4)))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (br_if $next (i32.ge_u (local.get $at) (i32.const 16))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start") (local $left i32)
    (i32.store8 (i32.const 32) (i32.const 10))
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 17))
    (i32.store (i32.const 80) (i32.const 1)) (i64.store (i32.const 88) (i64.const {int(PAUSE_S * 1e9)}))
    (local.set $left (i32.const {TRIES}))
    (loop $next
      (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 8)))
      (call $print_time)
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))))"""


def container_line_ms() -> float:
    """From the moment at which a container is given a line to print to its being printed here: the median of 20."""
    with _piped("cat /in/pipe") as program, program.following() as printed, program.pipe.open("w") as writer:
        return median(_line_ms(writer, printed) for _ in range(TRIES))


def _line_ms(writer: IO[str], printed: IO[str]) -> float:
    time.sleep(PAUSE_S)
    started = time.perf_counter()
    writer.write("line\n")
    writer.flush()
    _expect(printed, "line\n")
    return (time.perf_counter() - started) * 1000


def module_line_ms() -> float:
    """The same of a wasm program, which prints the time: the median of the last ten of twenty."""
    from wasmtime import wat2wasm

    url = "data:application/wasm;base64," + base64.b64encode(bytes(wat2wasm(CLOCK_WAT))).decode()
    entry = {"Source": {"Type": "inline", "Params": {"URL": url}}, "Alias": "clock", "Target": ""}
    engine = {"Type": "wasm", "Params": {"EntryModule": entry, "EntryPoint": "_start"}}
    with stack("--nodes", "1", "--docker", "off") as (port, _, _):
        job_id = Api(port).submit(one_task(engine))
        with following(port, job_id) as command:
            late_ms = [(time.time_ns() - int(line, 16)) / 1e6 for line in _output(command)]
    if len(late_ms) != TRIES:
        raise RuntimeError(f"{len(late_ms)} of {TRIES} lines came")
    return median(late_ms[TRIES // 2 :])  # The first ones were printed before the command had started.


def follow_100k_lines_s() -> float:
    """A container's 100,000 lines of 71 bytes, from its beginning to print until the last is printed here."""
    with _burst(0) as (program, printed):
        started = time.perf_counter()
        _print_all(program, printed)
        return time.perf_counter() - started


def memory_of_unread_lines_mb() -> float:
    """What the stack grows by when ten followers stop reading and 100,000 lines are printed."""
    with _burst(STALLED) as (program, printed):
        before_mb = resident_mb(program.pid)
        _print_all(program, printed)
        return resident_mb(program.pid) - before_mb


def noop_beside_unread_lines_ratio() -> float:
    """A noop job beside ten followers with 100,000 unread lines each, as a multiple of one beside idle followers."""
    with _burst(STALLED) as (program, printed):
        api = Api(program.port)
        idle_s = median(api.seconds_to_completed(noop_job()) for _ in range(50))
        _print_all(program, printed)
        unread_s = median(api.seconds_to_completed(noop_job()) for _ in range(50))
        api.close()
    return unread_s / idle_s


# ---- programs and their followers --------------------------------------------------------------------------


@attrs.frozen
class _Program:
    """A container that runs on a stack, and the pipe that it reads."""

    port: int
    pid: int
    job_id: str
    pipe: Path

    @contextmanager
    def following(self) -> Iterator[IO[str]]:
        with following(self.port, self.job_id) as command:
            yield _output(command)


@contextmanager
def _piped(script: str) -> Iterator[_Program]:
    """A shell script in a container, with a pipe of this machine at /in/pipe."""
    engine = {"Type": "docker", "Params": {"Image": IMAGE, "Parameters": ["sh", "-c", script]}}
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder, "pipe")
        os.mkfifo(pipe)
        job = one_task(engine)
        source = {"Type": "localDirectory", "Params": {"SourcePath": folder}}
        job["Tasks"][0]["InputSources"] = [{"Source": source, "Target": "/in"}]
        with stack("--nodes", "2", "--allow-listed-local-paths", folder) as (port, pid, _):
            yield _Program(port, pid, Api(port).submit(job), pipe)


@contextmanager
def _burst(stalled: int) -> Iterator[tuple[_Program, IO[str]]]:
    """A container with 100,000 lines to print, one who reads them, and so many who have stopped reading."""
    # It says that it runs, waits to be told, says what it has to say, and stays.
    script = f"echo ready; read told </in/pipe; yes {LONG_LINE} | head -n {LINES}; echo done; sleep 600"
    with _piped(script) as program, ExitStack() as followers:
        commands = [followers.enter_context(following(program.port, program.job_id)) for _ in range(1 + stalled)]
        for command in commands:
            _expect(_output(command), "ready\n")
        for command in commands[1:]:
            command.send_signal(signal.SIGSTOP)
        yield program, _output(commands[0])


def _print_all(program: _Program, printed: IO[str]) -> None:
    program.pipe.write_text("now\n")
    for _ in range(LINES):
        _expect(printed, LONG_LINE + "\n")
    _expect(printed, "done\n")


def _expect(printed: IO[str], wanted: str) -> None:
    if (line := printed.readline()) != wanted:
        raise RuntimeError(f"the log has {line!r} instead of {wanted!r}")


@contextmanager
def following(port: int, job_id: str) -> Iterator[subprocess.Popen[str]]:
    """`job logs -f` in a process of its own."""
    command = [sys.executable, "-m", "devstack", "--api-host", "127.0.0.1", "--api-port", str(port)]
    process = subprocess.Popen([*command, "job", "logs", "-f", job_id], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def _output(command: subprocess.Popen[str]) -> IO[str]:
    assert command.stdout is not None
    return command.stdout
