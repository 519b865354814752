"""Ends a script that computes for ever: between two waits of trio nothing else gets its turn to do so.

A thread outside of the simulated world looks every now and then whether the script's thread has got anywhere. If it
has only burnt CPU time in one and the same step, and what it is in is the script's code, the script is ended by an
error at that line. CPU time, because neither a loaded machine nor a debugger's prompt is a loop. The thread changes
nothing in a run that goes on, and ends by itself when there has been nothing to watch for a while.

A single call of a function written in C that never returns cannot be ended like that, nor a script that catches
everything (`except BaseException`) in its loop. Where the system does not tell a thread's CPU time, nobody watches.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import attrs

from devstack.errors import UsageError
from devstack.runtime.virtual import VirtualPace
from devstack.scenario.strict import is_foreign, is_packaged, place

__all__ = ["EndlessLoopError", "watched"]

LIMIT_S: Final = 20.0
LOOK_EVERY_S: Final = 0.5
IDLE_S: Final = 2.0


class EndlessLoopError(UsageError):
    """A script computes without end."""


class _Stop(BaseException):
    """What is raised in the script; no `except Exception` of its own shall catch it."""


@attrs.define(eq=False)
class _Watch:
    """One run; `since_cpu_s` is what its thread had burnt when the run last got anywhere."""

    thread_id: int
    clock_id: int
    progress: Callable[[], int]
    limit_s: float
    seen: int = -1
    since_cpu_s: float = 0.0
    error: EndlessLoopError | None = None
    # The thread takes it when the run is over, and keeps it: from then on nothing may be raised there.
    lock: threading.RLock = attrs.field(factory=threading.RLock)

    def look(self) -> bool:
        """Look whether the run has got anywhere; False if it is over."""
        if not self.lock.acquire(blocking=False):
            return False
        try:
            self._look()
        finally:
            self.lock.release()
        return True

    def leave(self) -> None:
        """The run is over."""
        self.lock.acquire()
        self.progress = int  # A world may be big, and nobody looks at this one any more.

    def _look(self) -> None:
        progress, cpu_s = self.progress(), time.clock_gettime(self.clock_id)
        if progress != self.seen:
            self.seen, self.since_cpu_s = progress, cpu_s
        elif cpu_s - self.since_cpu_s >= self.limit_s:
            frame = _script_frame(sys._current_frames().get(self.thread_id))
            if frame is not None:
                self._end(frame)

    def _end(self, frame: FrameType) -> None:
        if self.error is None:
            self.error = EndlessLoopError(
                f"{place(frame)} has computed for {self.limit_s:g} s without a wait, and no virtual time passes "
                "meanwhile: a loop without an end?",
                "wait in it (`await trio.sleep(...)`, `await cluster.wait(...)`), or compute before the scenario",
            )
        _raise_in(self.thread_id, _Stop)


class _Watchdog:
    """All runs of this process that are watched, and the thread that looks at them while there are any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: list[_Watch] = []
        self._thread: threading.Thread | None = None

    def add(self, watch: _Watch) -> None:
        with self._changed:
            self._watches.append(watch)
            if self._thread is None or not self._thread.is_alive():  # A fork has taken it, or it has ended.
                self._thread = threading.Thread(target=self._look, name="devstack watchdog", daemon=True)
                self._thread.start()
            elif len(self._watches) == 1:
                self._changed.notify()

    def _look(self) -> None:
        with self._changed:
            while self._watches or self._changed.wait_for(lambda: self._watches, IDLE_S):
                self._watches = [watch for watch in self._watches if watch.look()]
                self._changed.wait(LOOK_EVERY_S)
            self._thread = None


_WATCHDOG: Final = _Watchdog()


@contextmanager
def watched(pace: VirtualPace, limit_s: float | None = None) -> Iterator[None]:
    """End what runs in this thread if it computes for `limit_s` of CPU time and gets nowhere.

    Raises:
        EndlessLoopError: it was ended, whatever became of the error inside.
    """
    if not hasattr(time, "pthread_getcpuclockid"):  # Not every system tells what another thread has burnt.
        yield
        return
    thread_id = threading.get_ident()
    limit_s = LIMIT_S if limit_s is None else limit_s
    watch = _Watch(thread_id, time.pthread_getcpuclockid(thread_id), pace.progress, limit_s)
    _WATCHDOG.add(watch)
    try:
        yield
    except BaseException as exc:
        if watch.error is not None:
            raise watch.error.with_traceback(_innermost(exc).__traceback__) from None
        raise
    finally:
        watch.leave()
    if watch.error is not None:  # The script has caught it.
        raise watch.error


def _innermost(exc: BaseException) -> BaseException:
    """The error that carries the script's lines; trio's nurseries wrap it."""
    while isinstance(exc, BaseExceptionGroup):
        exc = next((one for one in exc.exceptions if isinstance(one, _Stop)), exc.exceptions[0])
    return exc


def _script_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the script in a stack, or of a package; None if only we and trio are at work."""
    package = None
    while frame is not None and frame.f_code is not VirtualPace.run.__code__:
        if is_foreign(frame):
            if not is_packaged(frame):
                return frame
            package = package or frame
        frame = frame.f_back
    return package


def _raise_in(thread_id: int, error: type[BaseException]) -> None:
    """Have the thread raise `error` as soon as it runs Python code again."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(error))
