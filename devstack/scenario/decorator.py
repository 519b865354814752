"""`@scenario` makes an async function a scenario: it says which cluster, the function says what happens on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs

from devstack.behaviour import DOCUMENTED, Behaviour, parse
from devstack.scenario.handles import ClusterHandle

__all__ = ["Scenario", "scenario"]

Script = Callable[[ClusterHandle], Awaitable[object]]


@attrs.frozen
class Scenario:
    """A script and the cluster that it is for.

    `nodes` compute nodes, all alike unless `shapes` says otherwise: settings of `compute.config.ComputeConfig` by node
    id. `requester` are settings of `orchestrator.config.RequesterConfig`.
    """

    script: Script
    name: str
    about: str = ""
    nodes: int = 3
    seed: int = 0
    behaviour: Behaviour = DOCUMENTED
    shapes: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    requester: Mapping[str, Any] = attrs.field(factory=dict)
    faults: Sequence[Any] = ()
    covers: Sequence[str] = ()
    file: str = ""
    wasm_fuel_limit: int | None = None

    async def __call__(self, cluster: ClusterHandle) -> object:
        return await self.script(cluster)


def scenario(
    nodes: int = 3,
    *,
    seed: int = 0,
    behaviour: str | Sequence[str] = (),
    shapes: Mapping[str, Mapping[str, Any]] | None = None,
    requester: Mapping[str, Any] | None = None,
    faults: Sequence[Any] = (),
    covers: str | Sequence[str] = (),
    wasm_fuel_limit: int | None = None,
) -> Callable[[Script], Scenario]:
    """Make a function of one argument, the cluster, a scenario.

    Args:
        behaviour: What `--behaviour` takes.
        covers: Cells of the table job type x fault, such as `batch: node lost`.
        wasm_fuel_limit: What a module may burn between two host calls before it is taken as endless. The default of
            10^10 takes real seconds to burn.
    """
    words = [behaviour] if isinstance(behaviour, str) else list(behaviour)
    cells = [covers] if isinstance(covers, str) else list(covers)

    def make(script: Script) -> Scenario:
        return Scenario(
            script=script,
            name=script.__name__,
            about=(script.__doc__ or "").strip(),
            nodes=nodes,
            seed=seed,
            behaviour=parse(words) if words else DOCUMENTED,
            shapes=dict(shapes or {}),
            requester=dict(requester or {}),
            faults=tuple(faults),
            covers=tuple(cells),
            file=script.__code__.co_filename,
            wasm_fuel_limit=wasm_fuel_limit,
        )

    return make
