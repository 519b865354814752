"""What a script must not do, for virtual time and one seed could not explain it: named, with its line.

Always refused: `time.sleep`, and waiting for a real thread, socket or process. Strict mode also refuses wall clocks,
sockets, threads, processes and randomness that no seed explains, whoever calls them for the script. What devstack and
trio themselves do is none of its business: the nearest caller that is neither they nor the standard library decides.
If that is an installed package, the line that is named is the script's, which called it.
"""

from __future__ import annotations

import gc
import inspect
import random
import socket
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, FrameType
from typing import Any, Final

import trio

from devstack.errors import UsageError

__all__ = ["RefusedError", "explain_foreign", "guard", "is_foreign", "is_packaged", "place"]

_STDLIB: Final = sysconfig.get_path("stdlib")
_OURS: Final = str(Path(__file__).resolve().parents[1])
_TRIO: Final = str(Path(trio.__file__).parent)
_PACKAGES: Final = ("site-packages", "dist-packages")

_CLOCK: Final = "virtual time is `cluster.now_s`, and `trio.sleep` lets it pass"
_CHANCE: Final = "draw from `random.Random(cluster.seed)`: then the seed explains it"
_WORLD: Final = "do real work before or after the scenario"

# Functions written in C, by module and name. Without their module: methods of `datetime`.
_REFUSED: Final = {
    **{("time", name): _CLOCK for name in (
        "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime", "gmtime")},
    ("", "datetime.now"): _CLOCK, ("", "datetime.utcnow"): _CLOCK, ("", "date.today"): _CLOCK,
    ("posix", "urandom"): _CHANCE, ("posix", "getrandom"): _CHANCE, ("_uuid", "generate_time_safe"): _CHANCE,
    **{("_thread", name): _WORLD for name in ("start_new_thread", "start_new", "start_joinable_thread")},
    ("_socket", "getaddrinfo"): _WORLD,
    **{("posix", name): _WORLD for name in ("system", "fork", "posix_spawn", "forkpty")},
    ("_posixsubprocess", "fork_exec"): _WORLD,
}  # fmt: skip


class RefusedError(UsageError):
    """A script did what virtual time and the seed cannot explain."""


def _is_stdlib(file: str) -> bool:
    return file.startswith(("<", _STDLIB)) and not any(part in file for part in _PACKAGES)


def _culprit(frame: FrameType | None, *, past_trio: bool) -> tuple[str, FrameType] | None:
    """What the script called, as it is spelled there, and the script's frame; None if we or trio did it.

    A package that did it in a task of its own, below no line of the script, is the culprit itself.
    """
    name, package = "", None
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_OURS) or (file.startswith(_TRIO) and not past_trio):
            return package
        if is_foreign(frame):
            if _is_collecting(frame):
                return None
            if not is_packaged(frame):
                return name, frame
            package = package or (name, frame)
        name = f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_qualname}".removesuffix(".__init__")
        frame = frame.f_back
    return package


def _is_collecting(frame: FrameType) -> bool:
    """Whether the frame is a callback of the garbage collector, which comes in between anywhere."""
    return any(getattr(callback, "__code__", None) is frame.f_code for callback in gc.callbacks)


def is_foreign(frame: FrameType) -> bool:
    """Whether it is code of a script, or of what that calls: not ours, trio's or the standard library's."""
    file = frame.f_code.co_filename
    return not (file.startswith((_OURS, _TRIO)) or _is_stdlib(file))


def is_packaged(frame: FrameType) -> bool:
    """Whether it is code of an installed package, that a script may use without knowing its lines."""
    return any(part in frame.f_code.co_filename for part in _PACKAGES)


def place(frame: FrameType) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _refusal(name: str, frame: FrameType, why: str) -> RefusedError:
    return RefusedError(f"{place(frame)} calls {name}, which cannot be repeated in virtual time", why)


@contextmanager
def guard(script: Callable[..., Any], *, strict: bool = False) -> Iterator[None]:
    """Refuse what a script must not do, for the length of a block and in this thread."""
    places = [*_waiting_places(), (time, "sleep", "time.sleep")]
    names = getattr(inspect.unwrap(script), "__globals__", {})
    bound = [name for name, value in names.items() if value is time.sleep]  # `from time import sleep`
    before = [(module, name, getattr(module, name), shown) for module, name, shown in places]
    profiler, looker = sys.getprofile(), _Looker()
    try:
        for module, name, function, shown in before:
            setattr(module, name, _refusing(function, shown))
        names.update(dict.fromkeys(bound, time.sleep))
        if strict:
            # Every call of this thread is looked at: names bound early (`from time import time`) are seen as well.
            sys.setprofile(looker)
        yield
    finally:
        if strict:  # Only then: a profiler written in C cannot be read, and would be lost.
            sys.setprofile(profiler)
        for module, name, function, _ in before:
            setattr(module, name, function)
        names.update(dict.fromkeys(bound, time.sleep))
    if looker.refusal is not None:  # The script has caught it.
        raise looker.refusal


