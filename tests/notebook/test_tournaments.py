"""Policies against each other, seed by seed."""

from __future__ import annotations

import pytest

from devstack import batch, crash, noop
from devstack.errors import UsageError
from devstack.notebook import Mixed, policy, simulate, tournament

SMALL = Mixed(jobs=8, over="2m", shortest="5s")


def test_a_tournament_compares_with_the_first_policy():
    """One row a policy and figure; a clear difference is named."""
    found = tournament(["spread", "pack"], SMALL, seeds=12, nodes=3, processes=1)
    table = found.table.set_index(["policy", "figure"])
    assert 14 == len(table)
    assert "worse" == table.loc[("pack", "balance"), "verdict"]
    low, difference, high = table.loc[("pack", "balance"), ["low", "difference", "high"]]
    assert low <= difference <= high < 0
    assert 24 == len(found.runs)
    assert "2 policies, 12 seeds" in repr(found)
    assert found._repr_html_().startswith("<div>")


def test_other_processes_give_the_same():
    """Also with functions that only this process knows."""

    def likes_many_cores(wanted, node):
        return node.compute.available.cpu_millis // 100

    def workload(lab):
        SMALL(lab)
        lab.inject(crash("node-1", after="10s"))

    entrants = ["bacalhau", policy(likes_many_cores)]
    here, there = (tournament(entrants, workload, seeds=5, nodes=3, processes=count) for count in (1, 2))
    assert here.played == there.played
    assert here.intervals() == there.intervals()


def test_every_policy_meets_the_same_workload():
    """What a seed draws does not hang on what the cluster does."""
    labs = [simulate(3, seed=4, policy=name) for name in ("spread", "pack")]
    for lab in labs:
        SMALL(lab)
        lab.run_until_over()
    assert ["Completed"] * 8 == list(labs[0].jobs["state"]) == list(labs[1].jobs["state"])
    assert list(labs[0].jobs["submitted_s"]) == list(labs[1].jobs["submitted_s"])
    assert list(labs[0].jobs["name"]) == list(labs[1].jobs["name"])


def test_a_policy_against_itself_makes_no_difference():
    """Under other names."""
    found = tournament(["spread", policy("spread", name="again")], SMALL, seeds=3, processes=1)
    assert {(0, 0, 0)} == {(one.mean, one.low, one.high) for one in found.intervals().values()}


@pytest.mark.parametrize(
    ("arguments", "settings", "text"),
    [
        ((["spread"],), {}, "two policies or more"),
        ((["spread", "spread"],), {}, "of different names"),
        ((["spread", "nope"],), {}, "no ranker or policy 'nope'"),
        ((["spread", "pack"],), {"seeds": 0}, "at least one seed"),
        ((["spread", "pack"],), {"sseeds": 3}, "a setting cannot be"),
    ],
)
def test_what_is_no_tournament_is_said(arguments, settings, text):
    """Before anything runs."""
    with pytest.raises(UsageError, match=text):
        tournament(*arguments, **settings)


def test_a_workload_that_breaks_off_names_its_seed_and_line():
    """Also from another process."""

    def broken(lab):
        lab.submit(batch(noop()))
        return 1 // 0

    line = broken.__code__.co_firstlineno + 2
    with pytest.raises(UsageError, match=rf"seed \d: ZeroDivisionError.* \(line {line} of broken\)"):
        tournament(["spread", "pack"], broken, seeds=3, processes=2)
    with pytest.raises(UsageError, match=r"seed \d: no machine matches"):
        tournament(["spread", "pack"], lambda lab: lab.inject("crash node-9"), seeds=3, processes=2)
