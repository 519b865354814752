"""From a token back to the run, and the words for what became of its digest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from devstack.behaviour import parse
from devstack.cluster import Cluster
from devstack.scenario.decorator import Scenario
from devstack.scenario.load import load_one
from devstack.scenario.mismatch import Observed, find_mismatch, observe_elsewhere, observe_run
from devstack.scenario.run import Outcome, RunOptions
from devstack.scenario.token import Token

__all__ = ["Replay", "options_of", "replay"]


@attrs.frozen
class Replay:
    """A repeated run; `difference` says in words why its digest is another, empty if it is the same."""

    scenario: Scenario
    outcome: Outcome
    difference: str = ""


def options_of(token: Token) -> RunOptions:
    """How to run what the token says.

    Raises:
        UsageError: an unknown word of behaviour or fault.
    """
    faults: tuple[Any, ...] = ()
    if token.faults:
        from devstack.faults.forms import parse_mapping

        faults = tuple(parse_mapping(dict(one)) for one in token.faults)
    return RunOptions(
        seed=token.seed,
        nodes=token.nodes,
        behaviour=parse(token.behaviour) if token.behaviour else None,
        faults=faults,
        strict=token.strict,
        docker=token.docker or "replay",
    )


def replay(token: Token, watch: Callable[[Cluster], None] | None = None) -> Replay:
    """Run it again; if its digest is another than the token's, find out why."""
    scenario = load_one(token.target)
    outcome, observed = observe_run(scenario, attrs.evolve(options_of(token), watch=watch))
    if not token.digest or outcome.digest.startswith(token.digest):
        return Replay(scenario, outcome)
    return Replay(scenario, outcome, _why_another(token, observed))


def _why_another(token: Token, observed: Observed) -> str:
    head = f"the digest is {observed.digest[: len(token.digest)]}, and was {token.digest}"
    mismatch = find_mismatch(observed, observe_elsewhere(token))
    if mismatch is None:
        return (
            f"{head}. Two runs agree with each other now, so the scenario, devstack or an engine has changed since the "
            "token was made."
        )
    return f"{head}. A second run, in another process, differs from this one: something is not repeatable.\n{mismatch}"
