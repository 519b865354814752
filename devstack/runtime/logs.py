"""The logs of executions, for those who read along and those who come later.

Readers hold no bytes but a position (`log_history.py`): a slow one costs the writer nothing and no memory. It may fall
behind what is kept, and then goes on with the oldest bytes that are. Writers may be any threads; they wake a waiting
reader through its trio token, once, however much they write before it has a look.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final
from weakref import WeakSet

import attrs
import trio

from devstack.models.execution import RunCommandResult
from devstack.runtime.log_history import LogHistory, Piece
from devstack.runtime.ports import STDERR, STDOUT

__all__ = ["ExecutionLog", "LogBook", "LogReader", "finished_lines", "result_lines"]

_MIB: Final = 1024 * 1024
_SINGLE_LINES: Final = 2048  # Characters at the beginning of a finished stream that come line by line.
_PIECE: Final = 32 * 1024
_LOG_COST_BYTES: Final = 1024  # What an empty log takes, roughly: counted, so that empty logs have a bound as well.


@attrs.frozen
class _Limits:
    stream_bytes: int
    running_bytes: int
    total_bytes: int


class LogBook:
    """The logs of all executions of a stack.

    Args:
        stream_bytes: What is kept of each stream of a finished execution: its last bytes.
        running_bytes: The same until it is finished and read to the end by all who read along, so that who comes late
            misses nothing, and no burst outruns a reader: 100,000 lines of 300 characters.
        total_bytes: For all logs together; the finished ones go first, the oldest of them at the head.
    """

    def __init__(self, stream_bytes: int = _MIB, running_bytes: int = 32 * _MIB, total_bytes: int = 256 * _MIB) -> None:
        self._limits = _Limits(stream_bytes, max(stream_bytes, running_bytes), total_bytes)
        self._lock = threading.Lock()
        self._logs: dict[str, ExecutionLog] = {}
        self._finished: dict[str, None] = {}  # In the order of their ends.
        self._kept_bytes = 0
        self._awaited: dict[str, trio.Event] = {}

    def open(self, execution_id: str) -> ExecutionLog:
        """The execution's log, ready for writing: a new one, or the old one when the execution goes on.

        Call it in the trio thread.
        """
        with self._lock:
            log = self._logs.get(execution_id)
            if log is None:
                log = self._logs[execution_id] = ExecutionLog(execution_id, self)
                self._kept_bytes += _LOG_COST_BYTES
            log._is_closed = False
            self._finished.pop(execution_id, None)
            self._shrink(log)
        if (event := self._awaited.pop(execution_id, None)) is not None:
            event.set()
        return log

    def write_texts(self, execution_id: str, stdout: str, stderr: str) -> None:
        """The output of a simulated program, all at once; the log stays open until `finish`."""
        log = self.open(execution_id)
        log.write(STDOUT, stdout.encode(errors="replace"))
        log.write(STDERR, stderr.encode(errors="replace"))

    def finish(self, execution_id: str) -> None:
        """The execution is over: close its log, if it has one."""
        if (log := self._logs.get(execution_id)) is not None:
            log.close()

    def get(self, execution_id: str) -> ExecutionLog | None:
        """The execution's log, if there is one and it is still kept."""
        return self._logs.get(execution_id)

    async def wait_opened(self, execution_id: str) -> ExecutionLog:
        """The execution's log as soon as there is one; put a timeout around it."""
        while (log := self.get(execution_id)) is None:
            event = self._awaited.setdefault(execution_id, trio.Event())
            try:
                await event.wait()
            finally:
                if not event.statistics().tasks_waiting and self._awaited.get(execution_id) is event:
                    del self._awaited[execution_id]
        return log

    def statistics(self) -> dict[str, int]:
        with self._lock:
            return {"logs": len(self._logs), "finished": len(self._finished), "kept_bytes": self._kept_bytes}

    def _shrink(self, writer: ExecutionLog) -> None:
        """Come below the total; with no finished log left, the writer pays with its own oldest bytes."""
        while self._kept_bytes > self._limits.total_bytes and self._finished:
            execution_id = next(iter(self._finished))
            del self._finished[execution_id]
            history = self._logs.pop(execution_id)._history
            self._kept_bytes -= history.size_bytes + _LOG_COST_BYTES
            history.trim(0)
        before = writer._history.size_bytes
        writer._history.drop_oldest(self._kept_bytes - self._limits.total_bytes)
        self._kept_bytes -= before - writer._history.size_bytes


@attrs.define(eq=False)
class _Bell:
    """What one waiting reader is woken by, once."""

    token: trio.lowlevel.TrioToken
    event: trio.Event

    def ring(self) -> None:
        if trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token() is self.token:
            self.event.set()
            return
        try:
            self.token.run_sync_soon(self.event.set)
        except trio.RunFinishedError:
            return  # The reader's loop is over, and so is the reader.


