"""Runs of small scenarios with faults, and what their traces say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from devstack.cluster import Cluster
from devstack.faults import Fault
from devstack.faults.engine import FaultEngine
from devstack.scenario import ClusterHandle, Outcome, run, scenario
from devstack.scenario.run import RunOptions, build

SECOND_NS = 10**9
Script = Callable[[ClusterHandle], Awaitable[object]]


def play(script: Script, *faults: Fault, nodes: int = 3, seed: int = 0, passes: bool = True, **more: Any) -> Outcome:
    """Run the script with these faults from the beginning; it has to pass, checkers included."""
    made = scenario(nodes=nodes, faults=faults, **more)(script)
    outcome = run(made, RunOptions(seed=seed))
    if passes:
        assert outcome.is_passed, f"{outcome.message} {outcome.where} {outcome.violations}"
    return outcome


def a_cluster(nodes: int = 3, seed: int = 0, **more: Any) -> tuple[Cluster, FaultEngine]:
    """A ready cluster without any script, and the engine of its faults."""

    async def nothing(cluster: ClusterHandle) -> None:
        pass

    cluster = build(scenario(nodes=nodes, **more)(nothing), RunOptions(), seed)
    return cluster, FaultEngine(cluster)


def said(outcome: Outcome) -> list[str]:
    """What the trace says of faults, without numbers and times."""
    return [detail for _, kind, _, detail in outcome.records if kind == "fault"]


def at(outcome: Outcome, kind: str, beginning: str = "", subject: str = "") -> list[float]:
    """When, in seconds from the start, the trace has such records."""
    origin_ns = outcome.records[0][0]
    return [
        (time_ns - origin_ns) / SECOND_NS
        for time_ns, which, who, detail in outcome.records
        if which == kind and detail.startswith(beginning) and who.startswith(subject)
    ]
