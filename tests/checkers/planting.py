"""How the tests of checkers plant a violation: a small cluster that is watched, and helpers to make it go wrong."""

from __future__ import annotations

from typing import Any

from devstack.behaviour import Behaviour, parse
from devstack.checkers import Checkers
from devstack.checkers.checker import Checker
from devstack.cluster import Cluster, node_labels, simulated_nodes
from devstack.kernel import Keep, Trace
from devstack.models.gotext import SECOND_NS
from devstack.models.job import Job
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.store import JobRecord
from devstack.runtime.simulated import SimulatedShell

__all__ = ["SECOND_NS", "cluster_of", "said", "submit", "watched"]


def cluster_of(nodes: int = 2, *switched_on: str, seed: int = 0, **settings: Any) -> Cluster:
    """A ready cluster; `switched_on` are switches of behaviour, on top of what is documented."""
    behaviour: Behaviour = parse(["documented", *switched_on])
    requester = RequesterConfig(labels=node_labels("node-0"), behaviour=behaviour)
    configs = simulated_nodes(nodes, behaviour=behaviour, **settings)
    cluster = Cluster(
        configs, lambda made: SimulatedShell(made.kernel), seed=seed, requester=requester, trace=Trace(Keep.NONE)
    )
    cluster.start()
    cluster.run_for(SECOND_NS)
    return cluster


def watched(cluster: Cluster, *only: type[Checker]) -> Checkers:
    """The cluster under the eyes of these checkers alone."""
    return Checkers(cluster, checkers=only)


def submit(cluster: Cluster, job: Job) -> JobRecord:
    return cluster.submit(job).record


def said(checkers: Checkers) -> list[str]:
    """What was found, without the details behind a comma or a colon."""
    return [violation.what.split(",")[0].split(":")[0] for violation in checkers.violations]
