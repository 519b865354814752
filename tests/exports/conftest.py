"""One run with all that can go wrong with texts, and one that is calm."""

from __future__ import annotations

import pytest

from devstack.exports import Run
from devstack.faults import crash
from devstack.scenario import batch, noop, scenario
from devstack.scenario.run import RunOptions
from devstack.scenario.token import Token

HOSTILE = "</script><img src=x onerror=alert(1)>=1+1"


@scenario(nodes=3)
async def hostile(cluster):
    """A job <b>writes</b> what would be a page, a formula or a lone surrogate to others; its node dies."""
    job = await cluster.submit(batch(noop(runs_for="2m", stdout=HOSTILE + "\ud800"), count=2, name=HOSTILE))
    failed = await cluster.submit(batch(noop(fails="=cmd() " + "x" * 10_000), name="fails"))
    execution = await job.wait_running(within="1m")
    cluster.inject(crash(execution.node, after="30s"))
    await job.wait("Completed", within="15m")
    await failed.wait("Failed", within="15m")
    assert False, HOSTILE  # noqa: B011


@pytest.fixture(scope="session")
def run() -> Run:
    return Run.of(hostile, RunOptions(seed=0), Token("scenarios/hostile.py", "hostile", 0))
