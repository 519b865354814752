"""Forks have the same past, and without a change the same future."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack import batch, crash, drop, noop, service
from devstack.errors import DevstackError
from devstack.notebook import Mixed, policy, simulate
from devstack.notebook.lab import Lab

Deed = Callable[[Lab], object]

DEEDS: dict[str, Deed] = {
    "run": lambda lab: lab.run("20s"),
    "run nothing": lambda lab: lab.run(0),
    "job": lambda lab: lab.submit(batch(noop(runs_for="25s"), count=2, cpu="1")),
    "job later": lambda lab: lab.submit(batch(noop(runs_for="5s", exit_code=1), queue_timeout="1m"), after="15s"),
    "service": lambda lab: lab.submit(service(noop(runs_for="1h"))),
    "bad job": lambda lab: lab.submit(batch(noop(), count=-1)),
    "crash": lambda lab: lab.inject(crash("node-1", restart_after="30s")),
    "drop": lambda lab: lab.inject(drop("BidResult", chance="30%", for_="20s", after="5s")),
    "slow": lambda lab: lab.inject("slow node-2 factor=3"),
    "stop": lambda lab: lab.stop(lab.job(next(iter(lab.world.jobs.values()), "none"))),
    "node": lambda lab: lab.add_node(cpu=1),
    "change": lambda lab: lab.change_node("node-2", cpu=2),
    "reject": lambda lab: lab.reject("node-3"),
    "approve": lambda lab: lab.approve("node-3"),
}


def do(lab: Lab, names: list[str]) -> None:
    for name in names:
        try:
            DEEDS[name](lab)
        except DevstackError:
            continue  # It cannot be now; that has its place in a life, too.


lives = st.lists(st.sampled_from([*DEEDS, "run", "run", "job"]), max_size=10)


@settings(max_examples=60)
@given(lives, lives, st.integers(0, 100), st.integers(0, 3))
def test_a_fork_without_a_change_lives_the_same_life(before, after, share, seed):
    """Wherever it is forked, whatever was asked for and refused: the digest is the same."""
    lab = simulate(3, seed)
    do(lab, before)
    now = lab.fork()
    do(lab, after)
    do(now, after)
    assert lab.digest == now.digest
    at_s = lab.now_s * share / 100
    back = lab.fork(at=at_s)
    back.run(lab.now_s - back.now_s)
    lab.run(0)  # What was asked for last has happened in the fork.
    assert lab.digest == back.digest
    lab.run("1m")
    assert lab.digest == back.run("1m").digest
    assert lab.figures == back.figures
    assert lab.executions.equals(back.executions)


def test_what_is_done_in_a_fork_stays_there():
    """And what was remembered before is in both."""
    lab = simulate(3)
    job = lab.submit(batch(noop(runs_for="1m")))
    lab.run("10s")
    digest, why = lab.digest, str(lab.why(job))
    other = lab.fork()
    other.inject(crash("all"))
    other.submit(batch(noop()))
    other.run("10m")
    assert digest == lab.digest
    assert (1, 2) == (len(lab.jobs), len(other.jobs))
    assert why == str(other.job(job).why(at="5s"))
    assert lab.run("10m").figures != other.figures


def test_a_fork_takes_later_calls_along_or_leaves_them_off():
    """The same workload meets another future; or nothing of it comes."""
    lab = simulate(2)
    lab.run("1m")
    lab.submit(batch(noop()))
    lab.run("1m")
    assert (1, 0) == tuple(len(lab.fork(at="30s", later=later).run("2m").jobs) for later in (True, False))


def test_a_life_is_lived_again_in_another_cluster():
    """The same jobs at the same instants, under another policy, seed or number of nodes."""
    lab = simulate(5, seed=1)
    Mixed(jobs=10, over="1m")(lab)
    lab.run("5m")
    assert lab.digest == lab.again().digest
    packed = lab.again(policy="pack")
    assert "pack" == packed.name
    assert list(lab.jobs["submitted_s"]) == list(packed.jobs["submitted_s"])
    assert packed.figures.balance_ppm < lab.figures.balance_ppm
    assert 6 == len(lab.again(nodes=6).nodes)


def test_a_fork_of_a_fork_under_a_policy_of_ones_own():
    """A function needs no pickling to be in both."""
    lab = simulate(3, policy=policy(lambda wanted, node: int(node.node_id[-1]) * 100))
    lab.run("1s")
    job = lab.fork().fork().submit(batch(noop()))
    job._lab.run("1s")
    assert ["node-3"] == job.nodes_used


def test_a_world_with_something_foreign_in_it_cannot_be_forked():
    """It is said, and the lab goes on."""
    lab = simulate(2)
    lab.world.cluster.foreign = lambda: None  # type: ignore[attr-defined]
    with pytest.raises(DevstackError, match="cannot be copied"):
        lab.fork()
    watchers = lab.world.cluster.watchers
    assert 2 == len(watchers)
