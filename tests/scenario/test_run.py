"""Scenarios as people write them, and what comes of them."""

from __future__ import annotations

import pytest
import trio

from devstack.behaviour import parse
from devstack.errors import UsageError
from devstack.models.resources import Resources
from devstack.scenario import ClusterHandle, Outcome, Scenario, batch, daemon, noop, ops, run, scenario, service
from devstack.scenario.run import RunOptions, Verdict


def passed(wanted: Scenario, **options: object) -> Outcome:
    outcome = run(wanted, RunOptions(**options))  # type: ignore[arg-type]
    assert Verdict.PASSED is outcome.verdict, outcome.message
    return outcome


def test_a_job_runs_where_it_is_placed_and_completes():
    """The shortest useful script."""

    @scenario(nodes=5)
    async def three_at_once(cluster: ClusterHandle) -> None:
        """A batch job of three."""
        job = await cluster.submit(batch(noop(runs_for="2m", stdout="hi"), count=3))
        execution = await job.wait_running()
        assert execution.is_running
        await job.wait("Completed", within="15m")
        assert 3 == len(job.completed) == len(job.nodes_used)
        assert {"hi"} == {done.stdout for done in job.completed}
        assert 120 < cluster.now_s < 121

    outcome = passed(three_at_once)
    assert "A batch job of three." == three_at_once.about
    assert 120 * 10**9 < outcome.virtual_ns


def test_the_four_job_types():
    """Ops run everywhere, services and daemons until they are stopped."""

    @scenario(nodes=4)
    async def all_types(cluster: ClusterHandle) -> None:
        everywhere = await cluster.submit(ops(noop(runs_for="5s")))
        await everywhere.wait("Completed", within="1m")
        assert 4 == len(everywhere.completed)
        running = await cluster.submit(service(noop(runs_for="10h"), count=2))
        watching = await cluster.submit(daemon(noop(runs_for="10h")))
        await running.wait_running(2, within="1m")
        await watching.wait_running(4, within="1m")
        await running.stop("enough")
        await cluster.stop(watching)
        await watching.wait_executions(4, "Cancelled", within="1m")
        assert "Stopped" == running.state == watching.state

    passed(all_types)


def test_the_same_seed_is_the_same_run_and_another_seed_is_another():
    """Digest, ids, placements."""

    @scenario(nodes=5)
    async def two_jobs(cluster: ClusterHandle) -> None:
        first = await cluster.submit(batch(noop(runs_for="1m"), count=2))
        second = await cluster.submit(batch(noop(runs_for="3m")))
        await first.wait(within="5m")
        await second.wait(within="5m")

    assert passed(two_jobs, seed=7).digest == passed(two_jobs, seed=7).digest
    assert passed(two_jobs, seed=7).digest != passed(two_jobs, seed=8).digest


def test_a_wait_that_is_not_met_tells_the_story_so_far():
    """What was awaited, how the job stands, where it was tried."""

    @scenario(nodes=2)
    async def too_slow(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="1h")))
        await job.wait("Completed", within="1m")

    outcome = run(too_slow)
    assert Verdict.FAILED is outcome.verdict
    assert "waited 1m0s for job" in outcome.message
    assert "is Running" in outcome.message
    assert "BidAccepted" in outcome.message
    assert outcome.where.rpartition(":")[0] == __file__


def test_a_job_that_ends_otherwise_is_not_waited_for():
    """Failed instead of Completed: at once, with its message."""

    @scenario(nodes=2)
    async def fails(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(fails="no luck")))
        await job.wait("Completed", within="1h")

    outcome = run(fails)
    assert Verdict.FAILED is outcome.verdict
    assert "was to be Completed and is Failed" in outcome.message
    assert outcome.virtual_ns < 10**9


