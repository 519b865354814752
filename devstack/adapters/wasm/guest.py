"""A running module: a thread that stops at each sleep of the module, and at its end.

    guest = Guest(program, shared_engine(), start_ns=0, random=Random(7), write=print_it)
    while isinstance(step := guest.run_to_next(), Sleeping):
        ...                                     # let time pass until step.until_ns

wasmtime-py cannot suspend a call, so a sleeping module is a thread that waits inside the import. Everything a module
can learn of time and chance comes from here: time is the fuel it burnt and the sleep it asked for, so a run is the
same on every machine.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from random import Random
from typing import Final

import attrs
import wasmtime

from devstack.adapters.wasm.engine import SharedEngine
from devstack.adapters.wasm.host import set_active_host
from devstack.adapters.wasm.linking import Linking, entry_function
from devstack.adapters.wasm.program import Program
from devstack.adapters.wasm.traps import OutOfFuel, trap_text
from devstack.errors import AdapterError
from devstack.runtime.ports import STDERR, STDOUT

__all__ = ["Endless", "Finished", "Guest", "Sleeping", "Step"]

_NOT_RUN: Final = -1
_TRAPPED: Final = 1
_RELEASE_LIMIT_S: Final = 0.5


@attrs.frozen
class Sleeping:
    """The module waits until this instant of its own time."""

    until_ns: int


@attrs.frozen
class Finished:
    """It is over; `used_ns` is how long it took in its own time."""

    exit_code: int
    error_msg: str
    used_ns: int


@attrs.frozen
class Endless:
    """It burnt the fuel limit without a call to us: taken as a program that never ends."""

    used_ns: int


Step = Sleeping | Finished | Endless


class Guest:
    """One module in its thread.

    Args:
        write: Takes what the module writes to STDOUT and STDERR; called from the guest's thread.
        fuel_limit: Units of fuel between two calls of the module for time, sleep or randomness.
        ns_per_1000_fuel: The speed of the node; 1000 makes one unit a nanosecond.
    """

    def __init__(
        self,
        program: Program,
        shared: SharedEngine,
        *,
        start_ns: int,
        random: Random,
        write: Callable[[int, bytes], None],
        fuel_limit: int = 10**10,
        ns_per_1000_fuel: int = 1000,
    ) -> None:
        self._program = program
        self._shared = shared
        self.start_ns: Final = start_ns
        self._random = random
        self._write = write
        self._fuel_limit = fuel_limit
        self._ns_per_1000_fuel = ns_per_1000_fuel
        self._steps: SimpleQueue[Step] = SimpleQueue()
        self._post: Callable[[Step], None] = self._steps.put
        self._thread = threading.Thread(target=self._run, name="wasm-guest", daemon=True)
        self._woken = threading.Semaphore(0)
        self._killed = False
        self._is_over = False
        self._store: wasmtime.Store | None = None
        self._released: list[threading.Event] = []
        self._burnt_fuel = 0
        self._slept_ns = 0
        self._exit_code: int | None = None
        self._error: Exception | None = None

    # ---- from outside ------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Start it, or let it go on from its sleep; its next step will be posted."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._woken.release()

    def run_to_next(self) -> Step:
        """Let it run, and block until it sleeps again or is over."""
        self.wake()
        return self._steps.get()

    def post_to(self, post: Callable[[Step], None]) -> None:
        """Hand each step to `post`, in the guest's thread, instead of to `run_to_next`; say so before `wake`."""
        self._post = post

    def kill(self) -> None:
        """Make it end soon, wherever it is; may be called at any time."""
        self._killed = True
        self._shared.interrupt()
        self._woken.release()

    @property
    def is_over(self) -> bool:
        """Whether nothing of the module runs: it posted its last step, or was never begun."""
        return self._is_over or self._thread.ident is None

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; whether it ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # ---- Host: what the module's imports ask ---------------------------------------------------------------------

    @property
    def is_killed(self) -> bool:
        return self._killed

    def now_ns(self) -> int:
        return self.start_ns + self._used_ns()

    def cpu_ns(self) -> int:
        """Every call of the module for time, sleep or randomness comes by here, so the limit starts anew."""
        if self._store is not None:
            self._burnt_fuel += self._fuel_limit - self._store.get_fuel()
            self._store.set_fuel(self._fuel_limit)
        return self._burnt_fuel * self._ns_per_1000_fuel // 1000

    def sleep_until(self, instant_ns: int) -> None:
        self._slept_ns += max(0, instant_ns - self.now_ns())
        self._post(Sleeping(instant_ns))
        self._woken.acquire()
        if self._killed:
            self._end_at_next_check()

    def random_bytes(self, count: int) -> bytes:
        self.cpu_ns()
        return self._random.randbytes(count)

    def exited(self, code: int) -> None:
        self._exit_code = code

    def failed(self, error: Exception) -> None:
        self._error = self._error or error
        self._end_at_next_check()

    # ---- inside the thread ---------------------------------------------------------------------------------------

    def _used_ns(self) -> int:
        return self.cpu_ns() + self._slept_ns

    def _end_at_next_check(self) -> None:
        assert self._store is not None
        self.cpu_ns()
        self._burnt_fuel -= self._fuel_limit
        self._store.set_fuel(0)

    def _run(self) -> None:
        set_active_host(self)
        step: Step = Finished(_NOT_RUN, "", 0)
        try:
            step = self._run_to_end()
        finally:
            set_active_host(None)
            self._close_store()
            self._is_over = True
            with suppress(Exception):  # Nobody listens any more: the loop is over.
                self._post(step)

    def _run_to_end(self) -> Step:
        if self._killed:
            return Finished(_NOT_RUN, "", 0)
        try:
            exit_code, error_msg = self._call()
        except AdapterError as exc:
            exit_code, error_msg = _NOT_RUN, exc.message
        except OutOfFuel:
            if self._error is None:
                return Endless(self._used_ns())
        except Exception as exc:
            self._error = self._error or exc
        if self._error is not None:
            exit_code, error_msg = _NOT_RUN, f"WASM executor failed with an internal error: {self._error!r}"
        return Finished(exit_code, error_msg, self._used_ns())

    def _call(self) -> tuple[int, str]:
        """Exit code and error of the program."""
        try:
            self._link()()
        except (wasmtime.Trap, wasmtime.WasmtimeError) as exc:
            if self._exit_code is not None:
                return self._exit_code, ""
            return _TRAPPED, trap_text(exc)
        return self._program.return_code, ""

    def _link(self) -> Callable[[], object]:
        program = self._program
        store = self._store = self._shared.new_store(program.memory_bytes, self._fuel_limit)
        if self._killed:  # The interrupt came before the store could take notice of it.
            self._end_at_next_check()
        store.set_wasi(self._wasi())
        linking = Linking(self._shared, store, program)
        for file in program.imports:
            linking.instantiate(file, "import module")
        instance = linking.instantiate(program.entry, "entry module module")
        function = entry_function(store, instance, program.entry_point)
        return lambda: function(store)

    def _wasi(self) -> wasmtime.WasiConfig:
        config = wasmtime.WasiConfig()
        config.argv = ["", *self._program.arguments]
        config.env = self._program.environment
        config.stdout_custom = self._sink(STDOUT)
        config.stderr_custom = self._sink(STDERR)
        config.preopen_dir(str(self._program.root), "/")
        return config

    def _sink(self, stream: int) -> Callable[[bytes], None]:
        """What the engine hands a stream's bytes to, and the event that tells that it has let go of it."""
        sink = partial(self._wrote, stream)
        released = threading.Event()
        self._released.append(released)
        weakref.finalize(sink, released.set).atexit = False
        return sink

    def _wrote(self, stream: int, data: bytes) -> None:
        if self._killed:
            return
        try:
            self._write(stream, data)
        except Exception as exc:
            self._error = self._error or exc

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
        # The engine lets go in a thread of its own; one that comes when Python is ending panics.
        for released in self._released:
            released.wait(_RELEASE_LIMIT_S)
