"""A whole network in virtual time: the way of a job, its retries and its timeouts, when all parts work together."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from devstack.behaviour import parse
from devstack.cluster import SIMULATED_START_NS, Cluster, node_labels, simulated_nodes
from devstack.compute.actions import Publish, Published, StepFailed
from devstack.models.job import JobState, SpecConfig, Timeouts
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.simulated import SimulatedShell
from tests.clusters import (
    GB,
    HOP,
    MINUTE,
    SECOND,
    S,
    by_node,
    changes_of,
    job,
    make_cluster,
    noop,
    only,
    run_until_over,
    states,
)

# ---- a job's way -------------------------------------------------------------------------------------------


def test_the_golden_sequence_of_a_batch_job():
    """Reference 12.3; the bid follows the reply to the ask at once, so that no step is left out."""
    cluster = make_cluster(1)
    record = cluster.submit(job(engine=noop(RunsFor="2s", Stdout="hi", ExitCode=3))).record
    run_until_over(cluster, record)
    assert [
        ("J", 1, 1, 1, "Job submitted"),
        ("E", 1, 1, 1, ""),
        ("E", 2, 1, 2, ""),
        ("E", 3, 2, 3, "Accepted job"),
        ("E", 4, 3, 3, ""),
        ("J", 2, 1, 3, ""),
        ("E", 5, 3, 5, ""),
        ("E", 6, 5, 7, ""),
        ("J", 3, 3, 4, ""),
    ] == changes_of(record)
    assert (3, "hi") == (only(record).run_output.exit_code, only(record).run_output.stdout)


def test_every_step_takes_place_at_its_virtual_instant():
    """Ask and answer, approval, the run, and the way back: two and a half round trips and the run itself."""
    cluster = make_cluster(1)
    start_ns = cluster.now_ns
    record = cluster.submit(job(engine=noop(RunsFor="1h"), timeouts=Timeouts(execution_s=7200))).record
    run_until_over(cluster, record, within_ns=120 * MINUTE)
    times = [entry.time_ns - start_ns for entry in record.history]
    run_ns = 3 * HOP + 60 * MINUTE + HOP
    assert [0, 0, 2 * HOP, 2 * HOP, 2 * HOP, 2 * HOP, 4 * HOP, run_ns, run_ns] == times


@pytest.mark.parametrize("nodes", [1, 5])
def test_t277_an_ops_job_runs_once_on_every_node(nodes):
    """As many completed executions as nodes."""
    cluster = make_cluster(nodes)
    record = cluster.submit(job("ops")).record
    run_until_over(cluster, record)
    assert (JobState.COMPLETED, [S.COMPLETED] * nodes) == (record.state, states(record))


def test_a_service_runs_until_it_is_stopped():
    """Then its executions are cancelled on their nodes."""
    cluster = make_cluster()
    record = cluster.submit(job("service", 2, engine=noop(RunsFor="1000h"))).record
    cluster.run_for(24 * 60 * MINUTE)
    assert (JobState.RUNNING, [S.BID_ACCEPTED] * 2) == (record.state, states(record))
    cluster.stop(record.job.id)
    cluster.run_for(SECOND)
    assert (JobState.STOPPED, [S.CANCELLED] * 2) == (record.state, states(record))
    assert [Resources()] * 3 == [node.running for node in cluster.nodes.values()]


def test_a_stop_that_is_repeated_is_no_further_stop():
    """The second has no evaluation."""
    cluster = make_cluster(1)
    record = cluster.submit(job("service", engine=noop(RunsFor="1h"))).record
    assert cluster.stop(record.job.id)
    assert "" == cluster.stop(record.job.id)


# ---- retries -----------------------------------------------------------------------------------------------


def test_a_job_that_always_fails_is_tried_twice_on_every_node():
    """Reference 6: 2 N tries, fresh nodes first; then the job fails, and says why."""
    cluster = make_cluster(3)
    record = cluster.submit(job(engine=noop(Fails="boom"))).record
    run_until_over(cluster, record)
    nodes = [execution.node_id for execution in record.executions.values()]
    assert {"node-1", "node-2", "node-3"} == set(nodes[:3])
    assert sorted(["node-1", "node-2", "node-3"] * 2) == sorted(nodes)
    assert (
        "not enough nodes to run job. requested: 1, available: 3, suitable: 0.\n"
        "• 3 of 3 nodes: job already executed on this node more than once"
    ) == record.message
    assert {"execution error: boom"} == {execution.compute_message for execution in record.executions.values()}


def test_a_job_that_fails_on_some_nodes_completes_on_another():
    """FailsOn: the failed node is not tried again as long as there is a fresh one."""
    cluster = make_cluster(3)
    record = cluster.submit(job(engine=noop(FailsOn=["node-1", "node-2"]))).record
    run_until_over(cluster, record)
    assert JobState.COMPLETED is record.state
    assert [S.COMPLETED] == by_node(record)["node-3"]
    assert all(found == [S.FAILED] for node_id, found in by_node(record).items() if node_id != "node-3")


def test_an_ops_execution_that_fails_is_tried_once_more_on_its_node():
    """D12; in v1.4.0 (`ops-never-retried`) it is not."""
    for behaviour, tries in (("documented", 2), ("v1.4.0", 1)):
        config = RequesterConfig(behaviour=parse([behaviour]))
        cluster = make_cluster(2, requester=config)
        record = cluster.submit(job("ops", engine=noop(FailsOn=["node-1"]))).record
        run_until_over(cluster, record)
        assert {"node-1": [S.FAILED] * tries, "node-2": [S.COMPLETED]} == by_node(record)
        assert JobState.FAILED is record.state


class BadPublisher(SimulatedShell):
    """A shell whose node `bad` cannot publish; all others can publish anywhere."""

    bad = "bad-publisher"

    def perform(self, node_id: str, action: Any) -> None:
        if not isinstance(action, Publish):
            super().perform(node_id, action)
        elif node_id == self.bad:
            failed = StepFailed(action.execution_id, "Publishing Results", "failed to publish result: bad publisher")
            self._kernel.post(node_id, failed)
        else:
            self._kernel.post(node_id, Published(action.execution_id, SpecConfig()))


def retry_cluster() -> Cluster:
    """The nodes of the retry rows: one never bids, one fails what runs, one cannot publish; they are asked first.

    The two good ones are a little smaller, so that they rank below, but above one that failed before.
    """
    plain = simulated_nodes(1)[0]
    small = Resources(3200, 12 * GB, 80 * GB)
    nodes = [
        attrs.evolve(
            plain, node_id=name, labels=node_labels(name), reject_stateless=name == "bid-rejector",
            total=small if name.startswith("good") else plain.total,
        )
        for name in ("bid-rejector", "bad-executor", "bad-publisher", "good-guy1", "good-guy2")
    ]  # fmt: skip
    return make_cluster(nodes, make_shell=lambda world: BadPublisher(world.kernel))


@pytest.mark.parametrize(
    ("where", "count", "state", "executions"),
    [
        pytest.param("bid-rejector good-guy1", 1, JobState.COMPLETED, [4, 7], id="T291"),
        pytest.param("bad-executor good-guy1", 1, JobState.COMPLETED, [7, 8], id="T293"),
        pytest.param("bad-publisher good-guy1", 1, JobState.COMPLETED, [7, 8], id="T295"),
        pytest.param("bad-publisher good-guy1", 2, JobState.FAILED, [7, 8, 8], id="T297"),
        pytest.param("bid-rejector bad-executor good-guy1 good-guy2", 2, JobState.COMPLETED, [4, 7, 7, 8], id="T299"),
    ],
)
def test_what_one_node_refuses_or_breaks_another_one_does(where, count, state, executions):
    """Rejected bids and failed runs are replaced as long as there are nodes; each kind of end has its state."""
    cluster = retry_cluster()
    engine = noop(RunsFor="250ms", FailsOn=["bad-executor"], Fails="bad executor")
    record = cluster.submit(job(count=count, where=where, engine=engine, publisher="local")).record
    run_until_over(cluster, record)
    assert (state, executions) == (record.state, states(record))


def test_t293_t295_a_failed_execution_says_what_failed():
    """The program's error, or the publisher's."""
    cluster = retry_cluster()
    engine = noop(Fails="bad executor", FailsOn=["bad-executor"])
    texts = set()
    for where in ("bad-executor", "bad-publisher"):
        record = cluster.submit(job(where=where, engine=engine, publisher="local")).record
        run_until_over(cluster, record)
        texts |= {execution.compute_message for execution in record.executions.values()}
    assert {"execution error: bad executor", "failed to publish result: bad publisher"} == texts


# ---- timeouts ----------------------------------------------------------------------------------------------


def test_t283_t285_a_run_below_its_timeout_completes():
    """A job without a timeout gets the requester's; what is below a second is none."""
    config = RequesterConfig(default_total_timeout_s=10)
    cluster = make_cluster(1, requester=config)
    record = cluster.submit(job(engine=noop(RunsFor="100ms"))).record
    run_until_over(cluster, record)
    assert JobState.COMPLETED is record.state