def test_a_bare_assert_is_quoted():
    """The line itself is the message."""

    @scenario(nodes=1)
    async def wrong(cluster: ClusterHandle) -> None:
        assert cluster.now_s > 5

    assert "cluster.now_s > 5" in run(wrong).message


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("unknown job state 'Done'", lambda cluster, job: job.wait("Done")),
        ("unknown execution state 'Lost'", lambda cluster, job: job.wait_executions(1, "Lost")),
        ("is no duration", lambda cluster, job: job.wait(within=[1])),
        ("invalid duration 'soon'", lambda cluster, job: cluster.advance("soon")),
    ],
)
def test_a_mistake_of_the_script_is_told_in_words(words: str, call: object):
    """Broken, not failed: the script is to be mended, not the cluster."""

    @scenario(nodes=1)
    async def mistaken(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="1m")))
        await call(cluster, job)  # type: ignore[operator]

    outcome = run(mistaken)
    assert Verdict.BROKEN is outcome.verdict
    assert words in outcome.message


def test_an_unknown_node_is_answered_with_the_known_ones():
    """`cluster.node` lists what there is."""

    @scenario(nodes=2)
    async def lost(cluster: ClusterHandle) -> None:
        cluster.node("node-9")

    assert "node-1, node-2" in run(lost).message


def test_nodes_of_different_shape():
    """Labels and capacity by node; constraints find them."""

    @scenario(nodes=3, shapes={"node-3": {"labels": {"gpu": "yes"}, "total": Resources(8000, 32 * 10**9, 10**11)}})
    async def picky(cluster: ClusterHandle) -> None:
        labelled = await cluster.submit(batch(noop(), where="gpu=yes"))
        big = await cluster.submit(batch(noop(), cpu="6"))
        await labelled.wait(within="1m")
        await big.wait(within="1m")
        assert {"node-3"} == labelled.nodes_used == big.nodes_used
        assert "yes" == cluster.node("node-3").labels["gpu"]

    passed(picky)


def test_shapes_for_nodes_that_do_not_exist_are_refused():
    """A typing error must not pass in silence."""

    @scenario(nodes=1, shapes={"node-7": {}})
    async def misspelt(cluster: ClusterHandle) -> None: ...

    with pytest.raises(UsageError, match="node-7"):
        run(misspelt)


def test_node_actions_and_their_refusals():
    """Reject, approve, delete, as people do by hand."""

    @scenario(nodes=2)
    async def membership(cluster: ClusterHandle) -> None:
        node = cluster.node("node-2")
        await node.reject()
        assert "REJECTED" == node.membership
        job = await cluster.submit(ops(noop()))
        await job.wait(within="1m")
        assert {"node-1"} == job.nodes_used
        await node.approve()
        await node.delete()
        assert ["node-1"] == [other.id for other in cluster.nodes]

    passed(membership)


def test_plain_trio_works_inside():
    """Nurseries, sleeps, limits."""

    @scenario(nodes=3)
    async def together(cluster: ClusterHandle) -> None:
        async def one(delay_s: float) -> None:
            await trio.sleep(delay_s)
            job = await cluster.submit(batch(noop(runs_for="30s")))
            await job.wait(within="2m")

        async with trio.open_nursery() as nursery:
            for delay_s in (5, 10, 15):
                nursery.start_soon(one, delay_s)
        assert 45 < cluster.now_s < 46

    passed(together)


def test_a_snapshot_is_the_world_at_that_instant():
    """It can be pickled while things are under way."""

    @scenario(nodes=2)
    async def keep(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="1m")))
        await job.wait_running()
        assert len(cluster.snapshot()) > 1000

    passed(keep)


def test_the_behaviour_is_the_scenarios_unless_the_run_says_otherwise():
    """`--behaviour` beats the decorator."""

    @scenario(nodes=1, behaviour="v1.4.0")
    async def count_missing(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(noop(runs_for="1s"), count=0))
        await job.wait(within="1m")

    assert passed(count_missing).digest != ""
    assert passed(count_missing, behaviour=parse(["documented"])).digest != ""