class ExecutionLog:
    """One execution's log; `LogBook.open` makes it."""

    def __init__(self, execution_id: str, book: LogBook) -> None:
        self.execution_id = execution_id
        self._book = book
        self._lock = book._lock
        self._history = LogHistory()
        self._is_closed = False
        self._bells: list[_Bell] = []
        self._readers: WeakSet[LogReader] = WeakSet()

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def write(self, stream: int, data: bytes) -> None:
        """Take bytes of STDOUT or STDERR; from any thread. Bytes after the end are dropped."""
        with self._lock:
            if self._is_closed or not data:
                return
            before = self._history.size_bytes
            self._history.append(stream, data)
            self._trim(before)
            self._book._shrink(self)
            bells = self._take_bells()
        for bell in bells:
            bell.ring()

    def close(self) -> None:
        """The execution is over: readers come to their end; from any thread."""
        with self._lock:
            if not self._is_closed and self._book._logs.get(self.execution_id) is self:
                self._book._finished[self.execution_id] = None
            self._is_closed = True
            self._trim(self._history.size_bytes)
            bells = self._take_bells()
        for bell in bells:
            bell.ring()

    def read(self, *, tail: bool = False, follow: bool = False) -> LogReader:
        """`async for stream, data in log.read(...)`: bytes in the order in which they were written.

        Who does not read to the end closes the reader, for what it has not read is kept for it.

        Args:
            tail: Only what is written from this call on. A finished log comes whole, whatever is asked for.
            follow: Until the execution is over; else until what there was at this call has come.
        """
        with self._lock:
            now = self._history.end
            position = now if tail and not self._is_closed else 0
            reader = LogReader(self, position, None if follow else now)
            self._readers.add(reader)
        return reader

    def text(self) -> tuple[str, str]:
        """What is kept of stdout and of stderr."""
        with self._lock:
            out, err = self._history.stream_bytes(STDOUT), self._history.stream_bytes(STDERR)
        return out.decode(errors="replace"), err.decode(errors="replace")

    # With the lock held:

    def _trim(self, before_bytes: int) -> None:
        limits = self._book._limits
        is_done = self._is_closed and not self._readers
        self._history.trim(limits.stream_bytes if is_done else limits.running_bytes)
        self._book._kept_bytes += self._history.size_bytes - before_bytes

    def _leave(self, reader: LogReader) -> None:
        self._readers.discard(reader)
        # A log that was dropped from the book is empty, so this changes nothing there.
        self._trim(self._history.size_bytes)

    def _take_bells(self) -> list[_Bell]:
        bells, self._bells = self._bells, []
        return bells


class LogReader:
    """An iterator over (stream, bytes); characters are never cut in two."""

    def __init__(self, log: ExecutionLog, position: int, end: int | None) -> None:
        self._log = log
        self._position = position
        self._end = end
        self._begun = {STDOUT: b"", STDERR: b""}  # The first bytes of a character whose rest has not come yet.

    def __aiter__(self) -> LogReader:
        return self

    def close(self) -> None:
        """Read no further."""
        with self._log._lock:
            self._log._leave(self)

    async def __anext__(self) -> tuple[int, bytes]:
        await trio.lowlevel.checkpoint()
        while True:
            match self._take():
                case Piece(stream, data):
                    if chunk := self._whole_characters(stream, data):
                        return stream, chunk
                case _Bell() as bell:
                    await self._wait(bell)
                case None:
                    return self._last_piece()

    def _take(self) -> Piece | _Bell | None:
        """The next bytes, or a bell that will ring when there may be some, or None at the end."""
        log = self._log
        with log._lock:
            piece = log._history.piece(self._position, log._history.end if self._end is None else self._end)
            if piece is not None:
                self._position = piece.end
                return piece
            if self._end is not None or log._is_closed:
                log._leave(self)
                return None
            bell = _Bell(trio.lowlevel.current_trio_token(), trio.Event())
            log._bells.append(bell)
            return bell

    async def _wait(self, bell: _Bell) -> None:
        try:
            await bell.event.wait()
        finally:
            with self._log._lock:
                if bell in self._log._bells:
                    self._log._bells.remove(bell)

    def _whole_characters(self, stream: int, data: bytes) -> bytes:
        data = self._begun[stream] + data
        cut = _whole_length(data)
        self._begun[stream] = data[cut:]
        return data[:cut]

    def _last_piece(self) -> tuple[int, bytes]:
        for stream, data in self._begun.items():
            if data:
                self._begun[stream] = b""
                return stream, data
        raise StopAsyncIteration


def _whole_length(data: bytes) -> int:
    """Where to cut so that no UTF-8 character is incomplete at the end; bytes that are no UTF-8 stay where they are."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 != 0x80:  # Not the middle of a character: here one begins, of this length.
            length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
            return len(data) - back if back < length else len(data)
    return len(data)


def finished_lines(stdout: str, stderr: str) -> Iterator[tuple[int, str]]:
    """The lines of a finished execution, stdout before stderr; an unfinished last line gets its newline.

    Each comes by itself as far as v1.4.0 keeps them; what follows comes in pieces of many lines, for a message costs
    as much as a thousand characters. Source: http_api reference 6.
    """
    for stream, text in ((STDOUT, stdout), (STDERR, stderr)):
        start = 0
        while start < len(text):
            wanted = start if start < _SINGLE_LINES else start + _PIECE
            end = text.find("\n", wanted) + 1 or len(text)
            yield stream, text[start:end].removesuffix("\n") + "\n"
            start = end


def result_lines(result: RunCommandResult | None) -> Iterator[tuple[int, str]]:
    """The same from what a result holds: the first bytes of each stream; nothing if there is no result."""
    return finished_lines(result.stdout, result.stderr) if result is not None else iter(())
