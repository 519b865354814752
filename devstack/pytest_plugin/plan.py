"""What the marker and the options ask of a test's network."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import pytest

from devstack.behaviour import Behaviour, parse
from devstack.errors import UsageError
from devstack.faults.forms import parse_mapping, parse_words
from devstack.kernel import Keep
from devstack.scenario import Scenario
from devstack.scenario.run import RunOptions

__all__ = ["Plan", "behaviour_of", "marked", "plan_of"]

WORDS: Final = ("nodes", "seeds", "faults", "behaviour", "seed", "shapes", "requester")


@attrs.frozen
class Plan:
    """The network of one test and the seeds to run it under; None and empty: as the scenario itself says."""

    seeds: range
    nodes: int | None = None
    faults: Sequence[Any] = ()
    behaviour: Behaviour | None = None
    shapes: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    requester: Mapping[str, Any] = attrs.field(factory=dict)

    def options(self, seed: int) -> RunOptions:
        """How to run it once. The story of a failure needs only the end of the trace."""
        return RunOptions(seed=seed, nodes=self.nodes, behaviour=self.behaviour, faults=self.faults, keep=Keep.TAIL)

    def applied_to(self, scenario: Scenario) -> Scenario:
        """The scenario on the machines that the marker describes."""
        return attrs.evolve(
            scenario,
            shapes={**scenario.shapes, **self.shapes},
            requester={**scenario.requester, **self.requester},
        )


def plan_of(item: pytest.Item, first: int = 0) -> Plan:
    """The plan of a test whose seeds start at `first` when nobody says otherwise.

    Raises:
        UsageError: the marker or an option asks for something that cannot be.
    """
    words = marked(item)
    return Plan(
        seeds=_seeds(item, words, first),
        nodes=_whole("nodes", words.get("nodes"), least=0),
        faults=_faults(words.get("faults", ())),
        behaviour=behaviour_of(words),
        shapes=words.get("shapes", {}),
        requester=words.get("requester", {}),
    )


def marked(item: pytest.Item) -> dict[str, Any]:
    """The arguments of all `devstack` markers that concern a test; for each word the nearest marker decides.

    Raises:
        UsageError: a word that the marker does not have.
    """
    words: dict[str, Any] = {}
    for marker in item.iter_markers("devstack"):
        unknown = [*map(repr, marker.args), *(word for word in marker.kwargs if word not in WORDS)]
        if unknown:
            raise UsageError(
                f"@pytest.mark.devstack does not take {', '.join(unknown)}", f"it takes {', '.join(WORDS)}, by name"
            )
        words = {**marker.kwargs, **words}
    return words


def behaviour_of(words: Mapping[str, Any]) -> Behaviour | None:
    """The behaviour that the marker names, as `--behaviour` takes it. Raises UsageError."""
    wanted = words.get("behaviour", ())
    return parse([wanted] if isinstance(wanted, str) else wanted) if wanted else None


def _faults(given: object) -> tuple[Any, ...]:
    """Faults as Python's builders make them, as mappings, or in words as on the command line."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise UsageError(f"@pytest.mark.devstack(faults={given!r}): it is a list of faults")
    return tuple(_fault(fault) for fault in given)


def _fault(given: Any) -> Any:
    if isinstance(given, str):
        return parse_words(shlex.split(given))
    return parse_mapping(given) if isinstance(given, Mapping) else given


def _seeds(item: pytest.Item, words: Mapping[str, Any], first: int) -> range:
    """The command line decides before the marker; a seed given there is run alone, to repeat a failure."""
    seed = _whole("--devstack-seed", item.config.getoption("devstack_seed"), least=0)
    count = _whole("--devstack-seeds", item.config.getoption("devstack_seeds"), least=1)
    if count is None:
        count = _whole("seeds", words.get("seeds"), least=1) if seed is None else 1
    if seed is None:
        seed = _whole("seed", words.get("seed"), least=0)
    start = first if seed is None else seed
    return range(start, start + (count or 1))


def _whole(word: str, value: object, *, least: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        given = f"{word} {value}" if word.startswith("--") else f"@pytest.mark.devstack({word}={value!r})"
        raise UsageError(f"{given}: it is a whole number, {least} or more")
    return value
