"""Both stages of bidding: first what the job is, then what it uses. Source: compute reference 2."""

from __future__ import annotations

import attrs

from devstack.compute.actions import BidFacts
from devstack.compute.bidding.answer import Answer, join, or_wait
from devstack.compute.bidding.strategies import SEMANTIC, max_capacity, missing_source
from devstack.compute.capacity import usage_of
from devstack.compute.config import ComputeConfig, Locality
from devstack.models.job import Job
from devstack.models.resources import Resources

__all__ = ["Decision", "decide"]


@attrs.frozen
class Decision:
    """What a node answers. A bid that could not be worked out has an `error` (and perhaps a `hint`)."""

    answer: Answer
    usage: Resources
    error: str = ""
    hint: str = ""


def decide(job: Job, requested: Resources, facts: BidFacts, config: ComputeConfig) -> Decision:
    """Ask every strategy of the first stage and, unless it refuses, the second."""
    usage = usage_of(requested, config.default_job, facts.input_bytes)
    error = facts.error or _engine_error(job, config) or _locality_error(job, config)
    if error:
        return Decision(Answer(False), usage, error, facts.hint)
    semantic = semantic_stage(job, facts, config)
    if not semantic.bids and not semantic.waits:
        return Decision(semantic, usage)
    if facts.size_error:
        return Decision(Answer(False), usage, facts.size_error, facts.hint)
    resource = join((max_capacity(usage, config),))
    # The reason is the second stage's alone, as in v1.4.0.
    return Decision(Answer(resource.bids, semantic.waits or resource.waits, resource.reason), usage)


def semantic_stage(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    answer = join(strategy(job, facts, config) for strategy in SEMANTIC)
    return or_wait(answer, on_bid=config.wait_on_bid, on_refusal=config.wait_on_refusal)


def _engine_error(job: Job, config: ComputeConfig) -> str:
    engine = job.task.engine
    if engine is None or engine.key not in config.simulated_engines or not config.has_engine(engine.key):
        return ""
    return config.check_simulated(engine)


def _locality_error(job: Job, config: ComputeConfig) -> str:
    """v1.4.0 asks a source that it does not have (switch `locality-error-fails-bid`)."""
    if config.locality is not Locality.LOCAL or not config.behaviour.on("locality-error-fails-bid"):
        return ""
    missing = missing_source(job, config)
    known = ", ".join(config.sources)
    return (
        f"no matching key found on this server: {missing.strip().lower()}. Only supports [{known}]" if missing else ""
    )
