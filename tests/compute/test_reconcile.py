"""A node that is asked about its executions says again what may have been lost, and nothing else."""

import pytest

from devstack.messages import BidAccepted, ComputeError, ExecutionReply, Reconcile, RunResult

BOTH = (RunResult, ComputeError)


def test_the_end_of_an_execution_is_told_again(make_node, make_job):
    """Whether it has completed or failed, in the same words; what still runs is not mentioned."""
    bench = make_node()
    for execution_id in ("e-1", "e-2", "e-3"):
        bench.run(execution_id, make_job(cpu="0.1"))
    bench.finish("e-1")
    bench.finish("e-2", error="no luck")
    told = bench.sent(*BOTH)
    bench.log.clear()
    bench.handle(Reconcile(("e-1", "e-2", "e-3")))
    assert told == bench.sent()


def test_the_end_is_remembered_through_a_power_cut(make_node, make_job):
    """The store keeps it."""
    bench = make_node()
    bench.run("e-1", make_job())
    bench.finish("e-1")
    (told,) = bench.sent(RunResult)
    again = bench.restart()
    again.handle(Reconcile(("e-1",)))
    assert [told] == again.sent(RunResult)


def test_what_the_node_has_forgotten_has_failed(make_node, make_job):
    """A new disk, or another machine of the same name."""
    bench = make_node()
    bench.handle(Reconcile(("e-1",)))
    (error,) = bench.sent(ComputeError)
    assert ("e-1", "execution not found: e-1") == (error.execution_id, error.event.message)


def test_a_bid_that_is_still_being_decided_is_not_forgotten(make_node, make_job, make_input):
    """Its facts are being gathered."""
    bench = make_node()
    bench.ask("e-1", make_job(input_sources=(make_input(),)), wait=False)
    bench.handle(Reconcile(("e-1",)))
    assert [] == bench.sent(ComputeError)


@pytest.mark.parametrize("switch, error", [("off", ""), ("on", "execution e-1 is in state Running but expected")])
def test_an_approval_that_comes_again_is_taken_as_the_first(make_node, make_job, switch, error):
    """Its reply may be lost (`lost-result-never-resent`); the program is not started twice."""
    bench = make_node(f"lost-result-never-resent={switch}")
    bench.run("e-1", make_job())
    started = bench.done()
    bench.handle(BidAccepted("e-1"))
    assert bench.sent(ExecutionReply)[-1].error.startswith(error)
    assert started == bench.done()
