"""What has changed since a reader last looked: everything once, as it is now, and within bounds."""

from __future__ import annotations

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from devstack.cluster import Cluster, simulated_nodes
from devstack.dashboard.board import MOST_HAPPENINGS, Board
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.builders import batch, noop

SECOND_NS = 1_000_000_000
ALL = 10**9


def started(nodes: int = 2, **settings: int) -> tuple[Cluster, Board]:
    cluster = Cluster(simulated_nodes(nodes), lambda made: SimulatedShell(made.kernel))
    cluster.start()
    cluster.run_for(SECOND_NS)
    return cluster, Board(cluster, **settings)


def test_a_new_reader_gets_every_node():
    """The requester, too."""
    _, board = started()
    assert [("node", "node-0"), ("node", "node-1"), ("node", "node-2")] == sorted(board.since(0, ALL).things)


def test_a_job_is_told_with_its_execution_and_its_node():
    """And what happened, in the order in which it did."""
    cluster, board = started()
    seen = board.since(0, ALL).revision
    record = cluster.submit(batch(noop("5s"))).record
    cluster.run_for(SECOND_NS)
    [execution] = record.executions.values()
    changes = board.since(seen, ALL)
    wanted = {("job", record.job.id), ("execution", execution.id), ("node", execution.node_id)}
    assert wanted == set(changes.things)
    assert "program started" in [one.text for one in changes.happenings]
    assert sorted(changes.happenings, key=lambda one: one.revision) == list(changes.happenings)
    assert 0 < board.began_ns(execution.id) <= cluster.now_ns


def test_who_has_seen_all_gets_nothing():
    """However often something had changed, it is told once."""
    cluster, board = started()
    cluster.submit(batch(noop("1s"), count=3))
    cluster.run_for(5 * SECOND_NS)
    changes = board.since(0, ALL)
    assert len(set(changes.things)) == len(changes.things)
    again = board.since(changes.revision, ALL)
    assert ((), (), True) == (again.things, again.happenings, again.is_all)


@given(limit=st.integers(1, 30), jobs=st.integers(0, 12))
def test_pieces_are_together_the_whole(limit: int, jobs: int):
    """Whatever the size of the pieces."""
    cluster, board = started()
    for _ in range(jobs):
        cluster.submit(batch(noop("1s")))
    cluster.run_for(SECOND_NS // 2)
    whole, pieces, seen = board.since(0, ALL), [], 0
    while not pieces or not pieces[-1].is_all:
        pieces.append(board.since(seen, limit))
        seen = pieces[-1].revision
    assert list(whole.things) == [thing for piece in pieces for thing in piece.things]
    assert whole.revision == pieces[-1].revision
    assert all(len(piece.things) <= limit and len(piece.happenings) <= limit for piece in pieces)


def test_what_was_quiet_for_longest_is_forgotten_but_no_node():
    """So that a stack may run for ever."""
    cluster, board = started(most_things=10)
    for _ in range(MOST_HAPPENINGS // 5):
        cluster.submit(batch(noop("1s")))
        cluster.run_for(3 * SECOND_NS)
    changes = board.since(0, ALL)
    assert len(changes.things) <= 10 + 3
    assert {"node-0", "node-1", "node-2"} <= {name for kind, name in changes.things if kind == "node"}
    assert MOST_HAPPENINGS == len(changes.happenings)
    assert len(board._began_ns) <= 13


def test_power_and_membership_are_told():
    """Of nodes, as the requester and as the machine has it."""
    cluster, board = started()
    seen = board.revision
    cluster.crash("node-1")
    cluster.change_node("node-2", "reject")
    cluster.run_for(SECOND_NS)
    changes = board.since(seen, ALL)
    assert [("node-1", "power off"), ("node-2", "reject")] == [(one.node_id, one.text) for one in changes.happenings]


async def test_a_wait_ends_with_the_next_change(autojump_clock: MockClock, nursery: trio.Nursery):
    """And at once if it has come already."""
    cluster, board = started()
    seen, woken = board.revision, trio.Event()

    async def wait() -> None:
        await board.wait_past(seen)
        woken.set()

    nursery.start_soon(wait)
    await trio.testing.wait_all_tasks_blocked()
    assert not woken.is_set()
    cluster.crash("node-1")
    await woken.wait()
    with trio.fail_after(1):
        await board.wait_past(seen)


def test_each_board_has_a_life_of_its_own():
    """Revisions of one say nothing to another."""
    cluster, board = started()
    assert board.life != Board(cluster).life
