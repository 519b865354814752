"""Which sources a task reads: its inputs, and the modules that a wasm task names in its engine's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devstack.models.job import InputSource, SpecConfig, Task

__all__ = ["module_sources", "source_keys"]


def module_sources(task: Task) -> list[InputSource]:
    """The modules of a wasm task: the entry module first, then the import modules in their order.

    A module that is no object, or names no source, is left out; the engine's own check says what is wrong with it.
    """
    engine = task.engine
    if engine is None or engine.key != "wasm":
        return []
    imports = engine.param("ImportModules", [])
    listed = [engine.param("EntryModule"), *(imports if isinstance(imports, list | tuple) else [])]
    return [source for source in map(_input_source, listed) if source is not None]


def source_keys(task: Task) -> tuple[str, ...]:
    """The provider keys of the sources that the task reads, each once: its inputs', then its modules'."""
    sources = (*task.input_sources, *module_sources(task))
    keys = (one.source.key for one in sources if one.source is not None)
    return tuple(dict.fromkeys(key for key in keys if key))


def _input_source(value: Any) -> InputSource | None:
    if not isinstance(value, Mapping):
        return None
    fields = {key.lower(): field for key, field in value.items() if isinstance(key, str)}
    source = fields.get("source")
    if not isinstance(source, Mapping):
        return None
    spec = {key.lower(): field for key, field in source.items() if isinstance(key, str)}
    params = spec.get("params")
    return InputSource(
        SpecConfig(str(spec.get("type") or "").strip(), dict(params) if isinstance(params, Mapping) else {}),
        str(fields.get("alias") or "").strip(),
        str(fields.get("target") or "").strip(),
    )
