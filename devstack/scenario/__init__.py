"""Scenarios: short scripts that build a cluster, submit jobs, inject faults and say what must hold.

builders   jobs and engines in one line each        handles   what a script holds: cluster, job, execution, node
decorator  `@scenario`                              run       one scenario under one seed, and its outcome
world      what a script needs of a cluster         simulated a cluster in virtual time
story      the trace as people read it              token     the line that repeats a run
results    files that executions have published
"""

import sys
from types import ModuleType
from typing import Any

from devstack.scenario.builders import batch, daemon, docker, inline, noop, ops, service, stored, wasm
from devstack.scenario.decorator import Scenario, scenario
from devstack.scenario.handles import ClusterHandle, ExecutionHandle, JobHandle, NodeHandle, ScenarioFailure
from devstack.scenario.run import Outcome, run

__all__ = [
    "ClusterHandle",
    "ExecutionHandle",
    "JobHandle",
    "NodeHandle",
    "Outcome",
    "Scenario",
    "ScenarioFailure",
    "batch",
    "daemon",
    "docker",
    "inline",
    "noop",
    "ops",
    "run",
    "scenario",
    "service",
    "stored",
    "wasm",
]


class _Package(ModuleType):
    """`from devstack import scenario` gives this package, and `@scenario(nodes=5)` has to work all the same."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        return scenario(*arguments, **settings)


sys.modules[__name__].__class__ = _Package
