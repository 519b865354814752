"""Faults, in words: what goes wrong, to whom, when, for how long, how likely.

fault     one fault as a value             words         the table of words, and what each takes
values    what parameters may be           forms         mappings, words of a command line, Python, and back
builders  the words as functions           targets       from texts to machines and jobs of one cluster
effects   what an active fault is          machines, network, executor   the effects
compositions  what is made of several      engine        begins and ends them on a cluster
files     a file of faults
"""

from typing import TYPE_CHECKING

from devstack.errors import UsageError
from devstack.faults.builders import (
    clock_skew,
    corrupt_storage,
    crash,
    delay,
    drop,
    duplicate,
    duplicate_node,
    fail_executor,
    fail_storage,
    flapping_node,
    forget_state,
    full_disk,
    hang_executor,
    isolate,
    lie_about_capacity,
    lose_results,
    out_of_memory,
    partition,
    pause,
    reorder,
    restart,
    rolling_restart,
    slow,
    slow_pull,
    slow_storage,
    split_then_heal,
    stale_info,
    swizzle_clog,
    thundering_rejoin,
    zombie_result,
)
from devstack.faults.fault import Fault
from devstack.faults.forms import parse_mapping, parse_words, text_of, to_mapping, to_python, to_words
from devstack.faults.words import WORDS, word_of

__all__ = [
    "WORDS",
    "Fault",
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
    "parse_mapping",
    "parse_words",
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
    "text_of",
    "thundering_rejoin",
    "to_mapping",
    "to_python",
    "to_words",
    "zombie_result",
]

if not TYPE_CHECKING:  # A type checker shall still find an unknown word by itself.

    def __getattr__(name):
        """An unknown word is answered as it is everywhere: with the one that was probably meant, and all others."""
        if not name.startswith("_"):
            try:
                word_of(name)
            except UsageError as exc:
                raise AttributeError(f"{exc}; {exc.hint}") from None
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