def test_t287_a_run_that_takes_too_long_ends_at_its_instant():
    """Its node stops it after exactly the timeout, and the requester hears of it one hop later."""
    cluster = make_cluster(1)
    start_ns = cluster.now_ns
    record = cluster.submit(job(engine=noop(RunsFor="20s"), timeouts=Timeouts(execution_s=1))).record
    run_until_over(cluster, record)
    first = next(iter(record.executions.values()))
    assert (S.FAILED, "Execution timed out after 1s") == (first.compute, first.compute_message)
    assert 3 * HOP + SECOND + HOP == first.modify_time_ns - start_ns
    assert (JobState.FAILED, [S.FAILED, S.FAILED]) == (record.state, states(record))


def test_t289_a_timeout_below_a_nodes_limit_is_refused():
    """The bid is rejected, with the reason."""
    cluster = make_cluster(simulated_nodes(1, min_timeout_ns=5 * MINUTE))
    record = cluster.submit(job(timeouts=Timeouts(execution_s=120))).record
    run_until_over(cluster, record)
    reason = "this node does not accept jobs with timeout 2m0s (the minimum allowed is 5m0s)"
    assert (S.ASK_FOR_BID_REJECTED, f"rejected bid: {reason}") == (only(record).compute, only(record).compute_message)


