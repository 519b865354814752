"""Named compositions: which plain faults they are made of, and when each begins and ends.

All draws are made when the composition begins, from its own stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import attrs

from devstack.faults.effects import Effect
from devstack.faults.executor import DiskFull, Failing, Hanging, LostResults, Slowed, SlowPull
from devstack.faults.fault import Fault
from devstack.faults.forms import text_of
from devstack.faults.machines import Paused, PowerCut, Skewed
from devstack.faults.network import Clog, Cut, Delay, Drops, Duplicates, Lie, Stale, Twin
from devstack.faults.storage import BadBytes, NoStorage, SlowTransfers
from devstack.faults.words import make
from devstack.kernel import Stream

__all__ = ["Part", "flaps", "parts_of", "span_ns"]

DEFAULT_FLAPS: Final = 5

_EFFECTS: Final[Mapping[str, type[Effect]]] = {
    "crash": PowerCut, "restart": PowerCut, "forget_state": PowerCut, "pause": Paused, "clock_skew": Skewed,
    "duplicate_node": Twin, "partition": Cut, "isolate": Cut, "drop": Drops, "delay": Delay, "duplicate": Duplicates,
    "reorder": Delay, "lie_about_capacity": Lie, "stale_info": Stale, "slow": Slowed, "hang_executor": Hanging,
    "fail_executor": Failing, "out_of_memory": Failing, "full_disk": DiskFull, "slow_pull": SlowPull,
    "lose_results": LostResults, "slow_storage": SlowTransfers, "fail_storage": NoStorage, "corrupt_storage": BadBytes,
}  # fmt: skip


@attrs.frozen
class Part:
    """A plain fault at `offset_ns` from the beginning; `length_ns` None: until it is cleared."""

    effect: type[Effect]
    fault: Fault
    machines: tuple[str, ...]
    text: str
    offset_ns: int = 0
    length_ns: int | None = None


def parts_of(fault: Fault, machines: tuple[str, ...], stream: Stream, *, is_instant: bool) -> list[Part]:
    """What the fault is made of, on these machines."""
    compose = _COMPOSITIONS.get(fault.word)
    if compose is not None:
        return list(compose(fault, tuple(name for name in machines if _happens(fault, stream)), stream))
    length_ns = fault.for_ns if fault.for_ns or is_instant else None
    return [Part(_EFFECTS[fault.word], fault, machines, text_of(fault), length_ns=length_ns)]


def span_ns(fault: Fault, most_machines: int) -> int | None:
    """How long it lasts, on so many machines or fewer; None: until it is cleared."""
    if fault.word == "flapping_node":
        return flaps(fault) * int(fault["down"] + fault["up"])
    if fault.word == "rolling_restart":
        return most_machines * int(fault["every"]) + int(fault["down"])
    return fault.for_ns or None


def flaps(fault: Fault) -> int:
    """How often a flapping node goes."""
    return fault.times or -(-fault.for_ns // (fault["down"] + fault["up"])) or DEFAULT_FLAPS


def _happens(fault: Fault, stream: Stream) -> bool:
    return fault.chance_ppm >= 1_000_000 or stream.below(1_000_000) < fault.chance_ppm


def _part(fault: Fault, machines: tuple[str, ...], offset_ns: int, length_ns: int) -> Part:
    return Part(_EFFECTS[fault.word], fault, machines, text_of(fault), offset_ns, length_ns)


def _power_cut(name: str, offset_ns: int, length_ns: int) -> Part:
    return _part(make("restart", {"node": name}), (name,), offset_ns, length_ns)


def _flapping_node(fault: Fault, machines: tuple[str, ...], stream: Stream) -> Iterator[Part]:
    period_ns = fault["down"] + fault["up"]
    for number in range(flaps(fault)):
        for name in machines:
            yield _power_cut(name, number * period_ns, fault["down"])


def _split_then_heal(fault: Fault, machines: tuple[str, ...], stream: Stream) -> Iterator[Part]:
    if machines:
        cut = make("partition", {"side": machines, "other": fault["other"] or None})
        yield _part(cut, machines, 0, fault.for_ns)


def _rolling_restart(fault: Fault, machines: tuple[str, ...], stream: Stream) -> Iterator[Part]:
    for position, name in enumerate(machines):
        yield _power_cut(name, position * fault["every"], fault["down"])


def _swizzle_clog(fault: Fault, machines: tuple[str, ...], stream: Stream) -> Iterator[Part]:
    half_ns = fault.for_ns // 2
    for name in machines:
        begins_ns, ends_ns = stream.below(half_ns + 1), half_ns + stream.below(half_ns + 1)
        cut = make("isolate", {"node": name})
        yield Part(Clog, cut, (name,), f"clog {name}", begins_ns, ends_ns - begins_ns)


def _thundering_rejoin(fault: Fault, machines: tuple[str, ...], stream: Stream) -> Iterator[Part]:
    for name in machines:
        begins_ns = stream.below(fault.for_ns // 2 + 1)
        yield _power_cut(name, begins_ns, fault.for_ns - begins_ns)


def _zombie_result(fault: Fault, machines: tuple[str, ...], stream: Stream) -> Iterator[Part]:
    """It hears nothing, nobody hears that it lives, and what it has to tell arrives in the end."""
    signs = ["Heartbeat", "UpdateInfo", "UpdateResources", "Register"]
    for name in machines:
        yield _part(make("isolate", {"node": name, "direction": "in"}), (name,), 0, fault.for_ns)
        yield _part(make("drop", {"message": signs, "from": name}), (), 0, fault.for_ns)
        held = make("isolate", {"node": name, "direction": "out"})
        yield Part(Clog, held, (name,), f"hold what {name} reports", 0, fault.for_ns)


_COMPOSITIONS: Final[Mapping[str, Callable[[Fault, tuple[str, ...], Stream], Iterator[Part]]]] = {
    "flapping_node": _flapping_node,
    "split_then_heal": _split_then_heal,
    "rolling_restart": _rolling_restart,
    "swizzle_clog": _swizzle_clog,
    "thundering_rejoin": _thundering_rejoin,
    "zombie_result": _zombie_result,
}
