"""Whether a module could run alone, as a person wants to know before submitting it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import wasmtime

from devstack.adapters.wasm.engine import SharedEngine
from devstack.adapters.wasm.modules import read_module_file
from devstack.adapters.wasm.wasi import WASI
from devstack.errors import AdapterError

__all__ = ["check_module"]

_OWN_OF_WASI: Final = frozenset({"proc_exit"})
_STORE_BYTES: Final = 64 * 1024


def check_module(path: Path, entry_point: str) -> None:
    """Compile the module and look at its imports and its entry point; nothing of it runs.

    Raises:
        AdapterError: it is no module, imports what is not WASI's, or has no such function without parameters and
            results.
    """
    shared = SharedEngine()
    module = shared.modules.compiled(read_module_file(path)).module
    store = shared.new_store(_STORE_BYTES, fuel=1)
    for wanted in module.imports:
        if not _is_wasi(shared, store, wanted.module, wanted.name or ""):
            raise AdapterError(f"no export found for '{wanted.module}::{wanted.name}' required by module")
    _check_entry_point(module, entry_point)


def _is_wasi(shared: SharedEngine, store: wasmtime.Store, module: str, name: str) -> bool:
    if module != WASI:
        return False
    if name in _OWN_OF_WASI:
        return True
    try:
        shared.linker.get(store, module, name)
    except wasmtime.WasmtimeError:
        return False
    return True


def _check_entry_point(module: wasmtime.Module, name: str) -> None:
    kind = next((export.type for export in module.exports if export.name == name), None)
    if not isinstance(kind, wasmtime.FuncType):
        functions = [each.name for each in module.exports if isinstance(each.type, wasmtime.FuncType)]
        raise AdapterError(
            f"function '{name}' required but no export found",
            f"name another with --entry-point: {', '.join(functions)}"
            if functions
            else "the module exports no function",
        )
    for what, types in (("parameters", kind.params), ("results", kind.results)):
        if types:
            raise AdapterError(f"function '{name}' has {len(types)} {what} but it must have none")
