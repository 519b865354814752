"""The words as Python functions: `crash("node-2", after="30s", restart_after="1m")`.

`faults.words` says what each means. Every one takes `after` (from now), `for_` or `until`, `chance` (asked anew for
each node, message or execution) and `times` (how often it strikes, at most).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypedDict, Unpack

from devstack.faults.fault import Fault
from devstack.faults.words import make

__all__ = [
    "clock_skew",
    "corrupt_storage",
    "crash",
    "delay",
    "drop",
    "duplicate",
    "duplicate_node",
    "fail_executor",
    "fail_storage",
    "flapping_node",
    "forget_state",
    "full_disk",
    "hang_executor",
    "isolate",
    "lie_about_capacity",
    "lose_results",
    "out_of_memory",
    "partition",
    "pause",
    "reorder",
    "restart",
    "rolling_restart",
    "slow",
    "slow_pull",
    "slow_storage",
    "split_then_heal",
    "stale_info",
    "swizzle_clog",
    "thundering_rejoin",
    "zombie_result",
]

Nodes = Any
"""A node's id, `requester`, a selector, a share, `job:NAME`, what a scenario holds in its hands, or a list of these."""
Duration = str | int | float
Messages = str | Collection[str]


class When(TypedDict, total=False):
    """When, how long, how likely."""

    after: Duration
    for_: Duration
    until: Duration
    chance: float | str
    times: int


class Link(When, total=False):
    """Which messages, beside their type."""

    from_: Nodes
    to: Nodes
    job: Any


# ---- machines ----------------------------------------------------------------------------------------------


def crash(node: Nodes, *, restart_after: Duration | None = None, **when: Unpack[When]) -> Fault:
    """Cut the power: what the node had not committed is gone. Without `restart_after` it stays away."""
    return make("crash", {"node": node, "restart_after": restart_after, **when})


def restart(node: Nodes, *, down_for: Duration | None = None, forget: bool = False, **when: Unpack[When]) -> Fault:
    """Cut the power and give it back; with `forget` the store is empty, as on a new disk."""
    return make("restart", {"node": node, "down_for": down_for, "forget": forget, **when})


def forget_state(node: Nodes, *, down_for: Duration | None = None, **when: Unpack[When]) -> Fault:
    """Restart with an empty store."""
    return make("forget_state", {"node": node, "down_for": down_for, **when})


def pause(node: Nodes, **when: Unpack[When]) -> Fault:
    """Freeze a machine: what is for it waits."""
    return make("pause", {"node": node, **when})


def clock_skew(node: Nodes, by: Duration, **when: Unpack[When]) -> Fault:
    """Set a clock wrong: ahead by so much, or behind where it is negative."""
    return make("clock_skew", {"node": node, "by": by, **when})


def duplicate_node(node: Nodes, **when: Unpack[When]) -> Fault:
    """A second node with the same id and an empty store takes part."""
    return make("duplicate_node", {"node": node, **when})


# ---- the network -------------------------------------------------------------------------------------------


def partition(side: Nodes, other: Nodes = None, *, direction: str = "both", **when: Unpack[When]) -> Fault:
    """No messages between the sides; `direction` cuts only what comes `in` to the first side, or goes `out` of it."""
    return make("partition", {"side": side, "other": other, "direction": direction, **when})


def isolate(node: Nodes, *, direction: str = "both", **when: Unpack[When]) -> Fault:
    """No messages between these machines and anybody."""
    return make("isolate", {"node": node, "direction": direction, **when})


def drop(message: Messages | None = None, **link: Unpack[Link]) -> Fault:
    """Messages are lost."""
    return make("drop", {"message": message, **link})


def delay(
    message: Messages | None = None, *, by: Duration, jitter: Duration | None = None, **link: Unpack[Link]
) -> Fault:
    """Messages take longer, by `by` and up to `jitter` more."""
    return make("delay", {"message": message, "by": by, "jitter": jitter, **link})


def duplicate(message: Messages | None = None, *, copies: int = 2, **link: Unpack[Link]) -> Fault:
    """Messages arrive more than once."""
    return make("duplicate", {"message": message, "copies": copies, **link})


def reorder(message: Messages | None = None, *, within: Duration | None = None, **link: Unpack[Link]) -> Fault:
    """Messages overtake each other: each is late by up to `within`."""
    return make("reorder", {"message": message, "within": within, **link})


# ---- what nodes say of themselves --------------------------------------------------------------------------


