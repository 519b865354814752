"""What a job asks of a node. Jobs that ask the same share one ranking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from devstack.models.job import Constraint, Job, ResourcesConfig, SpecConfig, Task
from devstack.models.resources import NO_RESOURCES, Resources, parse

__all__ = ["Wanted", "wanted_by"]

_WASM: Final = "wasm"
_NOTHING: Final = ResourcesConfig()


class Wanted(NamedTuple):
    """Provider keys are in lower case; an empty engine or publisher asks for nothing."""

    engine: str = ""
    publisher: str = ""
    sources: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    resources: Resources = NO_RESOURCES


def wanted_by(job: Job) -> Wanted:
    """What the job's task asks of a node.

    Raises:
        InvalidJobError: its resources cannot be read.
    """
    task = job.task
    return Wanted(
        "" if task.engine is None else task.engine.key,
        "" if task.publisher is None else task.publisher.key,
        _sources(task),
        job.constraints,
        NO_RESOURCES if task.resources == _NOTHING else _resources(task.resources),
    )


@lru_cache(maxsize=1024)
def _resources(config: ResourcesConfig) -> Resources:
    return parse(config)


def _sources(task: Task) -> tuple[str, ...]:
    if not task.input_sources and (task.engine is None or task.engine.key != _WASM):
        return ()
    keys = [entry.source.key for entry in task.input_sources if entry.source is not None]
    if task.engine is not None and task.engine.key == _WASM:
        keys.extend(_module_sources(task.engine))
    return tuple(dict.fromkeys(key for key in keys if key))


def _module_sources(engine: SpecConfig) -> Iterator[str]:
    """Where the entry module and the import modules of a wasm task come from."""
    modules = [engine.param("EntryModule")]
    imports = engine.param("ImportModules")
    if isinstance(imports, list | tuple):
        modules.extend(imports)
    for module in modules:
        kind = _entry(_entry(module, "Source"), "Type")
        if isinstance(kind, str):
            yield kind.strip().lower()


def _entry(params: Any, name: str) -> Any:
    return SpecConfig(params=params).param(name) if isinstance(params, Mapping) else None
