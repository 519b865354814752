"""A store of objects that a simulated world reads its inputs from: each has a size and places, and no bytes.

An input of the type `simulated` has the parameters `SizeBytes` and, if nodes hold it already, `HeldBy`, their ids.
"""

from __future__ import annotations

from typing import Final

import attrs

from devstack.errors import AdapterError
from devstack.models.gotext import SECOND_NS
from devstack.models.job import SpecConfig, Task

__all__ = ["SIMULATED", "StoredObject", "objects_of", "transfer_ns"]

SIMULATED: Final = "simulated"
_NOOP: Final = "noop"
_MOST_BYTES: Final = 2**63 - 1


@attrs.frozen
class StoredObject:
    """`held_by` are the ids of the nodes that need not fetch it."""

    size_bytes: int
    held_by: tuple[str, ...] = ()


def objects_of(task: Task) -> list[StoredObject]:
    """The task's inputs that are in the simulated store.

    Raises:
        AdapterError: one cannot be read, or the engine would need its bytes.
    """
    sources = [one.source for one in task.input_sources if one.source is not None and one.source.key == SIMULATED]
    if sources and (task.engine is None or task.engine.key != _NOOP):
        name = task.engine.type if task.engine is not None else ""
        raise AdapterError(
            f"an input of type {SIMULATED!r} has no bytes that the engine {name!r} could read",
            "give it an inline source, or run the engine noop",
        )
    return [_read(source) for source in sources]


def transfer_ns(size_bytes: int, latency_ns: int, bytes_per_s: int) -> int:
    """How long an object is on its way, rounded up; `bytes_per_s` 0: as fast as can be."""
    return latency_ns + (-(-size_bytes * SECOND_NS // bytes_per_s) if bytes_per_s else 0)


def _read(source: SpecConfig) -> StoredObject:
    size_bytes, held_by = source.param("SizeBytes"), source.param("HeldBy") or []
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or not 0 <= size_bytes <= _MOST_BYTES:
        raise AdapterError(f"the SizeBytes of a {SIMULATED} input cannot be {size_bytes!r}", "write a whole number")
    if not isinstance(held_by, list | tuple) or not all(isinstance(one, str) for one in held_by):
        raise AdapterError(f"the HeldBy of a {SIMULATED} input cannot be {held_by!r}", "write the ids of nodes")
    return StoredObject(size_bytes, tuple(held_by))
