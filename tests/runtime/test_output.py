"""What is kept of a program's output."""

from __future__ import annotations

import tempfile
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.errors import AdapterError
from devstack.models.execution import RunCommandResult
from devstack.runtime.output import RunOutput, result_of_texts, write_result_files
from devstack.runtime.ports import STDERR, STDOUT


class Log:
    def __init__(self) -> None:
        self.written: list[tuple[int, bytes]] = []

    def write(self, stream: int, data: bytes) -> None:
        self.written.append((stream, data))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_silent_program_leaves_empty_files(tmp_path):
    """T103: missing streams give empty files."""
    with RunOutput(tmp_path) as output:
        assert RunCommandResult(exit_code=0) == output.result(0)
    assert {"exitCode": b"0", "stderr": b"", "stdout": b""} == files(tmp_path)


def test_both_streams_are_kept_apart(tmp_path):
    """Files and result have each stream for itself, the log the order of both."""
    log = Log()
    with RunOutput(tmp_path, log) as output:
        output.write(STDOUT, b"a\n")
        output.write(STDERR, b"oops\n")
        output.write(STDOUT, b"b\n")
        assert RunCommandResult("a\nb\n", False, "oops\n", False, 3) == output.result(3)
    assert {"exitCode": b"3", "stderr": b"oops\n", "stdout": b"a\nb\n"} == files(tmp_path)
    assert [(STDOUT, b"a\n"), (STDERR, b"oops\n"), (STDOUT, b"b\n")] == log.written


def test_the_files_grow_while_the_program_runs(tmp_path):
    """Nothing waits in a buffer."""
    with RunOutput(tmp_path) as output:
        output.write(STDOUT, b"first")
        assert b"first" == (tmp_path / "stdout").read_bytes()


@pytest.mark.parametrize(
    ("limit", "summary", "file", "text", "truncated"),
    [
        (0, 0, b"", "", True),
        (11, 5, b"hello world", "hello", True),
        (11, 11, b"hello world", "hello world", False),
        (5, 100, b"hello", "hello world", False),
    ],
)
def test_limits(tmp_path, limit, summary, file, text, truncated):
    """T099, T101: the file and the summary are cut at their limits, and only the summary says so."""
    with RunOutput(tmp_path, file_limit_bytes=limit, summary_bytes=summary) as output:
        output.write(STDOUT, b"hello world")
        result = output.result(0)
    assert (text, truncated) == (result.stdout, result.stdout_truncated)
    assert file == (tmp_path / "stdout").read_bytes()


@pytest.mark.parametrize(("size", "truncated"), [(2047, False), (2048, False), (2049, True)])
def test_a_result_holds_2048_bytes(tmp_path, size, truncated):
    """Truncated means that more than 2048 bytes were produced."""
    with RunOutput(tmp_path) as output:
        output.write(STDERR, b"x" * size)
        result = output.result(0)
    assert ("x" * min(size, 2048), truncated) == (result.stderr, result.stderr_truncated)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=8), limit=st.integers(0, 120))
def test_how_the_bytes_are_split_makes_no_difference(data, cuts, limit):
    """Any split of the same bytes gives the same files and the same result."""
    with tempfile.TemporaryDirectory() as name:
        outcomes = []
        for run, edges in enumerate(([0, len(data)], sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)}))):
            folder = Path(name, str(run))
            folder.mkdir()
            with RunOutput(folder, file_limit_bytes=limit, summary_bytes=40) as output:
                for start, end in pairwise(edges):
                    output.write(STDOUT, data[start:end])
                outcomes.append((output.result(0), files(folder)))
    assert outcomes[0] == outcomes[1]
    result, kept = outcomes[0]
    assert data[:limit] == kept["stdout"]
    assert (data[:40].decode(errors="replace"), len(data) > 40) == (result.stdout, result.stdout_truncated)


def test_text_beyond_ascii(tmp_path):
    """UTF-8 comes through; a character cut at the limit is replaced."""
    with RunOutput(tmp_path, summary_bytes=11) as output:
        output.write(STDOUT, "héllo ☃\n".encode())
        output.write(STDERR, "0123456789☃".encode())
        result = output.result(0)
    assert ("héllo ☃\n", "0123456789\N{REPLACEMENT CHARACTER}") == (result.stdout, result.stderr)