def lie_about_capacity(node: Nodes, *, factor: float | str = 10, **when: Unpack[When]) -> Fault:
    """A node reports its capacity times a factor."""
    return make("lie_about_capacity", {"node": node, "factor": factor, **when})


def stale_info(node: Nodes, **when: Unpack[When]) -> Fault:
    """A node is alive but reports nothing new of itself."""
    return make("stale_info", {"node": node, **when})


# ---- engines, stores, images -------------------------------------------------------------------------------


def slow(node: Nodes, factor: float | str = 10, *, job: Any = None, **when: Unpack[When]) -> Fault:
    """Everything that executions do takes `factor` times as long."""
    return make("slow", {"node": node, "factor": factor, "job": job, **when})


def hang_executor(node: Nodes = None, *, job: Any = None, **when: Unpack[When]) -> Fault:
    """The node is alive, but what it runs never ends."""
    return make("hang_executor", {"node": node, "job": job, **when})


def fail_executor(
    node: Nodes = None, *, job: Any = None, error: str | None = None, **when: Unpack[When]
) -> Fault:  # fmt: skip
    """What runs and what starts fails."""
    return make("fail_executor", {"node": node, "job": job, "error": error, **when})


def out_of_memory(node: Nodes = None, *, job: Any = None, **when: Unpack[When]) -> Fault:
    """What runs and what starts is killed for its use of memory."""
    return make("out_of_memory", {"node": node, "job": job, **when})


def full_disk(node: Nodes = None, *, job: Any = None, **when: Unpack[When]) -> Fault:
    """Nothing can be written: no inputs, no results, no starts."""
    return make("full_disk", {"node": node, "job": job, **when})


def slow_pull(
    node: Nodes = None, *, by: Duration | None = None, image: str | None = None, job: Any = None, **when: Unpack[When]
) -> Fault:
    """Programs start late, for their images come slowly."""
    return make("slow_pull", {"node": node, "by": by, "image": image, "job": job, **when})


def lose_results(node: Nodes = None, *, job: Any = None, **when: Unpack[When]) -> Fault:
    """What programs have written is gone when they end."""
    return make("lose_results", {"node": node, "job": job, **when})


# ---- where inputs come from --------------------------------------------------------------------------------


def slow_storage(
    node: Nodes = None, *, factor: float | str | None = None, job: Any = None, **when: Unpack[When]
) -> Fault:
    """Inputs take `factor` times as long to come."""
    return make("slow_storage", {"node": node, "factor": factor, "job": job, **when})


def fail_storage(node: Nodes = None, *, job: Any = None, error: str | None = None, **when: Unpack[When]) -> Fault:
    """Inputs cannot be had."""
    return make("fail_storage", {"node": node, "job": job, "error": error, **when})


def corrupt_storage(node: Nodes = None, *, job: Any = None, **when: Unpack[When]) -> Fault:
    """Inputs arrive damaged, which their checksums tell."""
    return make("corrupt_storage", {"node": node, "job": job, **when})


# ---- compositions ------------------------------------------------------------------------------------------


def flapping_node(
    node: Nodes, *, down: Duration | None = None, up: Duration | None = None, **when: Unpack[When]
) -> Fault:
    """A node goes and comes again, `times` times (5 if nothing is said) or for a while."""
    return make("flapping_node", {"node": node, "down": down, "up": up, **when})


def split_then_heal(side: Nodes, other: Nodes = None, **when: Unpack[When]) -> Fault:
    """A partition that ends, after two minutes if nothing is said."""
    return make("split_then_heal", {"side": side, "other": other, **when})


def rolling_restart(
    node: Nodes = None, *, down: Duration | None = None, every: Duration | None = None, **when: Unpack[When]
) -> Fault:
    """Nodes restart one after another."""
    return make("rolling_restart", {"node": node, "down": down, "every": every, **when})


def swizzle_clog(node: Nodes = None, **when: Unpack[When]) -> Fault:
    """Links clog one by one at random instants, and come free in another random order."""
    return make("swizzle_clog", {"node": node, **when})


def thundering_rejoin(node: Nodes = None, **when: Unpack[When]) -> Fault:
    """Nodes go at random instants and all come back at the same one."""
    return make("thundering_rejoin", {"node": node, **when})


def zombie_result(node: Nodes, **when: Unpack[When]) -> Fault:
    """A node counts as lost, works on, and reports when others have taken over."""
    return make("zombie_result", {"node": node, **when})
