"""Each rule about a job by itself."""

from typing import Any

import attrs
import pytest

from devstack.compute.actions import BidFacts
from devstack.compute.bidding import strategies
from devstack.compute.bidding.answer import ACCEPTED, Answer
from devstack.compute.config import ComputeConfig, Locality
from devstack.models.gotext import SECOND_NS
from devstack.models.job import InputSource, Job, Network, NetworkType, SpecConfig, Task, Timeouts
from devstack.models.resources import Resources

CONFIG = ComputeConfig("node-1", "node-0")
INPUT = InputSource(SpecConfig("localDirectory", {"SourcePath": "/dummy/path"}), target="target")


def ask(strategy: strategies.Strategy, facts: BidFacts | None = None, task: Any = None, **settings: Any) -> Answer:
    job = Job("j-1", namespace="team", tasks=(attrs.evolve(Task("main", SpecConfig("noop")), **(task or {})),))
    return strategy(job, facts or BidFacts(), attrs.evolve(CONFIG, **settings))


def refused(phrase: str) -> Answer:
    return Answer(False, False, f"this node does not {phrase}")


@pytest.mark.parametrize(
    ("network", "accepts_networked", "answer"),
    [
        (NetworkType.NONE, False, ACCEPTED),
        (NetworkType.NONE, True, ACCEPTED),
        (NetworkType.FULL, True, ACCEPTED),
        (NetworkType.FULL, False, refused("run jobs that require network access")),
        (NetworkType.HTTP, False, refused("run jobs that require network access")),
    ],
)
def test_networking(network, accepts_networked, answer):
    """T075, T077: what needs no network is always taken, the rest only where networked jobs are."""
    assert answer == ask(strategies.networking, task={"network": Network(network)}, accept_networked=accepts_networked)


@pytest.mark.parametrize(
    ("timeouts", "answer"),
    [
        (Timeouts(), ACCEPTED),
        (Timeouts(execution_s=300), ACCEPTED),
        (Timeouts(execution_s=600), ACCEPTED),
        (Timeouts(total_s=120), refused("accept jobs with timeout 2m0s (the minimum allowed is 5m0s)")),
        (Timeouts(execution_s=601), refused("accept jobs with timeout 10m1s (the maximum allowed is 10m0s)")),
    ],
)
def test_timeouts_have_bounds(timeouts, answer):
    """T289: a timeout outside the inclusive bounds is refused; none is accepted."""
    bounds = {"min_timeout_ns": 300 * SECOND_NS, "max_timeout_ns": 600 * SECOND_NS}
    assert answer == ask(strategies.timeout, task={"timeouts": timeouts}, **bounds)


def test_no_maximum_and_trusted_namespaces():
    """A maximum of zero is none; a namespace on the list may ask for anything."""
    long, short = {"timeouts": Timeouts(execution_s=10**9)}, {"timeouts": Timeouts(execution_s=1)}
    assert ACCEPTED == ask(strategies.timeout, task=long)
    settings = {"min_timeout_ns": 5 * SECOND_NS, "bypass_namespaces": ("team",)}
    assert ask(strategies.timeout, task=short, **settings).bids


@pytest.mark.parametrize(
    ("rejects", "inputs", "answer"),
    [
        (True, (), refused("accept jobs without any input volumes")),
        (False, (), ACCEPTED),
        (True, (INPUT,), ACCEPTED),
    ],
)
def test_stateless_jobs(rejects, inputs, answer):
    """T065, T067: a job without inputs is refused where stateless jobs are."""
    assert answer == ask(strategies.stateless, task={"input_sources": inputs}, reject_stateless=rejects)


@pytest.mark.parametrize(
    ("publisher", "answer"),
    [
        (None, ACCEPTED),
        (SpecConfig(), ACCEPTED),
        (SpecConfig(" Local "), ACCEPTED),
        (SpecConfig("S3"), refused('support "S3"')),
    ],
)
def test_publishers(publisher, answer):
    """A blank publisher is no publisher; any other has to be installed, whatever its case."""
    assert answer == ask(strategies.publisher, task={"publisher": publisher})


@pytest.mark.parametrize(("sources", "answer"), [(("localdirectory",), ACCEPTED), ((), ACCEPTED)])
def test_no_inputs_need_no_sources(sources, answer):
    """T089: a job without inputs is accepted whatever is installed."""
    assert answer == ask(strategies.storages, sources=sources)


def test_the_first_missing_source_is_named():
    """Each source type has to be installed; hidden ones count."""
    task = {"input_sources": (INPUT, InputSource(SpecConfig("s3"), target="/x"))}
    assert refused('support "s3"') == ask(strategies.storages, task=task)
    assert ACCEPTED == ask(strategies.storages, task=task, hidden_sources=("s3",))


@pytest.mark.parametrize(("sources", "answer"), [(("s3",), ACCEPTED), ((), refused('support "s3"'))])
def test_a_wasm_module_is_an_input_too(sources, answer):
    """T091: the entry module's source has to be installed."""
    engine = SpecConfig("wasm", {"EntryModule": {"Source": {"Type": "s3", "Params": {}}}})
    assert answer == ask(strategies.storages, task={"engine": engine}, sources=sources)


@pytest.mark.parametrize(
    ("policy", "remote", "answer"),
    [
        (Locality.LOCAL, 0, ACCEPTED),
        (Locality.ANYWHERE, 1, ACCEPTED),
        (Locality.LOCAL, 2, refused("have all input data locally (2 inputs require downloading)")),
    ],
)
def test_locality(policy, remote, answer):
    """T069, T071, T073: under Local every input has to be here already."""
    assert answer == ask(strategies.locality, BidFacts(remote_inputs=remote), locality=policy)


@pytest.mark.parametrize(
    ("engine", "facts", "answer"),
    [
        ("flibble", BidFacts(), refused('support "flibble"')),
        ("Noop", BidFacts(), ACCEPTED),
        ("docker", BidFacts(), ACCEPTED),
        ("docker", BidFacts(engine_refusal="like it"), refused("like it")),
    ],
)
def test_engines(engine, facts, answer):
    """T093: an engine has to be installed, listed or hidden, and its own check decides."""
    assert answer == ask(strategies.engine, facts, task={"engine": SpecConfig(engine)})


def test_a_probe_decides():
    """The answer of a configured probe is taken as it is."""
    assert Answer(False, True, "why") == ask(strategies.probe, BidFacts(probe=(False, True, "why")))
    assert ACCEPTED == ask(strategies.probe)


@pytest.mark.parametrize("dimension", [Resources(1001), Resources(0, 11), Resources(0, 0, 11), Resources(gpu=1)])
def test_no_job_may_exceed_the_limit_of_one_job(dimension):
    """R1: each of the four dimensions counts; the limit itself is allowed."""
    config = attrs.evolve(CONFIG, max_job=Resources(1000, 10, 10))
    assert not strategies.max_capacity(dimension, config).bids
    assert strategies.max_capacity(config.max_job, config).bids


def test_the_text_of_too_large_a_job():
    """Both amounts are printed, without the words about the node."""
    config = attrs.evolve(CONFIG, max_job=Resources(2000, 12 * 10**9, 82_000))
    expected = (
        "insufficient resources - requested: {CPU: 3, Memory: 1.0 GB, Disk: 0 B, GPU: 0}, "
        "available: {CPU: 2, Memory: 12 GB, Disk: 82 kB, GPU: 0}"
    )
    assert Answer(False, False, expected) == strategies.max_capacity(Resources(3000, 10**9), config)