@pytest.mark.parametrize(("code", "text"), [(0, "0"), (137, "137"), (-1, "-1"), (4294967295, "4294")])
def test_the_exit_code_file_has_four_characters(tmp_path, code, text):
    """Decimal, no newline."""
    with RunOutput(tmp_path) as output:
        output.result(code)
    assert text == (tmp_path / "exitCode").read_text()


def test_an_error_comes_with_the_output(tmp_path):
    """What an engine has to say stands beside what the program wrote."""
    with RunOutput(tmp_path) as output:
        output.write(STDOUT, b"x")
        assert RunCommandResult("x", False, "", False, 137, "memory limit exceeded") == output.result(
            137, "memory limit exceeded"
        )


def test_a_result_may_show_something_else(tmp_path):
    """An override stands in the result only, and is cut like any text."""
    with RunOutput(tmp_path) as output:
        output.write(STDOUT, b"first\nsecond\n")
        assert RunCommandResult("first\n", exit_code=0) == output.result(0, stdout_override="first\n")
    assert b"first\nsecond\n" == (tmp_path / "stdout").read_bytes()
    with RunOutput(tmp_path) as output:
        result = output.result(0, stdout_override=b"x" * 3000)
    assert ("x" * 2048, True) == (result.stdout, result.stdout_truncated)


def test_files_that_cannot_be_written_are_told_in_the_result(tmp_path):
    """Every write error goes to ErrorMsg, one a line, after the engine's own."""
    (tmp_path / "stdout").mkdir()
    (tmp_path / "exitCode").mkdir()
    with RunOutput(tmp_path) as output:
        output.write(STDOUT, b"x")
        result = output.result(1, "boom")
    assert "x" == result.stdout
    lines = result.error_msg.split("\n")
    assert ["boom", True, True] == [lines[0], "stdout" in lines[1], "exitCode" in lines[2]]


def test_links_that_a_program_laid_are_not_written_through(tmp_path):
    """A link in the results folder does not lead the files elsewhere."""
    other = tmp_path / "other"
    other.write_text("mine")
    results = tmp_path / "results"
    results.mkdir()
    (results / "exitCode").symlink_to(other)
    with RunOutput(results) as output:
        assert "exitCode" in output.result(0).error_msg
    assert "mine" == other.read_text()


def test_what_comes_after_the_end_is_dropped(tmp_path):
    """A late write of a thread that is about to end harms nothing."""
    log = Log()
    with RunOutput(tmp_path, log) as output:
        output.result(0)
        output.write(STDOUT, b"late")
    output.write(STDOUT, b"later")
    assert ([], b"") == (log.written, (tmp_path / "stdout").read_bytes())


def test_threads_may_write_at_the_same_time(tmp_path):
    """Every write arrives whole, and in the same order in file and log."""
    log = Log()
    with RunOutput(tmp_path, log) as output:

        def write(letter: bytes) -> None:
            for _ in range(200):
                output.write(STDOUT, letter * 5 + b"\n")

        threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        output.result(0)
    assert b"".join(data for _, data in log.written) == (tmp_path / "stdout").read_bytes()
    assert 600 == len(log.written)


# ---- finished texts ----------------------------------------------------------------------------------------


@given(stdout=st.text(max_size=3000), stderr=st.text(max_size=10), code=st.integers(-1, 255))
def test_finished_texts_give_the_result_that_running_gives(stdout, stderr, code):
    """A simulated run's result and files are those of a real one."""
    with tempfile.TemporaryDirectory() as name:
        real, simulated = Path(name, "real"), Path(name, "simulated")
        real.mkdir()
        simulated.mkdir()
        with RunOutput(real) as output:
            output.write(STDOUT, stdout.encode())
            output.write(STDERR, stderr.encode())
            expected = output.result(code, "error")
        result = result_of_texts(stdout, stderr, code, "error")
        write_result_files(simulated, result, stdout, stderr)
        assert expected == result
        assert files(real) == files(simulated)


def test_files_from_a_result_alone(tmp_path):
    """Without the texts the files hold what the result does."""
    write_result_files(tmp_path, RunCommandResult("out", False, "err", False, 7))
    assert {"exitCode": b"7", "stderr": b"err", "stdout": b"out"} == files(tmp_path)


def test_result_files_need_a_folder(tmp_path):
    """A folder that is gone is an error for people."""
    with pytest.raises(AdapterError, match="cannot write the result files"):
        write_result_files(tmp_path / "gone", RunCommandResult())