@cache
def _waiting_places() -> list[tuple[Any, str, str]]:
    """Where trio's ways to wait for a thread, a socket or a process are bound.

    A thread that is quick enough would end before anybody sees a task wait for it, so it is not started at all.
    """
    functions = {id(function): shown for function, shown in _waiting()}
    modules = [module for name, module in sys.modules.items() if name.startswith("trio.")]
    return [
        (module, name, functions[id(value)])
        for module in [trio, *modules]
        for name, value in list(vars(module).items())
        if id(value) in functions
    ]


def _waiting() -> list[tuple[Any, str]]:
    names = ("run_process", "open_tcp_stream", "open_tcp_listeners", "open_unix_socket", "open_ssl_over_tcp_stream")
    return [
        (trio.to_thread.run_sync, "trio.to_thread.run_sync"),
        (trio.socket.socket, "trio.socket.socket"),
        (trio.lowlevel.open_process, "trio.lowlevel.open_process"),
        *((getattr(trio, name), f"trio.{name}") for name in names),
    ]


def _refusing(function: Callable[..., Any], shown: str) -> Callable[..., Any]:
    ours, is_sleep = threading.get_ident(), function is time.sleep

    def refuse(*arguments: Any, **named: Any) -> Any:
        found = _culprit(sys._getframe(1), past_trio=not is_sleep) if threading.get_ident() == ours else None
        if found is None:
            return function(*arguments, **named)
        if is_sleep:
            raise _asleep(found[1])
        raise _real_waiting(shown if "<locals>" in found[0] else found[0] or shown, found[1])

    return refuse


def _asleep(frame: FrameType) -> RefusedError:
    return RefusedError(
        f"{place(frame)} calls time.sleep, which stops everything and lets no virtual time pass",
        "use `await trio.sleep(...)` or `await cluster.advance(...)`",
    )


def _real_waiting(name: str, frame: FrameType) -> RefusedError:
    return RefusedError(
        f"{place(frame)} waits for the real world ({name}), which does not exist in virtual time",
        "do real work before or after the scenario, or run it with --engines real",
    )


class _Looker:
    """A profile function that refuses calls. Raising ends its work, so the first refusal is kept."""

    def __init__(self) -> None:
        self.refusal: RefusedError | None = None

    def __call__(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call":
            why = _why_refused(frame, called)
            if why and (found := _culprit(frame, past_trio=False)) is not None:
                self._refuse(found[0] or _spelled(called), found[1], why)
        elif event == "call" and frame.f_code is socket.socket.__init__.__code__:
            found = _culprit(frame.f_back, past_trio=False)
            if found is not None:
                self._refuse(found[0] or "socket.socket", found[1], _WORLD)

    def _refuse(self, name: str, frame: FrameType, why: str) -> None:
        self.refusal = _refusal(name, frame, why)
        raise self.refusal


def _why_refused(frame: FrameType, called: Any) -> str:
    owner = getattr(called, "__self__", None)
    if isinstance(owner, random.Random):
        # A generator of the script's own is fine if it has a seed; the module's functions share one that has none.
        is_unseeded = called.__name__ == "seed" and frame.f_locals.get("a", 0) is None
        return _CHANCE if owner is _SHARED or is_unseeded else ""
    if not isinstance(called, BuiltinFunctionType):
        return ""
    if isinstance(owner, type):
        return _REFUSED.get(("", called.__qualname__), "")
    return _REFUSED.get((called.__module__ or "", called.__name__), "")


_SHARED: Final = random.random.__self__  # type: ignore[attr-defined]


def _spelled(called: Any) -> str:
    owner = getattr(called, "__self__", None)
    if isinstance(owner, type):
        return f"{owner.__module__}.{called.__qualname__}"
    module = {"posix": "os"}.get(called.__module__ or "random", called.__module__ or "random")
    return f"{module}.{called.__name__}"


def explain_foreign(exc: BaseException) -> str:
    """What an error of another library's event loop means here; empty for all other errors."""
    text = str(exc)
    is_foreign = isinstance(exc, RuntimeError) and "event loop" in text
    is_foreign |= isinstance(exc, TypeError) and "unrecognized yield message" in text
    is_foreign |= type(exc).__name__ == "AsyncLibraryNotFoundError"
    if not is_foreign:
        return ""
    return (
        "a scenario awaits something of another library (asyncio?), and scenarios run on trio: "
        "use trio.sleep, trio.Event, trio.open_nursery"
    )
