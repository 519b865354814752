"""What runs on the nodes."""

from __future__ import annotations

import pytest

from devstack.checkers.engines import EngineChecker
from devstack.compute.actions import Discard, RunFinished, StartRun
from devstack.models.execution import RunCommandResult
from devstack.models.job import Job, SpecConfig, Task
from devstack.models.resources import Resources
from tests.checkers.planting import cluster_of, said, watched

SMALL = Resources(500, 10**9)


def job(name: str, kind: str = "batch") -> Job:
    return Job(id=name, name=name, type=kind, count=1, tasks=(Task(engine=SpecConfig("noop")),))


def start(execution_id: str, of: Job, resources: Resources = SMALL) -> StartRun:
    return StartRun(execution_id, of, resources)


def test_a_program_that_runs_twice_at_a_time_is_found():
    """An execution has one program at a time, wherever."""
    checkers = watched(cluster_of(), EngineChecker)
    checkers.saw_action(1, "node-1", start("e-1", job("j-1", "service")))
    checkers.saw_action(2, "node-2", start("e-1", job("j-1", "service")))
    assert ["an execution has one program at a time"] == said(checkers)


def test_a_batch_execution_that_is_started_again_is_found():
    """A batch or ops execution is started once, even if its first program is over."""
    checkers = watched(cluster_of(), EngineChecker)
    checkers.saw_action(1, "node-1", start("e-1", job("j-1")))
    checkers.saw_report(2, "node-1", RunFinished("e-1", RunCommandResult(exit_code=0)))
    checkers.saw_action(2, "node-1", Discard("e-1"))
    checkers.saw_action(3, "node-1", start("e-1", job("j-1")))
    assert ["a batch execution is started once"] == said(checkers)


def test_a_service_may_be_started_again_after_its_node():
    """Only what ends by itself is started once."""
    cluster = cluster_of()
    checkers = watched(cluster, EngineChecker)
    checkers.saw_action(1, "node-1", start("e-1", job("j-1", "service")))
    cluster.restart("node-1")
    checkers.saw_action(3, "node-1", start("e-1", job("j-1", "service")))
    assert [] == said(checkers)


@pytest.mark.parametrize("kind", ["ops", "daemon"])
def test_two_programs_of_a_job_on_one_node_are_found(kind):
    """A job runs at most once on a node."""
    checkers = watched(cluster_of(), EngineChecker)
    checkers.saw_action(1, "node-1", start("e-1", job("j-1", kind)))
    checkers.saw_action(2, "node-1", start("e-2", job("j-1", kind)))
    assert ["a job runs at most once on a node"] == said(checkers)


def test_more_than_fits_is_found():
    """A node never runs more than fits; what is given back counts no longer."""
    half = Resources(2_000, 10**9)
    checkers = watched(cluster_of(), EngineChecker)
    checkers.saw_action(1, "node-1", start("e-1", job("j-1"), half))
    checkers.saw_action(2, "node-1", start("e-2", job("j-2"), half))
    checkers.saw_action(3, "node-1", Discard("e-1"))
    checkers.saw_action(3, "node-1", start("e-3", job("j-3"), half))
    assert [] == said(checkers)
    checkers.saw_action(4, "node-1", start("e-4", job("j-4"), half))
    assert ["a node never runs more than fits"] == said(checkers)
    assert ("node-1",) == checkers.violations[0].nodes
