"""The words for what can go wrong: one table of what each means and takes.

Python's builders, YAML, the command line and the API all read it, so that a word means the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from devstack.errors import UsageError
from devstack.faults.fault import CERTAIN_PPM, Fault
from devstack.faults.values import (
    CHANCE,
    COPIES,
    COUNT,
    DURATION,
    FACTOR,
    FLAG,
    MESSAGES,
    NODES,
    SKEW,
    SLOWDOWN,
    TEXT,
    Kind,
    choice,
    unknown,
)
from devstack.models.gotext import SECOND_NS

__all__ = ["WORDS", "Parameter", "Word", "make", "word_of"]

MINUTE_NS: Final = 60 * SECOND_NS
_EVERYBODY: Final = ("all",)


@attrs.frozen
class Parameter:
    """`default` is a read value; None: the parameter has to be given."""

    name: str
    kind: Kind
    about: str
    default: Any = None


@attrs.frozen
class Word:
    """One word. Its first parameter may be given without its name.

    `end` is what the length is called. `for_ns` is the length when none is given. `is_instant`: without a length
    it is over at once. `is_settled`: once it has happened nothing more is to come, so that the cluster may be judged.
    `takes_requester`: its nodes may include the requester.
    """

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    end: str = "for"
    for_ns: int = 0
    is_instant: bool = False
    is_settled: bool = False
    is_composition: bool = False
    takes_requester: bool = False

    @property
    def target(self) -> str:
        return self.parameters[0].name

    def parameter(self, name: str) -> Parameter | None:
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


_NODE: Final = Parameter("node", NODES, "which nodes")
_ANY_NODE: Final = Parameter("node", NODES, "which nodes; all by default", _EVERYBODY)
_JOB: Final = Parameter("job", TEXT, "only executions of the job with that name or id", "")
_MESSAGE: Final = Parameter("message", MESSAGES, "which messages; all by default", ())
_LINK: Final = (
    Parameter("from", NODES, "only messages of these machines", ()),
    Parameter("to", NODES, "only messages to these machines", ()),
    _JOB,
)
_DIRECTION: Final = Parameter("direction", choice("both", "in", "out"), "which way is cut, seen from inside", "both")
_SIDE: Final = Parameter("side", NODES, "one side")
_OTHER: Final = Parameter("other", NODES, "the other side; by default all the rest", ())
_DOWN: Final = Parameter("down", DURATION, "how long without power each time", 30 * SECOND_NS)

_TABLE: Final = (
    # Machines.
    Word("crash", "cut the power: what the node had not committed is gone", (_NODE,), end="restart_after",
         is_settled=True, takes_requester=True),
    Word("restart", "cut the power and give it back, at once or after a while",
         (_NODE, Parameter("forget", FLAG, "with an empty store, as on a new disk", False)),
         end="down_for", is_instant=True, is_settled=True, takes_requester=True),
    Word("forget_state", "restart with an empty store, as on a new disk", (_NODE,),
         end="down_for", is_instant=True, is_settled=True, takes_requester=True),
    Word("pause", "freeze a machine: what is for it waits", (_NODE,), takes_requester=True),
    Word("clock_skew", "set a clock wrong",
         (_NODE, Parameter("by", SKEW, "how far ahead; negative: behind")), takes_requester=True),
    Word("duplicate_node", "a second node with the same id and an empty store takes part", (_NODE,)),
    # The network.
    Word("partition", "no messages between the two sides", (_SIDE, _OTHER, _DIRECTION), takes_requester=True),
    Word("isolate", "no messages between these machines and anybody", (_NODE, _DIRECTION), takes_requester=True),
    Word("drop", "messages are lost", (_MESSAGE, *_LINK), takes_requester=True),
    Word("delay", "messages take longer",
         (_MESSAGE, Parameter("by", DURATION, "how much longer"),
          Parameter("jitter", DURATION, "up to so much more, drawn for each", 0), *_LINK), takes_requester=True),
    Word("duplicate", "messages arrive more than once",
         (_MESSAGE, Parameter("copies", COPIES, "how many arrive", 2), *_LINK), takes_requester=True),
    Word("reorder", "messages overtake each other",
         (_MESSAGE, Parameter("within", DURATION, "each is late by up to so much", SECOND_NS), *_LINK),
         takes_requester=True),
    # What nodes say of themselves.
    Word("lie_about_capacity", "a node reports its capacity times a factor",
         (_NODE, Parameter("factor", FACTOR, "0: none at all", 10 * CERTAIN_PPM))),
    Word("stale_info", "a node is alive but reports nothing new of itself", (_NODE,)),
    # Engines, stores and images.
    Word("slow", "everything that executions do takes longer",
         (_NODE, Parameter("factor", SLOWDOWN, "times as long", 10 * CERTAIN_PPM), _JOB)),
    Word("hang_executor", "the node is alive, but what it runs never ends", (_ANY_NODE, _JOB)),
    Word("fail_executor", "what runs and what starts fails",
         (_ANY_NODE, _JOB, Parameter("error", TEXT, "the reason", "the engine failed"))),
    Word("out_of_memory", "what runs and what starts is killed for its use of memory", (_ANY_NODE, _JOB)),
    Word("full_disk", "nothing can be written: no inputs, no results, no starts", (_ANY_NODE, _JOB)),
    Word("slow_pull", "programs start late, for their images come slowly",
         (_ANY_NODE, Parameter("by", DURATION, "how late", MINUTE_NS),
          Parameter("image", TEXT, "only this image", ""), _JOB)),
    Word("lose_results", "what programs have written is gone when they end", (_ANY_NODE, _JOB)),
    # Where inputs come from.
    Word("slow_storage", "inputs take longer to come",
         (_ANY_NODE, Parameter("factor", SLOWDOWN, "times as long", 10 * CERTAIN_PPM), _JOB)),
    Word("fail_storage", "inputs cannot be had",
         (_ANY_NODE, _JOB, Parameter("error", TEXT, "the reason", "the store does not answer"))),
    Word("corrupt_storage", "inputs arrive damaged, which their checksums tell", (_ANY_NODE, _JOB)),
    # Compositions.
    Word("flapping_node", "a node goes and comes, again and again",
         (_NODE, _DOWN, Parameter("up", DURATION, "how long with power in between", 30 * SECOND_NS)),
         is_composition=True, takes_requester=True),
    Word("split_then_heal", "a partition that ends",
         (_SIDE, _OTHER), for_ns=2 * MINUTE_NS, is_composition=True, takes_requester=True),
    Word("rolling_restart", "nodes restart one after another",
         (_ANY_NODE, Parameter("down", DURATION, "how long without power each", 10 * SECOND_NS),
          Parameter("every", DURATION, "from one to the next", 30 * SECOND_NS)),
         is_composition=True, takes_requester=True),
    Word("swizzle_clog", "links clog one by one at random instants, and come free in another random order",
         (_ANY_NODE,), for_ns=2 * MINUTE_NS, is_composition=True),
    Word("thundering_rejoin", "nodes go at random instants and all come back at the same one",
         (_ANY_NODE,), for_ns=2 * MINUTE_NS, is_composition=True),
    Word("zombie_result", "a node counts as lost, works on, and reports when others have taken over",
         (_NODE,), for_ns=3 * MINUTE_NS, is_composition=True),
)  # fmt: skip

WORDS: Final[Mapping[str, Word]] = {word.name: word for word in _TABLE}

# What every word takes, by all of its names. `at` is what YAML says, `after` what Python says.
_WHEN: Final = {
    "at": "after", "after": "after", "for": "for", "until": "until", "chance": "chance", "times": "times",
}  # fmt: skip
_WHEN_KINDS: Final = {"after": DURATION, "for": DURATION, "until": DURATION, "chance": CHANCE, "times": COUNT}


def word_of(name: object) -> Word:
    """The word of that name.

    Raises:
        UsageError: there is none; the known ones are named.
    """
    word = WORDS.get(name) if isinstance(name, str) else None
    if word is None:
        raise unknown("fault", name, WORDS)
    return word


def make(name: str, given: Mapping[str, Any]) -> Fault:
    """The fault that these parameters describe; None counts as not given, `from_` as `from`.

    Raises:
        UsageError: unknown word or parameter, a value of the wrong kind, or a parameter is missing.
    """
    word, params, when = word_of(name), {}, {}
    for key, value in given.items():
        plain = key.removesuffix("_")
        if value is None:
            continue
        if (parameter := word.parameter(plain)) is not None:
            params[plain] = _read(word, plain, parameter.kind, value)
        elif plain in _WHEN or plain == word.end:
            meant = _WHEN.get(plain, "for")
            when[meant] = _read(word, plain, _WHEN_KINDS[meant], value)
        else:
            raise unknown(f"parameter of {word.name}", plain, parameter_names(word))
    for parameter in word.parameters:
        if parameter.default is None and parameter.name not in params:
            raise UsageError(f"{word.name} needs {parameter.name}: {parameter.about}", f"give {parameter.kind.what}")
    full = {parameter.name: params.get(parameter.name, parameter.default) for parameter in word.parameters}
    return Fault(
        word.name, full, when.get("after", 0), _length_ns(word, when), when.get("chance", CERTAIN_PPM),
        when.get("times", 0),
    )  # fmt: skip


def parameter_names(word: Word) -> list[str]:
    """Everything that the word takes."""
    names = [parameter.name for parameter in word.parameters]
    return [*names, "after (or at)", word.end, "until", "chance", "times"]


def _read(word: Word, name: str, kind: Kind, value: Any) -> Any:
    try:
        return kind.read(value)
    except (ValueError, TypeError, AttributeError):
        raise UsageError(f"{word.name}: {name} cannot be {value!r}", f"write {kind.what}") from None


def _length_ns(word: Word, when: Mapping[str, int]) -> int:
    if "until" not in when:
        return when.get("for", word.for_ns)
    if "for" in when:
        raise UsageError(f"{word.name}: {word.end} and until say the same thing", "give one of them")
    length_ns = when["until"] - when.get("after", 0)
    if length_ns <= 0:
        raise UsageError(f"{word.name}: until comes before its beginning", "until and after both count from now")
    return length_ns
