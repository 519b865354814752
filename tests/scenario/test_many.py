"""Many seeds, here and in workers."""

from __future__ import annotations

import pytest

from devstack.scenario.many import default_jobs, run_many
from devstack.scenario.run import Verdict
from devstack.scenario.token import Token

MIXED = """
from devstack.errors import UsageError
from devstack.scenario import batch, noop, scenario

@scenario(nodes=2)
async def mixed(cluster):
    print("this is no answer")
    job = await cluster.submit(batch(noop()))
    await job.wait("Completed", within="1m")
    assert cluster.seed != 3, "seed three"
    assert cluster.seed != 5, "seed five"
    if cluster.seed == 4:
        raise UsageError("broken here")
"""


@pytest.fixture
def token(write) -> Token:
    return Token(str(write("mixed.py", MIXED)), "mixed", 0)


@pytest.mark.parametrize("jobs", [1, 2])
def test_seeds_are_counted_by_their_verdict(token, jobs):
    """The lowest seed that did not pass comes with what it said, however many processes there are."""
    results = []
    summary = run_many(token, range(20), jobs, results.append)
    assert (17, 2, 1, 2) == (summary.passed, summary.failed, summary.broken, summary.exit_code)
    assert summary.first is not None
    assert (3, Verdict.FAILED) == (summary.first.seed, summary.first.verdict)
    assert "seed three" in summary.first.message
    assert list(range(20)) == sorted(result.seed for result in results)


def test_workers_and_this_process_agree_on_every_digest(token):
    """A fresh process gives the same trace."""
    here, there = {}, {}
    run_many(token, range(20), 1, lambda result: here.__setitem__(result.seed, result.digest))
    run_many(token, range(20), 2, lambda result: there.__setitem__(result.seed, result.digest))
    assert here == there


def test_a_cluster_that_cannot_be_built_is_broken(write):
    """A mistake in the scenario's settings is told, and no traceback."""
    text = "@scenario(nodes=2, shapes={'node-9': {}})"
    path = write("odd.py", MIXED.replace("@scenario(nodes=2)", text))
    summary = run_many(Token(str(path), "mixed", 0), range(2), 1)
    assert 2 == summary.broken
    assert summary.first is not None
    assert "node-9" in summary.first.message


def test_a_handful_of_seeds_needs_no_other_process():
    """Starting one costs more than it brings."""
    assert 1 == default_jobs(10)
    assert 1 <= default_jobs(10_000)
