"""The digests of all universes, as JSON; a script of its own, so that any interpreter can be asked.

python digests.py [--import MODULE]...           {"NAME@SEED": [verdict, digest, message], "draws": ...}
python digests.py --records NAME@SEED            the whole run, as `scenario.mismatch` writes it
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from devstack.behaviour import DOCUMENTED
from devstack.kernel import Seed
from devstack.scenario import Scenario
from devstack.scenario.load import load
from devstack.scenario.mismatch import Observed, observe_run, write
from devstack.scenario.run import RunOptions, run

UNIVERSES = str(Path(__file__).with_name("universes.py"))
SEEDS = (0, 7)


def digests() -> dict[str, list[str]]:
    """Verdict, digest and message of each scenario under each seed."""
    found = {}
    for scenario in load(UNIVERSES):
        for seed in SEEDS:
            outcome = run(scenario, options(scenario, seed))
            found[f"{scenario.name}@{seed}"] = [outcome.verdict.value, outcome.digest, outcome.message]
    return found | {"draws": ["passed", draws(), ""]}


def draws() -> str:
    """The first draws of one stream, of every kind."""
    stream = Seed(7).stream("golden")
    below = [stream.below(bound) for bound in (1, 2, 10, 1000, 10**12)]
    return f"{stream.bits(64)} {below} {stream.many_below(1000, 5)}"


def records(which: str) -> Observed:
    """One run in full."""
    name, _, seed = which.partition("@")
    scenario = load(f"{UNIVERSES}::{name}")[0]
    return observe_run(scenario, options(scenario, int(seed)))[1]


def options(scenario: Scenario, seed: int) -> RunOptions:
    """How each universe is run."""
    # v1.4.0 does not keep all that the checkers ask for.
    return RunOptions(seed=seed, checkers=scenario.behaviour == DOCUMENTED)


def main(arguments: list[str]) -> None:
    while "--import" in arguments:
        at = arguments.index("--import")
        importlib.import_module(arguments[at + 1])
        del arguments[at : at + 2]
    if arguments:
        write(records(arguments[1]), sys.stdout)
    else:
        json.dump(digests(), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
