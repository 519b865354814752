"""Clock, sleep, randomness and exit as a module sees them; everything else of WASI is wasmtime's own.

These functions never raise, and never make a trap: wasmtime-py hands an exception of a host function on through one
global variable, so with several guest threads it might come out of another guest. They return an error number
instead; the host ends a killed guest. `proc_exit`, after which no instruction may run, is a tiny module of its own:
it notes the code with us and then traps in wasm.

Source of layouts and numbers: WASI snapshot preview 1.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Any, Final

import attrs
import wasmtime

from devstack.adapters.wasm.host import Host, active_host

__all__ = ["EXIT_NOTE", "PROC_EXIT_WAT", "WASI", "define_imports"]

WASI: Final = "wasi_snapshot_preview1"
EXIT_NOTE: Final = ("devstack", "exited")
PROC_EXIT_WAT: Final = """
(module $proc_exit
  (import "devstack" "exited" (func $exited (param i32)))
  (func (export "proc_exit") (param $code i32)
    (call $exited (local.get $code))
    unreachable))
"""

_SUCCESS: Final = 0
_FAULT: Final = 21
_INVALID: Final = 28
_REALTIME, _MONOTONIC, _PROCESS_CPU, _THREAD_CPU = range(4)
_CLOCKS: Final = range(4)
_RANDOM_CHUNK_BYTES: Final = 65536

_EVENT_CLOCK: Final = 0
_SUBSCRIPTION_BYTES: Final = 48
_SUBSCRIPTION: Final = struct.Struct("<QB7xI4xQQH6x")  # userdata, tag, clock, timeout, precision, flags
_IS_ABSOLUTE: Final = 1
_EVENT: Final = struct.Struct("<QHB5x16x")  # userdata, error, type; no bytes ready
_U64: Final = struct.Struct("<Q")
_U32: Final = struct.Struct("<I")
_LATEST_NS: Final = 2**63 - 1


class GuestMemory:
    """The memory that the calling module exports."""

    def __init__(self, caller: wasmtime.Caller) -> None:
        memory = caller.get("memory")
        if not isinstance(memory, wasmtime.Memory):
            raise IndexError("the module exports no memory")
        self._caller = caller
        self._memory = memory

    def require(self, address: int, count: int) -> None:
        if address + count > self._memory.data_len(self._caller):
            raise IndexError(address)

    def read(self, address: int, count: int) -> bytes:
        self.require(address, count)
        return bytes(self._memory.read(self._caller, address, address + count))

    def write(self, address: int, data: bytes) -> None:
        self.require(address, len(data))
        if data:
            self._memory.write(self._caller, bytearray(data), address)


def _clock_ns(host: Host, clock: int) -> int:
    return host.cpu_ns() if clock in (_PROCESS_CPU, _THREAD_CPU) else host.now_ns()


def _clock_time_get(host: Host, memory: GuestMemory, clock: int, _precision: int, address: int) -> int:
    if clock not in _CLOCKS:
        return _INVALID
    memory.write(address, _U64.pack(_clock_ns(host, clock)))
    return _SUCCESS


def _clock_res_get(_host: Host, memory: GuestMemory, clock: int, address: int) -> int:
    if clock not in _CLOCKS:
        return _INVALID
    memory.write(address, _U64.pack(1))
    return _SUCCESS


def _random_get(host: Host, memory: GuestMemory, address: int, count: int) -> int:
    memory.require(address, count)
    for offset in range(0, count, _RANDOM_CHUNK_BYTES):
        memory.write(address + offset, host.random_bytes(min(_RANDOM_CHUNK_BYTES, count - offset)))
    return _SUCCESS


@attrs.frozen
class _Subscription:
    userdata: int
    tag: int
    due_ns: int  # On the guest's clock; zero for files, which are always ready.


def _poll_oneoff(host: Host, memory: GuestMemory, source: int, target: int, count: int, count_address: int) -> int:
    if count == 0:
        return _INVALID
    memory.require(target, count * _EVENT.size)
    raw = memory.read(source, count * _SUBSCRIPTION_BYTES)
    now_ns = host.now_ns()
    wanted = [_subscription(fields, now_ns) for fields in _SUBSCRIPTION.iter_unpack(raw)]
    first_ns = min(subscription.due_ns for subscription in wanted)
    if first_ns > now_ns:
        host.sleep_until(first_ns)
    events = [_EVENT.pack(one.userdata, _SUCCESS, one.tag) for one in wanted if one.due_ns <= max(first_ns, now_ns)]
    memory.write(target, b"".join(events))
    memory.write(count_address, _U32.pack(len(events)))
    return _SUCCESS


def _subscription(fields: tuple[int, ...], now_ns: int) -> _Subscription:
    userdata, tag, _clock, timeout_ns, _precision, flags = fields
    if tag != _EVENT_CLOCK:
        return _Subscription(userdata, tag, due_ns=0)
    due_ns = timeout_ns if flags & _IS_ABSOLUTE else now_ns + timeout_ns
    return _Subscription(userdata, tag, min(due_ns, _LATEST_NS))


_Function = Callable[..., int]
_FUNCTIONS: Final[dict[str, tuple[_Function, str]]] = {
    "clock_time_get": (_clock_time_get, "iIi"),
    "clock_res_get": (_clock_res_get, "ii"),
    "random_get": (_random_get, "ii"),
    "poll_oneoff": (_poll_oneoff, "iiii"),
}


def define_imports(linker: wasmtime.Linker) -> None:
    """Put wasmtime's WASI into the linker, and our functions in front of its own."""
    linker.allow_shadowing = True
    linker.define_wasi()
    i32, i64 = wasmtime.ValType.i32, wasmtime.ValType.i64
    for name, (function, kinds) in _FUNCTIONS.items():
        masks = tuple(0xFFFF_FFFF if kind == "i" else 0xFFFF_FFFF_FFFF_FFFF for kind in kinds)
        signature = wasmtime.FuncType([i32() if kind == "i" else i64() for kind in kinds], [i32()])
        linker.define_func(WASI, name, signature, functools.partial(_call, function, masks), access_caller=True)
    linker.define_func(*EXIT_NOTE, wasmtime.FuncType([i32()], []), _note_exit)


def _call(function: _Function, masks: tuple[int, ...], caller: wasmtime.Caller, *signed: Any) -> int:
    host = active_host()
    if host.is_killed:
        return _INVALID
    try:
        return function(host, GuestMemory(caller), *(value & mask for value, mask in zip(signed, masks, strict=True)))
    except IndexError:
        return _FAULT
    except Exception as exc:
        host.failed(exc)
        return _INVALID


def _note_exit(code: int) -> None:
    active_host().exited(code & 0xFFFF_FFFF)
