"""Policies by name, by weight, and out of functions."""

from __future__ import annotations

import pytest

from devstack import batch, noop
from devstack.errors import UsageError
from devstack.notebook import POLICIES, policy, simulate
from devstack.orchestrator.ranking.chain import CAPACITY, PAST, RANDOM


def placed(wanted, count: int = 4, **settings) -> list[str]:
    """Where single jobs go, one after the other."""
    lab = simulate(3, policy=wanted, **settings)
    jobs = []
    for _ in range(count):
        jobs.append(lab.submit(batch(noop(runs_for="1h"), cpu="1")))
        lab.run("31s")  # The nodes have told what they have left.
    return [node for job in jobs for node in job.nodes_used]


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_places_and_explains(name):
    """Its explanation is its choice."""
    lab = simulate(4, policy=name)
    jobs = [lab.submit(batch(noop(runs_for="1m"), cpu="1")) for _ in range(10)]
    lab.run("5m")
    for job in jobs:
        why = lab.why(job)
        assert why.chosen == [why.verdicts[0].node_id]


def test_spread_fills_all_nodes_alike_and_pack_one_after_the_other():
    """Four cores each."""
    assert ["node-1", "node-2", "node-3", "node-1"] == placed("spread")
    assert ["node-1"] * 4 == placed("pack")
    assert ["node-1"] * 4 == placed("first")


def test_bacalhau_is_what_there_is_without_a_policy():
    """To the byte."""
    runs = []
    for wanted in (None, "bacalhau"):
        lab = simulate(5, policy=wanted)
        lab.submit(batch(noop(fails_on="node-1", runs_for="1m"), count=5))
        runs.append(lab.run("10m").digest)
    assert runs[0] == runs[1]


def test_a_function_ranks_and_refuses():
    """Its name is in the explanation, and its reason."""

    def like_the_last(wanted, node):
        return "never this one" if node.node_id == "node-3" else 50 * int(node.node_id[-1])

    lab = simulate(3, policy=policy(like_the_last))
    job = lab.submit(batch(noop()))
    lab.run("1s")
    table = lab.why(job).table.set_index("node")
    assert ["node-2"] == job.nodes_used
    assert [100, "refused"] == list(table.loc[["node-2", "node-3"], "like_the_last"])
    assert "never this one" == table.loc["node-3", "reason"]


def test_only_the_named_rankers_count():
    """The others still refuse."""
    chosen = policy("labels")
    assert {0} == {chosen.millis(name) for name in (CAPACITY, PAST, RANDOM)}
    assert 1000 == chosen.millis("labels")
    lab = simulate(2, policy=chosen)
    job = lab.submit(batch(noop(), cpu="99"))
    lab.run("1s")
    assert "Failed" == job.state


def test_weights_come_on_top():
    """By the name of a rule or a function."""

    def mine(wanted, node):
        return 1

    chosen = policy("pack", mine, weights={"mine": 2.5}, name="my own")
    assert ("my own", 2500, -1000) == (chosen.name, chosen.millis("mine"), chosen.millis(CAPACITY))


@pytest.mark.parametrize(
    ("arguments", "weights", "text"),
    [
        (("nope",), {}, "no ranker or policy 'nope'"),
        ((), {"nope": 1}, "no ranker or policy 'nope'"),
        ((3,), {}, "3 is no ranker"),
        ((), {"labels": "much"}, "cannot be 'much'"),
        ((), {"labels": 10**9}, "cannot be 1000000000"),
        ((), {RANDOM: -1}, "cannot be below zero"),
    ],
)
def test_what_is_no_policy_is_said(arguments, weights, text):
    """With what is known."""
    with pytest.raises(UsageError, match=text):
        policy(*arguments, weights=weights)


def test_a_ranker_that_fails_ends_the_run_in_a_sentence():
    """It names the function and its line."""

    def broken(wanted, node):
        return node.nothing

    lab = simulate(2, policy=policy(broken))
    lab.submit(batch(noop()))
    with pytest.raises(UsageError, match="the ranker broken fails at node-1: AttributeError"):
        lab.run("1s")
