"""A fault in its written forms: a mapping (YAML, JSON), words (the command line), Python."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from devstack.errors import UsageError
from devstack.faults.fault import CERTAIN_PPM, Fault
from devstack.faults.values import CHANCE, DURATION, unknown
from devstack.faults.words import WORDS, Word, make, parameter_names, word_of

__all__ = ["parse_mapping", "parse_words", "text_of", "to_mapping", "to_python", "to_words"]


def parse_mapping(mapping: object) -> Fault:
    """The fault of `{at: 30s, drop: {message: BidResult, from: node-1}}` or `{crash: node-2, restart_after: 1m}`.

    Raises:
        UsageError: it is none; the message says what is known.
    """
    if not isinstance(mapping, Mapping) or not all(isinstance(key, str) for key in mapping):
        raise UsageError(f"a fault is a mapping such as {{crash: node-1, at: 30s}}, not {mapping!r}")
    words = [key for key in mapping if key in WORDS]
    if not words:
        others = [key for key in mapping if key not in ("at", "after", "for", "until", "chance", "times")]
        raise unknown("fault", others[0] if others else "(no word at all)", WORDS)
    if len(words) > 1:
        raise UsageError(f"one fault has one word, not {' and '.join(words)}", "make them two entries of the list")
    word = WORDS[words[0]]
    given = {key: value for key, value in mapping.items() if key != word.name}
    target = mapping[word.name]
    inner = target if isinstance(target, Mapping) else {} if target is None else {word.target: target}
    for key in inner:
        if key in given:
            raise UsageError(f"{word.name}: {key} is given twice")
    return make(word.name, {**inner, **given})


def parse_words(words: Sequence[str]) -> Fault:
    """The fault of `crash node-2 after=30s` or `drop message=BidResult from=node-1`.

    Raises:
        UsageError: it is none; the message says what is known.
    """
    if not words:
        raise UsageError("which fault?", f"known are {', '.join(WORDS)}")
    word = word_of(words[0])
    given: dict[str, Any] = {}
    for position, text in enumerate(words[1:]):
        key, equals, value = text.partition("=")
        is_bare = not equals or (position == 0 and not _takes(word, key))
        _add(word, given, *((word.target, text) if is_bare else (key, value)))
    return make(word.name, given)


def _takes(word: Word, key: str) -> bool:
    plain = {name.partition(" ")[0] for name in parameter_names(word)}
    return key in plain or key in ("at", "for")


def _add(word: Word, given: dict[str, Any], key: str, value: str) -> None:
    """Lists may be written as one word an item."""
    parameter = word.parameter(key)
    if key not in given:
        given[key] = [value] if parameter is not None and parameter.kind.is_list else value
    elif parameter is not None and parameter.kind.is_list:
        given[key].append(value)
    else:
        raise UsageError(f"{word.name}: {key} is given twice")


def _given(fault: Fault) -> dict[str, Any]:
    """The parameters that are not as they would be anyway, written."""
    word = word_of(fault.word)
    pairs = [(parameter, fault[parameter.name]) for parameter in word.parameters]
    return {
        parameter.name: parameter.kind.write(value)
        for parameter, value in pairs
        if parameter.default is None or value != parameter.default
    }


def _when(fault: Fault, after: str) -> dict[str, Any]:
    word, found = word_of(fault.word), dict[str, Any]()
    if fault.after_ns:
        found[after] = DURATION.write(fault.after_ns)
    if fault.for_ns != word.for_ns:
        found[word.end] = DURATION.write(fault.for_ns)
    if fault.chance_ppm != CERTAIN_PPM:
        found["chance"] = CHANCE.write(fault.chance_ppm)
    if fault.times:
        found["times"] = fault.times
    return found


def to_mapping(fault: Fault) -> dict[str, Any]:
    """The mapping that `parse_mapping` reads as this fault."""
    given, word = _given(fault), word_of(fault.word)
    when = _when(fault, "at")
    at = {"at": when.pop("at")} if "at" in when else {}
    only_target = set(given) <= {word.target}
    return {**at, word.name: given.get(word.target) if only_target else given, **when}


def to_words(fault: Fault) -> list[str]:
    """The words that `parse_words` reads as this fault."""
    word = word_of(fault.word)
    found = [word.name]
    for key, value in {**_given(fault), **_when(fault, "after")}.items():
        for item in value if isinstance(value, list) else [value]:
            text = str(item).lower() if isinstance(item, bool) else str(item)
            found.append(text if key == word.target and "=" not in text else f"{key}={text}")
    return found


def text_of(fault: Fault) -> str:
    """The fault as one line that a shell takes."""
    return shlex.join(to_words(fault))


def to_python(fault: Fault) -> str:
    """The call that makes this fault."""
    word = word_of(fault.word)
    arguments = []
    for key, value in {**_given(fault), **_when(fault, "after")}.items():
        name = f"{key}_" if key in ("from", "for") else key
        arguments.append(repr(value) if key == word.target else f"{name}={value!r}")
    return f"{word.name}({', '.join(arguments)})"
