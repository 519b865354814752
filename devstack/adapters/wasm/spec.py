"""What a wasm task asks for. Source: compute reference 6, "Spec"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig, Task
from devstack.models.resources import Resources

__all__ = ["PAGE_BYTES", "WasmSpec", "memory_limit_bytes", "read_spec"]

PAGE_BYTES: Final = 65536
_MAX_MEMORY_BYTES: Final = 4 << 30
_ENTRY_MODULE: Final = "invalid wasm engine entry module."


@attrs.frozen
class WasmSpec:
    """A module is an InputSource of its own or, as in later versions of Bacalhau, the Target of one of the inputs."""

    entry_module: InputSource | str
    entry_point: str
    parameters: tuple[str, ...]
    environment: Mapping[str, str]
    import_modules: tuple[InputSource | str, ...]


def read_spec(task: Task) -> WasmSpec:
    """The task's Params, checked.

    Raises:
        AdapterError: Params that cannot be run anywhere.
    """
    engine = task.engine or SpecConfig()
    if engine.key != "wasm":
        raise AdapterError(f"invalid wasm engine type. expected wasm, but received: {engine.type}")
    if not engine.params:
        raise AdapterError("invalid wasm engine params. cannot be nil")
    return WasmSpec(
        _module(engine.param("EntryModule"), _ENTRY_MODULE),
        _text(engine.param("EntryPoint", ""), "EntryPoint"),
        tuple(_text(item, "Parameters") for item in _list(engine.param("Parameters", ()), "Parameters")),
        _environment(engine.param("EnvironmentVariables", {})),
        tuple(
            _module(item, "invalid wasm engine import module.")
            for item in _list(engine.param("ImportModules", ()), "ImportModules")
        ),
    )


def memory_limit_bytes(resources: Resources) -> int:
    """The most memory the module may have, in whole pages; 4 GiB where the task was granted no amount.

    Raises:
        AdapterError: more than a wasm memory can be.
    """
    wanted = resources.memory_bytes
    if wanted > _MAX_MEMORY_BYTES:
        raise AdapterError(f"requested memory exceeds the wasm limit - {wanted} > 4GB")
    pages = -(-wanted // PAGE_BYTES)
    return pages * PAGE_BYTES or _MAX_MEMORY_BYTES


def _module(value: Any, who: str) -> InputSource | str:
    if isinstance(value, str | InputSource) and value:
        return value
    if not isinstance(value, Mapping) or not value:
        raise AdapterError(f"{who} cannot be nil")
    wanted = SpecConfig(params=value)  # For its reading of keys in any case.
    source = wanted.param("Source")
    if not isinstance(source, Mapping) or not source:
        raise AdapterError(f"{who} source cannot be nil")
    inner = SpecConfig(params=source)
    return InputSource(
        SpecConfig(_text(inner.param("Type", ""), "Source.Type"), _mapping(inner.param("Params", {}), "Source.Params")),
        _text(wanted.param("Alias", ""), "Alias").strip(),
        _text(wanted.param("Target", ""), "Target").strip(),
    )


def _environment(value: Any) -> Mapping[str, str]:
    what = "EnvironmentVariables"
    return {_text(name, what): _text(text, what) for name, text in _mapping(value, what).items()}


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise AdapterError(f"invalid wasm engine param: '{what}' ({value}) must be text")
    if "\0" in value:
        raise AdapterError(f"invalid wasm engine param: '{what}' must not contain a zero byte")
    return value


def _list(value: Any, what: str) -> Iterable[Any]:
    if not isinstance(value, list | tuple):
        raise AdapterError(f"invalid wasm engine param: '{what}' ({value}) must be a list")
    return value


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise AdapterError(f"invalid wasm engine param: '{what}' ({value}) must be an object")
    return value
