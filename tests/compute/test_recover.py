"""What a node does about its earlier life when it starts again."""

import pytest

from devstack.compute import LocalExecutionState
from devstack.compute.actions import Assessed, BidFacts, Discard, Prepare, StartRun
from devstack.messages import ComputeError
from devstack.models.event import Topic
from devstack.models.resources import Resources

State = LocalExecutionState


@pytest.fixture
def crashed(make_node, make_job):
    """A node that lost power while a batch execution and a service ran and two more waited."""

    def build(*behaviour):
        bench = make_node(*behaviour)
        bench.run("batch", make_job("j-1"))
        bench.run("service", make_job("j-2", type="service"))
        bench.run("first", make_job("j-3"))
        bench.run("second", make_job("j-4"))
        return bench.restart()

    return build


def test_a_batch_execution_fails_and_a_service_runs_on(crashed):
    """T015: of what ran, batch work has failed, and services run again."""
    bench = crashed()
    (error,) = bench.sent(ComputeError)
    assert ("batch", "Failed due to node restart", Topic.RUNNING) == (
        error.execution_id, error.event.message, error.event.topic,
    )  # fmt: skip
    assert State.FAILED is bench.state("batch")
    assert State.RUNNING is bench.state("service")
    assert "service" in [action.execution_id for action in bench.done(StartRun)]
    assert ["batch"] == [action.execution_id for action in bench.done(Discard)]


def test_what_waited_waits_again_in_its_order(crashed):
    """Accepted executions are not forgotten."""
    bench = crashed()
    assert ["service", "first"] == [action.execution_id for action in bench.done(StartRun)]
    bench.finish("first")
    assert State.RUNNING is bench.state("second")


def test_v1_4_0_forgets_what_waited(crashed):
    """Switch `restart-forgets-queued`: it stays BidAccepted for ever, and nobody is told."""
    bench = crashed("restart-forgets-queued")
    assert ["service"] == [action.execution_id for action in bench.done(StartRun)]
    assert Resources() == bench.node.enqueued
    assert State.BID_ACCEPTED is bench.state("first")


def test_v1_4_0_reports_a_restart_as_a_failed_cancel(crashed):
    """Switch `restart-reported-as-cancel`: text and topic are those of a cancel that found nothing."""
    (error,) = crashed("restart-reported-as-cancel").sent(ComputeError)
    expected = ("canceling execution (batch): execution not found", Topic.CANCELING)
    assert expected == (error.event.message, error.event.topic)


def test_recovering_again_changes_nothing(crashed):
    """Only the first recovery has anything to do."""
    bench = crashed()
    before = len(bench.log)
    bench.node.recover(bench.now_ns)
    bench.collect()
    assert before == len(bench.log)


def test_a_service_on_a_real_engine_is_prepared_again(make_node, make_job):
    """Inputs are fetched anew before a service goes on."""
    bench = make_node(hidden_engines=(), simulated_engines=frozenset(), engines=("docker",))
    bench.ask("e-1", make_job(engine="docker", type="service"), wait=False)
    bench.event(Assessed("e-1", BidFacts()))
    bench.prepared("e-1")
    again = bench.restart()
    assert ([Prepare], []) == ([type(action) for action in again.done(Prepare)], again.done(StartRun))
    again.prepared("e-1")
    assert 1 == len(again.done(StartRun))


def test_an_open_bid_survives(make_node, make_job):
    """A bid that was made before the crash can be accepted after it."""
    bench = make_node()
    bench.ask("e-1", make_job())
    again = bench.restart()
    again.accept("e-1")
    assert State.RUNNING is again.state("e-1")
