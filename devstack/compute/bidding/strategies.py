"""The rules a node looks at before it bids, one function each, in the order in which they are asked.

Each takes the job, what the outside says of it, and the node's settings; an accepting rule gives no reason, for
nobody reads it. Source: compute reference 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from devstack.compute.actions import BidFacts
from devstack.compute.bidding.answer import ACCEPTED, Answer, accept, refuse
from devstack.compute.config import ComputeConfig, Locality
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.job import Job, NetworkType
from devstack.models.resources import Resources
from devstack.models.sources import module_sources

__all__ = ["SEMANTIC", "Strategy", "max_capacity", "missing_source"]

Strategy = Callable[[Job, BidFacts, ComputeConfig], Answer]


def networking(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    if config.accept_networked or job.task.network.type is NetworkType.NONE:
        return ACCEPTED
    return refuse("run jobs that require network access")


def timeout(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    timeout_ns = job.task.timeouts.effective_execution_s * SECOND_NS
    if timeout_ns <= 0:
        return ACCEPTED
    if job.namespace in config.bypass_namespaces:
        return accept(f'allow client "{job.namespace}" to bypass timeout limits')
    if timeout_ns < config.min_timeout_ns:
        return _refuse_timeout(timeout_ns, "minimum", config.min_timeout_ns)
    if 0 < config.max_timeout_ns < timeout_ns:
        return _refuse_timeout(timeout_ns, "maximum", config.max_timeout_ns)
    return ACCEPTED


def _refuse_timeout(timeout_ns: int, bound: str, bound_ns: int) -> Answer:
    limit = duration_text(bound_ns)
    return refuse(f"accept jobs with timeout {duration_text(timeout_ns)} (the {bound} allowed is {limit})")


def stateless(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    if not config.reject_stateless or job.task.input_sources:
        return ACCEPTED
    return refuse("accept jobs without any input volumes")


def publisher(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    wanted = job.task.publisher
    if wanted is None or not wanted.key or config.has_publisher(wanted.key):
        return ACCEPTED
    return refuse(f'support "{wanted.type}"')


def missing_source(job: Job, config: ComputeConfig) -> str:
    """The first source type that the task needs and the node lacks, as the job spells it; empty if there is none."""
    sources = (one.source for one in (*job.task.input_sources, *module_sources(job.task)))
    return next((source.type for source in sources if source is not None and not config.has_source(source.key)), "")


def storages(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    missing = missing_source(job, config)
    return refuse(f'support "{missing}"') if missing else ACCEPTED


def locality(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    if config.locality is Locality.ANYWHERE or not facts.remote_inputs:
        return ACCEPTED
    return refuse(f"have all input data locally ({facts.remote_inputs} inputs require downloading)")


def probe(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    return Answer(*facts.probe) if facts.probe is not None else ACCEPTED


def engine(job: Job, facts: BidFacts, config: ComputeConfig) -> Answer:
    wanted = job.task.engine
    if wanted is None or not config.has_engine(wanted.key):
        return refuse(f'support "{wanted.type if wanted else ""}"')
    return refuse(facts.engine_refusal) if facts.engine_refusal else ACCEPTED


SEMANTIC: Final[tuple[Strategy, ...]] = (
    networking, timeout, stateless, publisher, storages, locality, probe, engine,
)  # fmt: skip


def max_capacity(usage: Resources, config: ComputeConfig) -> Answer:
    """The one rule of the second stage: no job may use more than a node's limit for one job."""
    if usage.fits(config.max_job):
        return ACCEPTED
    return Answer(False, False, f"insufficient resources - requested: {usage}, available: {config.max_job}")
