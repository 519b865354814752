"""What a program writes: result files that grow while it runs, the first bytes for the result, the log.

Source: compute reference 7.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Protocol

from devstack.errors import AdapterError
from devstack.models.execution import RunCommandResult
from devstack.runtime.ports import STDERR, STDOUT

__all__ = ["FILE_LIMIT_BYTES", "SUMMARY_BYTES", "LogSink", "RunOutput", "result_of_texts", "write_result_files"]

FILE_LIMIT_BYTES: Final = 1_073_741_824
SUMMARY_BYTES: Final = 2048
_EXIT_CODE_LENGTH: Final = 4
_NAME_OF: Final = {STDOUT: "stdout", STDERR: "stderr"}


class LogSink(Protocol):
    """What takes the output for those who read along; `runtime.logs.ExecutionLog` is one."""

    def write(self, stream: int, data: bytes) -> None: ...


class RunOutput:
    """Takes the output of one run, from any thread.

    A file that cannot be written does not end the run: the error is told in the result. Close it (or use it as a
    context) also when the run is cancelled; `result` closes it too, and what comes later is dropped.
    """

    def __init__(
        self,
        results_dir: Path,
        log: LogSink | None = None,
        *,
        file_limit_bytes: int = FILE_LIMIT_BYTES,
        summary_bytes: int = SUMMARY_BYTES,
    ) -> None:
        self._results_dir = results_dir
        self._log = log
        self._summary_bytes = summary_bytes
        self._lock = threading.Lock()
        self._closed = False
        self._captures = {
            stream: _Capture(results_dir / name, file_limit_bytes, summary_bytes) for stream, name in _NAME_OF.items()
        }

    def write(self, stream: int, data: bytes) -> None:
        # One lock for file and log, so that both have the same order.
        with self._lock:
            if self._closed or not data:
                return
            self._captures[stream].write(data)
            if self._log is not None:
                self._log.write(stream, data)

    def result(
        self, exit_code: int, error_msg: str = "", stdout_override: str | bytes | None = None
    ) -> RunCommandResult:
        """The result with what was written so far; also writes the file `exitCode`.

        Args:
            stdout_override: Stands in the result instead of what was written (files and log have all of it).
        """
        self.close()
        out, err = self._captures[STDOUT], self._captures[STDERR]
        stdout, stdout_truncated = out.summary()
        if stdout_override is not None:
            stdout, stdout_truncated = _summary(stdout_override, self._summary_bytes)
        stderr, stderr_truncated = err.summary()
        errors = [error_msg, out.error, err.error, _write_exit_code(self._results_dir, exit_code)]
        return RunCommandResult(
            stdout,
            stdout_truncated,
            stderr,
            stderr_truncated,
            exit_code,
            "\n".join(dict.fromkeys(filter(None, errors))),
        )

    def close(self) -> None:
        """Close the files; further calls do nothing."""
        with self._lock:
            self._closed = True
            for capture in self._captures.values():
                capture.close()

    def __enter__(self) -> RunOutput:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Capture:
    """One stream: its file up to a limit, its first bytes, and how many bytes there were."""

    def __init__(self, path: Path, limit_bytes: int, summary_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._summary_bytes = summary_bytes
        self._count = 0
        self._first = bytearray()
        self._file: BinaryIO | None = None
        self.error = ""
        try:
            self._file = _create(path)
        except OSError as exc:
            self.error = str(exc)

    def write(self, data: bytes) -> None:
        self._first += data[: self._summary_bytes - len(self._first)]
        room = max(0, self._limit_bytes - self._count)
        self._count += len(data)
        if self._file is not None and room:
            try:
                _write_all(self._file, data[:room])
            except OSError as exc:
                self.error = str(exc)
                self.close()

    def summary(self) -> tuple[str, bool]:
        return self._first.decode(errors="replace"), self._count > self._summary_bytes

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _write_all(file: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:  # An unbuffered file may take a part only.
        rest = rest[file.write(rest) :]


def result_of_texts(stdout: str | bytes, stderr: str | bytes, exit_code: int, error_msg: str = "") -> RunCommandResult:
    """The result of a run whose whole output is known, as of a simulated one; touches no file."""
    if not stdout and not stderr:
        return RunCommandResult(exit_code=exit_code, error_msg=error_msg)
    return RunCommandResult(*_summary(stdout, SUMMARY_BYTES), *_summary(stderr, SUMMARY_BYTES), exit_code, error_msg)


def write_result_files(
    results_dir: Path, result: RunCommandResult, stdout: str | None = None, stderr: str | None = None
) -> None:
    """The result files of such a run.

    Args:
        stdout: The whole text; else what the result holds of it, which may be its first bytes only. `stderr` alike.

    Raises:
        AdapterError: one cannot be written.
    """
    out = result.stdout if stdout is None else stdout
    err = result.stderr if stderr is None else stderr
    try:
        for name, text in (("stdout", out), ("stderr", err), ("exitCode", str(result.exit_code)[:_EXIT_CODE_LENGTH])):
            with _create(results_dir / name) as file:
                _write_all(file, _bytes(text)[:FILE_LIMIT_BYTES])
    except OSError as exc:
        raise AdapterError(f"cannot write the result files: {exc}") from exc


def _summary(output: str | bytes, limit_bytes: int) -> tuple[str, bool]:
    data = _bytes(output)
    return data[:limit_bytes].decode(errors="replace"), len(data) > limit_bytes


def _bytes(output: str | bytes) -> bytes:
    return output if isinstance(output, bytes) else output.encode(errors="replace")


def _write_exit_code(results_dir: Path, exit_code: int) -> str:
    """Empty, or why the file could not be written."""
    try:
        with _create(results_dir / "exitCode") as file:
            file.write(str(exit_code)[:_EXIT_CODE_LENGTH].encode())
    except OSError as exc:
        return str(exc)
    return ""


def _create(path: Path) -> BinaryIO:
    # A program may have the results folder mounted: never write through a link that it laid there.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    # Unbuffered: the files grow while the program runs.
    return os.fdopen(os.open(path, flags, 0o644), "wb", buffering=0)
