"""Both stages of bidding, and what a node does with the outcome."""

import pytest

from devstack.compute.actions import Assessed, BidFacts, StartRun
from devstack.compute.bidding import Decision, decide
from devstack.compute.config import ComputeConfig, Locality
from devstack.compute.lifecycle import LocalExecutionState
from devstack.messages import BidResult, ComputeError
from devstack.models.event import Topic
from devstack.models.job import Network, NetworkType
from devstack.models.resources import Resources

WAITS = (False, True, "later")
REFUSES = (False, False, "no")


def settle(bench, job, facts: BidFacts, *, wait: bool = True) -> None:
    bench.ask("e-1", job, wait=wait)
    bench.event(Assessed("e-1", facts))


def test_the_first_stage_refuses_alone(make_node, make_job):
    """T001: one refused bid, nothing stored, and the second stage is not asked."""
    bench = make_node(probe_exec="ask")
    settle(bench, make_job(cpu="99"), BidFacts(probe=REFUSES))
    (bid,) = bench.sent(BidResult)
    assert (False, "rejected bid: no") == (bid.accepted, bid.event.message)
    assert {} == bid.event.details
    assert bench.node.store.get("e-1") is None


def test_all_reasons_of_a_stage_are_told(make_job):
    """No strategy hides another."""
    job = make_job(engine="flibble", publisher="postcard", network=Network(NetworkType.FULL))
    decision = decide(job, Resources(), BidFacts(), ComputeConfig("node-1", "node-0"))
    expected = (
        "rejected bid: this node does not run jobs that require network access; "
        'rejected bid: this node does not support "postcard"; '
        'rejected bid: this node does not support "flibble"'
    )
    assert expected == decision.answer.reason


@pytest.mark.parametrize("probe", [WAITS, (True, True, "later")])
def test_a_waiting_bid_says_nothing(make_node, make_job, probe):
    """T003, T005: who waits stores the execution and keeps silent."""
    bench = make_node(probe_exec="ask")
    settle(bench, make_job(), BidFacts(probe=probe))
    assert [] == bench.sent(BidResult, ComputeError)
    assert LocalExecutionState.CREATED is bench.state("e-1")


def test_a_person_answers_a_waiting_bid(make_node, make_job):
    """The answer is a bid; the record stays Created until the requester decides."""
    bench = make_node(wait_on_bid=True)
    bench.ask("e-1", make_job())
    bench.node.approve(0, "e-1", accepted=True)
    bench.collect()
    (bid,) = bench.sent(BidResult)
    assert (True, "Accepted job") == (bid.accepted, bid.event.message)
    bench.accept("e-1")
    assert 1 == len(bench.done(StartRun))


@pytest.mark.parametrize("wait", [True, False])
def test_an_error_fails_the_bid(make_node, make_job, wait):
    """T007, T013: an error of either stage is one compute error, and nothing is stored."""
    bench = make_node()
    facts = BidFacts(error="image gone", hint="log in")
    settle(bench, make_job(engine="docker"), facts, wait=wait)
    (error,) = bench.sent(BidResult, ComputeError)
    assert ("image gone", Topic.BIDDING) == (error.event.message, error.event.topic)
    assert {"IsError": "true", "Hint": "log in"} == error.event.details
    assert bench.node.store.get("e-1") is None


def test_a_pre_approved_execution_cannot_wait(make_node, make_job):
    """T011: waiting is refusing where approval was given before; the reason is the second stage's, here none."""
    bench = make_node(probe_exec="ask")
    settle(bench, make_job(), BidFacts(probe=WAITS), wait=False)
    (error,) = bench.sent(ComputeError)
    assert "job rejected: " == error.event.message
    assert bench.node.store.get("e-1") is None


def test_an_input_that_cannot_be_measured(make_job, make_input):
    """The size is looked at after the first stage; T273: not being local refuses before that."""
    job = make_job(input_sources=(make_input("localDirectory"),))
    facts = BidFacts(size_error="volume does not exist", remote_inputs=1)
    here = ComputeConfig("node-1", "node-0", locality=Locality.LOCAL)
    refused, failed = (decide(job, Resources(), facts, config) for config in (here, ComputeConfig("node-1", "node-0")))
    assert ("", False) == (refused.error, refused.answer.bids)
    assert "volume does not exist" == failed.error


def test_bad_parameters_of_a_simulated_engine_fail_the_bid(make_job):
    """The check's text is the error."""
    config = ComputeConfig("node-1", "node-0", check_simulated=lambda engine: f"bad {engine.key}")
    assert "bad noop" == decide(make_job(), Resources(), BidFacts(), config).error


@pytest.mark.parametrize(("behaviour", "fails"), [("documented", False), ("v1.4.0", True)])
def test_locality_of_a_source_that_is_not_installed(make_node, make_job, make_input, behaviour, fails):
    """Switch `locality-error-fails-bid`: v1.4.0 fails the bid instead of refusing it."""
    bench = make_node(behaviour, locality=Locality.LOCAL)
    settle(bench, make_job(input_sources=(make_input("S3"),)), BidFacts())
    (outcome,) = bench.sent(BidResult, ComputeError)
    expected = (
        "no matching key found on this server: s3. Only supports [urldownload, inline, localdirectory]"
        if fails
        else 'rejected bid: this node does not support "S3"'
    )
    assert (ComputeError if fails else BidResult, expected) == (type(outcome), outcome.event.message)


def test_defaults_count_for_a_job_that_asks_for_nothing(make_job):
    """The node's default job resources are what such a job uses."""
    decision = decide(make_job(), Resources(), BidFacts(input_bytes=5), ComputeConfig("node-1", "node-0"))
    assert Decision(decision.answer, Resources(500, 10**9, 5)) == decision
