"""The one wasmtime engine of this process, with what all guests share.

Fuel makes a run's length countable, so NaN bits, threads and relaxed SIMD, which differ between machines, are settled
or off. A guest is stopped from outside by the engine's epoch: one increment makes *every* running guest ask its
store's callback, and only those that were killed are told to stop. (A deadline alone, without a callback, would end
all of them. wasmtime-py wraps the callback of its C library only by its raw name.)
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any, Final

import wasmtime
from wasmtime import _ffi as ffi

from devstack.adapters.wasm.host import active_host
from devstack.adapters.wasm.modules import ModuleCache
from devstack.adapters.wasm.wasi import define_imports

__all__ = ["SharedEngine", "shared_engine"]

_NEXT_EPOCH: Final = 1
_TABLE_ELEMENT_BYTES: Final = 8
_CONTINUE: Final = 0
_EpochCallback: Final = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.POINTER(ffi.wasmtime_context_t),
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ffi.wasmtime_update_deadline_kind_t),
)
_NO_FINALIZER: Final = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


def _stop_if_killed(_context: Any, _data: Any, next_deadline: Any, update_kind: Any) -> int:
    if active_host().is_killed:
        return ctypes.cast(wasmtime.WasmtimeError("stopped")._consume(), ctypes.c_void_p).value or 0
    next_deadline[0], update_kind[0] = _NEXT_EPOCH, _CONTINUE
    return 0


# Kept for ever: the C library calls it.
_EPOCH_CALLBACK: Final = _EpochCallback(_stop_if_killed)


class SharedEngine:
    """Engine, host functions and compiled modules; may be used from any thread."""

    def __init__(self) -> None:
        self.engine: Final = wasmtime.Engine(_config())
        self.linker: Final = wasmtime.Linker(self.engine)
        self.modules: Final = ModuleCache(self.engine)
        define_imports(self.linker)

    def new_store(self, memory_bytes: int, fuel: int) -> wasmtime.Store:
        """A store that asks the guest of its thread, after each `interrupt`, whether it was killed."""
        store = wasmtime.Store(self.engine)
        store.set_limits(memory_size=memory_bytes, table_elements=memory_bytes // _TABLE_ELEMENT_BYTES)
        store.set_fuel(fuel)
        store.set_epoch_deadline(_NEXT_EPOCH)
        ffi.wasmtime_store_epoch_deadline_callback(store.ptr(), _EPOCH_CALLBACK, None, _NO_FINALIZER)
        return store

    def interrupt(self) -> None:
        """Make every running guest look whether it was killed."""
        self.engine.increment_epoch()


def _config() -> wasmtime.Config:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.wasm_threads = False
    config.wasm_relaxed_simd = False
    config.wasm_multi_memory = False  # The limit is for one.
    config.cranelift_nan_canonicalization = True
    # A trap by signal ends the process when somebody (`faulthandler`, a debugger) has taken the handler since.
    config.signals_based_traps = False
    return config


@functools.cache
def shared_engine() -> SharedEngine:
    return SharedEngine()