def test_a_job_that_waits_is_failed_at_its_first_look_after_the_total_timeout():
    """It looks for a node each minute; ninety seconds are over at the second look."""
    cluster = make_cluster(1)
    start_ns = cluster.now_ns
    record = cluster.submit(job(count=2, timeouts=Timeouts(queue_s=80, total_s=90))).record
    run_until_over(cluster, record)
    assert ("Job timed out. Job took longer than 1m30s", 120 * SECOND) == (
        record.message, record.modify_time_ns - start_ns,
    )  # fmt: skip


def test_a_job_whose_node_does_not_watch_the_time_is_failed_by_the_requester():
    """The node's own timer is lost; housekeeping comes two minutes after the timeout, and the job says why."""
    cluster = make_cluster(1)
    record = cluster.submit(job(engine=noop(RunsFor="100h"), timeouts=Timeouts(total_s=600))).record
    cluster.run_for(SECOND)
    cluster.kernel.cancel_timer("node-1", ("timeout", only(record).id))
    run_until_over(cluster, record)
    assert "Job timed out. Job took longer than 10m0s" == record.message
    # Rounds are at 30 s, 60 s, ...; that at 720 s is not yet past 600 + 120 s of the job, which came at 0.5 s.
    assert 750 * SECOND == record.modify_time_ns - SIMULATED_START_NS
    cluster.run_for(SECOND)
    assert S.CANCELLED is only(record).compute


def test_a_job_waits_for_a_node_until_its_queue_timeout_is_over():
    """It is looked at again every minute; the first look after that fails it."""
    cluster = make_cluster(1)
    record = cluster.submit(job(where="node-2", timeouts=Timeouts(queue_s=300))).record
    start_ns = cluster.now_ns
    cluster.run_for(SECOND)
    assert JobState.QUEUED is record.state
    run_until_over(cluster, record)
    looks_ns = [entry.time_ns - start_ns for entry in record.history]
    assert JobState.FAILED is record.state
    assert 300 * SECOND < looks_ns[-1] <= 360 * SECOND
