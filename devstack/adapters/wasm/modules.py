"""Module files, and compiled modules kept by content: a module that was seen before costs no compilation."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import Final

import attrs
import wasmtime

from devstack.errors import AdapterError

__all__ = ["CompiledModule", "ModuleCache", "has_name_section", "read_module_file"]

_MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_MAGIC: Final = b"\0asm"
_HEADER_BYTES: Final = 8
_CUSTOM_SECTION: Final = 0


@attrs.frozen
class CompiledModule:
    module: wasmtime.Module
    imports: tuple[tuple[str, str], ...]  # (module, name), in the order in which an instance wants them.
    has_name_section: bool


class ModuleCache:
    """The most recently used compiled modules of one engine, by the sha256 of their bytes."""

    def __init__(self, engine: wasmtime.Engine, size: int = 64) -> None:
        self._engine = engine
        self._size = size
        self._lock = threading.Lock()
        self._compiled: OrderedDict[bytes, Future[CompiledModule]] = OrderedDict()

    def compiled(self, wasm: bytes) -> CompiledModule:
        """The module of these bytes; who comes while another thread compiles it waits for that thread.

        Raises:
            AdapterError: the bytes are no valid module.
        """
        key = sha256(wasm).digest()
        with self._lock:
            future = self._compiled.get(key)
            is_first = future is None
            if future is None:
                future = self._compiled[key] = Future()
            self._compiled.move_to_end(key)
            if len(self._compiled) > self._size:
                self._compiled.popitem(last=False)
        if is_first:
            self._compile(wasm, future)
        return future.result()

    def __len__(self) -> int:
        return len(self._compiled)

    def _compile(self, wasm: bytes, future: Future[CompiledModule]) -> None:
        try:
            future.set_result(_compile(self._engine, wasm))
        except BaseException as exc:
            future.set_exception(exc)


def _compile(engine: wasmtime.Engine, wasm: bytes) -> CompiledModule:
    if not wasm.startswith(_MAGIC):  # wasmtime would take the text format too.
        raise AdapterError("invalid magic number")
    try:
        module = wasmtime.Module(engine, wasm)
    except wasmtime.WasmtimeError as exc:
        raise AdapterError(f"invalid module: {' '.join(str(exc).split())}") from None
    imports = tuple((wanted.module, wanted.name or "") for wanted in module.imports)
    return CompiledModule(module, imports, has_name_section(wasm))


def read_module_file(path: Path) -> bytes:
    """The bytes of a module: of the file, or of the only file in the folder.

    Raises:
        AdapterError: no such file, several, or one that is too large.
    """
    try:
        if path.is_dir():
            files = sorted(path.iterdir())
            if len(files) != 1:
                raise AdapterError(f"should be 1 file in {path} but there are {len(files)}")
            path = files[0]
        size_bytes = path.stat().st_size
        if size_bytes > _MAX_FILE_BYTES:
            raise AdapterError(f"a module of {size_bytes} bytes is larger than the {_MAX_FILE_BYTES} bytes allowed")
        return path.read_bytes()
    except OSError as exc:
        raise AdapterError(f"cannot read the module: {exc}") from exc


def has_name_section(wasm: bytes) -> bool:
    """Whether a module has a custom section `name`; the module must be valid."""
    position = _HEADER_BYTES
    while position < len(wasm):
        section = wasm[position]
        size, start = _leb128(wasm, position + 1)
        if section == _CUSTOM_SECTION:
            length, name = _leb128(wasm, start)
            if wasm[name : name + length] == b"name":
                return True
        position = start + size
    return False


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    """An unsigned number of variable length, and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
