"""What comes of errors in a script's own nurseries."""

from __future__ import annotations

import trio

from devstack.errors import UsageError
from devstack.scenario import scenario
from devstack.scenario.run import Verdict, run


async def fail(text):
    raise AssertionError(text)


async def break_(text):
    raise UsageError(text)


def outcome_of(*tasks):
    @scenario(nodes=1)
    async def script(cluster):
        async with trio.open_nursery() as outer, trio.open_nursery() as nursery:
            outer.start_soon(trio.sleep, 1)
            for task, text in tasks:
                nursery.start_soon(task, text)

    return run(script)


def test_a_failure_in_a_nursery_is_a_failure():
    """However deep the nurseries are."""
    outcome = outcome_of((fail, "not so"))
    assert Verdict.FAILED is outcome.verdict
    assert "not so" in outcome.message


def test_what_breaks_the_script_counts_before_what_fails():
    """And the message does not depend on which task was first."""
    outcome = outcome_of((fail, "a"), (break_, "c"), (break_, "b"))
    assert (Verdict.BROKEN, "b") == (outcome.verdict, outcome.message)
