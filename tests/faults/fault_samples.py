"""Faults for tests: one of each word, and hypothesis' ways to draw any."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from devstack.faults import WORDS, Fault
from devstack.faults import builders as words
from devstack.faults.values import (
    CHANCE,
    COPIES,
    COUNT,
    DURATION,
    FACTOR,
    FLAG,
    MESSAGE_NAMES,
    MESSAGES,
    NODES,
    SKEW,
    SLOWDOWN,
    TEXT,
)
from devstack.faults.words import Parameter, Word, make
from devstack.models.gotext import duration_text

ONE_OF_EACH: dict[str, Fault] = {
    "crash": words.crash("node-2", after="5s", restart_after="1m"),
    "restart": words.restart("node-2", after="5s", down_for="10s"),
    "forget_state": words.forget_state("node-2", after="5s"),
    "pause": words.pause("node-1", after="5s", for_="20s"),
    "clock_skew": words.clock_skew("node-1", "-40s", after="5s", for_="2m"),
    "duplicate_node": words.duplicate_node("node-1", for_="2m"),
    "partition": words.partition(["node-1", "node-2"], after="5s", for_="2m"),
    "isolate": words.isolate("node-3", direction="in", for_="1m"),
    "drop": words.drop("BidResult", from_="node-1", chance=0.5, times=3, for_="5m"),
    "delay": words.delay(by="2s", jitter="3s", for_="1m"),
    "duplicate": words.duplicate(chance=0.5, for_="1m"),
    "reorder": words.reorder(within="4s", for_="1m"),
    "lie_about_capacity": words.lie_about_capacity("node-1", factor=0, for_="2m"),
    "stale_info": words.stale_info("node-1", for_="2m"),
    "slow": words.slow("node-1", "x10", for_="5m"),
    "hang_executor": words.hang_executor("50%", for_="1m"),
    "fail_executor": words.fail_executor("node-1", times=1, for_="5m"),
    "out_of_memory": words.out_of_memory("node-2", after="5s", for_="10s"),
    "full_disk": words.full_disk("node-3", for_="1m"),
    "slow_pull": words.slow_pull(by="30s", chance="25%", for_="1m"),
    "lose_results": words.lose_results("node-1", for_="5m"),
    "slow_storage": words.slow_storage("node-1", factor=4, for_="5m"),
    "fail_storage": words.fail_storage("node-2", error="no such bucket", for_="1m"),
    "corrupt_storage": words.corrupt_storage(chance=0.5, for_="5m"),
    "flapping_node": words.flapping_node("node-1", down="5s", up="10s", times=3),
    "split_then_heal": words.split_then_heal("50%", for_="40s"),
    "rolling_restart": words.rolling_restart(down="5s", every="10s"),
    "swizzle_clog": words.swizzle_clog(for_="1m"),
    "thundering_rejoin": words.thundering_rejoin(for_="1m"),
    "zombie_result": words.zombie_result("node-1", for_="3m"),
}
assert set(WORDS) == set(ONE_OF_EACH)

_NODES = ["node-1", "node-2", "node-3", "all", "50%", "40% of env=devstack", "id in (node-1,node-3)", "id!=node-2"]
_MOST_NS = 5 * 60 * 10**9

durations = st.integers(0, _MOST_NS).map(duration_text) | st.integers(0, 300)
some_time = st.integers(3 * 10**9, _MOST_NS).map(duration_text)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=8)

_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    DURATION: durations,
    SKEW: st.integers(-_MOST_NS, _MOST_NS).map(duration_text),
    CHANCE: st.integers(0, 1_000_000).map(lambda ppm: ppm / 1_000_000),
    FACTOR: st.integers(0, 40).map(lambda quarters: quarters / 4),
    SLOWDOWN: st.integers(4, 40).map(lambda quarters: quarters / 4),
    COPIES: st.integers(0, 4),
    COUNT: st.integers(0, 4),
    FLAG: st.booleans(),
    MESSAGES: st.lists(st.sampled_from(MESSAGE_NAMES), min_size=1, max_size=3),
}


def _value(word: Word, parameter: Parameter) -> st.SearchStrategy[Any]:
    if parameter.name in ("down", "up", "every"):
        return some_time
    if parameter.kind is TEXT:
        return texts.filter(lambda text: not text.startswith("j-"))
    if parameter.kind is NODES:
        names = [*_NODES, "requester"] if word.takes_requester else _NODES
        return st.lists(st.sampled_from(names), min_size=1, max_size=3)
    return _VALUES.get(parameter.kind, st.sampled_from(["both", "in", "out"]))


@st.composite
def faults(draw: st.DrawFn, *, ends: bool = False) -> Fault:
    """Any fault that a cluster of three nodes takes; with `ends` none lasts for ever."""
    word = WORDS[draw(st.sampled_from(sorted(WORDS)))]
    given: dict[str, Any] = {}
    for parameter in word.parameters:
        if parameter.default is None or draw(st.booleans()):
            given[parameter.name] = draw(_value(word, parameter))
    if draw(st.booleans()):
        given["after"] = draw(durations)
    if draw(st.booleans()):
        given["chance"] = draw(_VALUES[CHANCE])
    if draw(st.booleans()):
        given["times"] = draw(st.integers(0, 4))
    if ends or draw(st.booleans()):
        given["for"] = draw(some_time)
    return make(word.name, given)
