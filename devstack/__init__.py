"""A whole Bacalhau network in one Python process.

The words of scenarios and faults can be had from here: `from devstack import batch, crash, noop, scenario`. They are
imported when they are first asked for, so that a short command starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

__version__ = "0.1.0"

_SCENARIO_WORDS: Final = ("batch", "daemon", "docker", "noop", "ops", "run", "service", "stored", "wasm")
_FAULT_WORDS: Final = (
    "clock_skew", "corrupt_storage", "crash", "delay", "drop", "duplicate", "duplicate_node", "fail_executor",
    "fail_storage", "flapping_node", "forget_state", "full_disk", "hang_executor", "isolate", "lie_about_capacity",
    "lose_results", "out_of_memory", "partition", "pause", "reorder", "restart", "rolling_restart", "slow",
    "slow_pull", "slow_storage", "split_then_heal", "stale_info", "swizzle_clog", "thundering_rejoin", "zombie_result",
)  # fmt: skip
_HOMES: Final = {
    **dict.fromkeys(_SCENARIO_WORDS, "devstack.scenario"),
    **dict.fromkeys(_FAULT_WORDS, "devstack.faults"),
}

__all__ = ["__version__", *_HOMES, "scenario"]  # - the names are texts


def __getattr__(name: str) -> Any:
    # `scenario` is a package that can be called: a package's name always hides an attribute of the same name.
    if name == "scenario":
        return import_module("devstack.scenario")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
