"""Instances of a program's modules, each import given by the one that has its name.

Order and texts as in compute reference 6: the import modules first, each under its alias, then the entry module. An
import comes from a module that is already there, from WASI, or from the input whose alias is its module name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import wasmtime

from devstack.adapters.wasm.engine import SharedEngine
from devstack.adapters.wasm.modules import CompiledModule, read_module_file
from devstack.adapters.wasm.program import ModuleFile, Program
from devstack.adapters.wasm.spec import PAGE_BYTES
from devstack.adapters.wasm.wasi import EXIT_NOTE, PROC_EXIT_WAT, WASI
from devstack.errors import AdapterError

__all__ = ["Linking", "entry_function"]

_Extern = Any  # wasmtime has no public name for what may be imported.
_PROC_EXIT_WASM: Final = bytes(wasmtime.wat2wasm(PROC_EXIT_WAT))
_DOCUMENTATION: Final = "https://docs.bacalhau.org/getting-started/wasm-workload-onboarding"


class Linking:
    """The instances of one store."""

    def __init__(self, shared: SharedEngine, store: wasmtime.Store, program: Program) -> None:
        self._shared = shared
        self._store = store
        self._program = program
        self._instances: dict[str, wasmtime.Instance] = {}
        self._loading: list[str] = []

    def instantiate(self, file: ModuleFile, what: str) -> wasmtime.Instance:
        """An instance of the module, from now on known by its alias.

        Raises:
            AdapterError: it cannot be read, compiled or linked, or wants too much memory.
            wasmtime.Trap: its start function trapped.
        """
        try:
            return self._load(file.path, file.alias)
        except AdapterError as exc:
            raise AdapterError(f"failed to instantiate {what} ({file.source_type}): {exc.message}", exc.hint) from None

    def _load(self, path: Path, alias: str) -> wasmtime.Instance:
        if alias in self._loading:
            raise AdapterError(f"modules import each other in a circle: {' -> '.join([*self._loading, alias])}")
        compiled = self._shared.modules.compiled(read_module_file(path))
        if self._program.needs_name_section and not compiled.has_name_section:
            raise AdapterError("Name section not found")
        self._loading.append(alias)
        instance = self._instance(compiled)
        self._loading.pop()
        if alias:
            self._instances[alias] = instance
        return instance

    def _instance(self, compiled: CompiledModule) -> wasmtime.Instance:
        imports = [self._found(module, name) for module, name in compiled.imports]
        try:
            return wasmtime.Instance(self._store, compiled.module, imports)
        except wasmtime.WasmtimeError as exc:
            raise AdapterError(self._instance_error(str(exc))) from None

    def _found(self, module: str, name: str) -> _Extern:
        if module == WASI and module not in self._instances:
            return self._found_in_wasi(name)
        exported = self._instance_of(module).exports(self._store).get(name)
        if exported is None:
            raise AdapterError(f'"{name}" is not exported in module "{module}"')
        return exported

    def _found_in_wasi(self, name: str) -> _Extern:
        if name == "proc_exit":
            return self._proc_exit()
        try:
            return self._shared.linker.get(self._store, WASI, name)
        except wasmtime.WasmtimeError:
            raise AdapterError(f'"{name}" is not exported in module "{WASI}"') from None

    def _proc_exit(self) -> _Extern:
        module = self._shared.modules.compiled(_PROC_EXIT_WASM).module
        note = self._shared.linker.get(self._store, *EXIT_NOTE)
        return wasmtime.Instance(self._store, module, [note]).exports(self._store)["proc_exit"]

    def _instance_of(self, module: str) -> wasmtime.Instance:
        if module in self._instances:
            return self._instances[module]
        path = self._program.inputs.get(module) if module else None
        if path is None:
            raise AdapterError(
                f'could not find WASM module with name "{module}". expecting a built-in module name '
                f'(like "{WASI}"), or the Alias of one of the job\'s InputSources. see also: {_DOCUMENTATION}'
            )
        return self._load(path, module)

    def _instance_error(self, text: str) -> str:
        """A memory that is too large in Bacalhau's words; other texts as they are, in one line."""
        words = text.split()
        if not text.startswith("memory minimum size of"):
            return " ".join(words)
        wanted, limit = int(words[4]), self._program.memory_bytes // PAGE_BYTES
        return f"section memory: min {_pages_text(wanted)} over limit of {_pages_text(limit)}"


def entry_function(store: wasmtime.Store, instance: wasmtime.Instance, name: str) -> wasmtime.Func:
    """The function to call.

    Raises:
        AdapterError: there is none that takes and returns nothing.
    """
    function = instance.exports(store).get(name)
    if isinstance(function, wasmtime.Func):
        kind = function.type(store)
        if not kind.params and not kind.results:
            return function
    raise AdapterError(f"unable to find the entrypoint '{name}' in the WASM module")


def _pages_text(pages: int) -> str:
    """Such as `16 pages (1 Mi)`: the size in the largest unit that it reaches, cut to a whole number."""
    size, units = pages * (PAGE_BYTES // 1024), ["Ki", "Mi", "Gi"]
    while size >= 1024 and len(units) > 1:
        size //= 1024
        units.pop(0)
    return f"{pages} pages ({size} {units[0]})"
