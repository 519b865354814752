"""How a fault stands, for people."""

from __future__ import annotations

import attrs

from devstack.faults.fault import Fault

__all__ = ["FaultState"]


@attrs.frozen
class FaultState:
    """An injected fault: `waiting`, `active` or `over`; `machines` are those it is on, once it has begun."""

    id: int
    fault: Fault
    state: str
    begins_ns: int
    machines: tuple[str, ...] = ()
    strikes: int = 0
