"""A whole network in virtual time: room for work, nodes that come and go, messages that are lost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import pytest

from devstack.behaviour import parse
from devstack.cluster import Cluster, simulated_nodes
from devstack.compute.lifecycle import LocalExecutionState
from devstack.kernel import Deliver, Drop
from devstack.messages import BidRejected, BidResult, CancelExecution, Register
from devstack.models.execution import Execution
from devstack.models.job import Constraint, JobState, ResourcesConfig, SpecConfig
from devstack.models.node import Connection
from devstack.models.resources import Gpu, Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.planner import owed_call
from devstack.runtime.simulated import SimulatedShell
from tests.clusters import (
    GB,
    MINUTE,
    SECOND,
    S,
    by_node,
    job,
    make_cluster,
    noop,
    only,
    run_until_over,
    silence,
    states,
)

# ---- capacity ----------------------------------------------------------------------------------------------


def test_t259_no_more_runs_at_once_than_there_is_room_for():
    """Four jobs of half a node each, one second long: two and two."""
    cluster = make_cluster(simulated_nodes(1, capacity=Resources(2000, GB, GB)))
    half = ResourcesConfig(cpu="1", memory="500mb")
    records = [cluster.submit(job(engine=noop(RunsFor="1s"), resources=half)).record for _ in range(4)]
    most, node = 0, cluster.nodes["node-1"]
    while not all(record.is_terminal for record in records):
        cluster.run_for(10_000_000)
        running = len(node.debug().active)
        most = max(most, running)
        assert running * 1000 == node.running.cpu_millis <= 2000
    assert 2 == most
    assert [JobState.COMPLETED] * 4 == [record.state for record in records]


def test_t261_over_subscribed_nodes_share_the_work():
    """Two nodes of one GPU, twice over-subscribed, resources reported every 50 ms: two jobs on each."""
    gpu = Resources(4000, 16 * GB, 100 * GB, 1, (Gpu(0, "T4"),))
    nodes = simulated_nodes(2, capacity=gpu, resources_interval_ns=SECOND // 20)
    cluster = make_cluster(nodes, requester=RequesterConfig(over_subscription_millis=2000))
    records = []
    for _ in range(4):
        wanted = job(engine=noop(RunsFor="1s"), resources=ResourcesConfig(gpu="1"))
        records.append(cluster.submit(wanted).record)
        cluster.run_for(SECOND // 5)
    run_until_over(cluster, *records)
    assert [S.COMPLETED] * 4 == [only(record).compute for record in records]
    assert ["node-1", "node-1", "node-2", "node-2"] == sorted(only(record).node_id for record in records)


def test_a_node_may_be_further_away_than_others():
    """A bid to it and back takes twice its latency, and its registration as long."""
    near, far = simulated_nodes(2)
    cluster = make_cluster([near, attrs.evolve(far, latency_ns=SECOND // 5)])
    network = cluster.kernel.network
    assert [SECOND // 5] * 2 == [network.travel_ns("node-0", "node-2"), network.travel_ns("node-2", "node-0")]
    assert network.latency_ns == network.travel_ns("node-0", "node-1")
    records = [
        cluster.submit(attrs.evolve(job(engine=noop()), constraints=(Constraint("id", "=", (name,)),))).record
        for name in ("node-1", "node-2")
    ]
    cluster.run_for(3 * SECOND // 5)
    assert [JobState.COMPLETED, JobState.RUNNING] == [record.state for record in records]
    cluster.run_for(SECOND // 2)
    assert JobState.COMPLETED is records[1].state


def test_what_waits_on_a_node_starts_in_the_order_it_came():
    """One slot, five executions: first in, first out."""
    cluster = make_cluster(
        simulated_nodes(1, capacity=Resources(1000, 16 * GB, GB)),
        requester=RequesterConfig(over_subscription_millis=10_000),
    )
    whole = ResourcesConfig(cpu="1")
    records = []
    for _ in range(5):
        records.append(cluster.submit(job(engine=noop(RunsFor="10s"), resources=whole)).record)
        cluster.run_for(SECOND)
    run_until_over(cluster, *records)
    ends_ns = [record.modify_time_ns for record in records]
    assert sorted(ends_ns) == ends_ns
    assert {10 * SECOND} == {later - earlier for earlier, later in pairwise(ends_ns)}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"engine": SpecConfig("wasm")}, "does not support wasm, only docker", id="T267"),
        pytest.param({"publisher": "s3"}, "does not support s3, only noop, local", id="T269"),
    ],
)
def test_what_no_node_offers_fails_the_job(change, text):
    """At once, with the reason."""
    cluster = make_cluster(simulated_nodes(2, engines=("docker",)))
    record = cluster.submit(job(**change)).record
    cluster.run_for(SECOND)
    assert JobState.FAILED is record.state
    assert record.message.endswith(f"• 2 of 2 nodes: {text}")


@pytest.mark.parametrize(
    ("constraint", "count", "nodes"),
    [
        (Constraint("env", "!=", ("prod",)), 1, {"compute-3"}),
        (Constraint("env", "in", ("prod", "test")), 3, {"compute-1", "compute-2", "compute-3"}),
        (Constraint("env", "notin", ("prod", "test")), 1, set()),
    ],
)
def test_t301_labels_say_where_a_job_may_run(constraint, count, nodes):
    """Nowhere else; where nothing fits the job fails."""
    plain = simulated_nodes(1)[0]
    environments = {"compute-1": "prod", "compute-2": "prod", "compute-3": "test"}
    configs = [attrs.evolve(plain, node_id=name, labels={"env": env}) for name, env in environments.items()]
    cluster = make_cluster(configs)
    record = cluster.submit(attrs.evolve(job(count=count), constraints=(constraint,))).record
    run_until_over(cluster, record)
    assert (JobState.COMPLETED if nodes else JobState.FAILED) is record.state
    assert nodes == {execution.node_id for execution in record.executions.values()}


# ---- nodes that come and go --------------------------------------------------------------------------------


def test_t305_a_node_that_falls_silent_is_disconnected_and_its_work_is_done_elsewhere():
    """Thirty seconds after its last heartbeat, at the next look; when it is heard again, it is told to stop."""
    cluster = make_cluster(2)
    record = cluster.submit(job(engine=noop(RunsFor="5m"))).record
    cluster.run_for(SECOND)
    lost = only(record)
    is_silent = silence(cluster, lost.node_id)
    cluster.run_for(2 * MINUTE)
    assert Connection.DISCONNECTED is cluster.requester.nodes.find(lost.node_id).connection
    (_, replacement) = record.executions.values()
    assert {"node-1", "node-2"} == {lost.node_id, replacement.node_id}
    assert "Execution stop requested because node has disappeared" == lost.desired_message
    assert S.BID_ACCEPTED is lost.compute  # The node has not answered yet.
    is_silent.clear()
    cluster.run_for(30 * SECOND)
    assert (S.CANCELLED, Resources()) == (lost.compute, cluster.nodes[lost.node_id].running)
    run_until_over(cluster, record)
    assert (JobState.COMPLETED, S.COMPLETED) == (record.state, replacement.compute)


def test_in_v1_4_0_a_silent_node_keeps_its_executions():
    """`disconnected-node-keeps-executions`: only a deleted node loses them."""
    cluster = make_cluster(2, requester=RequesterConfig(behaviour=parse(["v1.4.0"])))
    record = cluster.submit(job("service", engine=noop(RunsFor="100h"))).record
    cluster.run_for(SECOND)
    silence(cluster, only(record).node_id)
    cluster.run_for(60 * MINUTE)
    assert S.BID_ACCEPTED is only(record).compute
    cluster.change_node(only(record).node_id, "delete")
    other = cluster.submit(job()).record  # In v1.4.0 nobody looks at the service because of that.
    run_until_over(cluster, other)
    assert 1 == len(record.executions)


@pytest.mark.parametrize("action", ["reject", "delete"])
def test_a_replica_of_a_service_is_replaced_when_its_node_is_gone(action):
    """At once, on another node; the node that is gone is told to stop, and does."""
    cluster = make_cluster(3)
    record = cluster.submit(job("service", 2, engine=noop(RunsFor="100h"))).record
    cluster.run_for(SECOND)
    gone = next(iter(record.executions.values()))
    assert "" == cluster.change_node(gone.node_id, action)
    cluster.run_for(SECOND)
    running = {e.node_id for e in record.executions.values() if e.compute is S.BID_ACCEPTED}
    assert (2, JobState.RUNNING) == (len(running), record.state)
    assert gone.node_id not in running
    assert (S.CANCELLED, Resources()) == (gone.compute, cluster.nodes[gone.node_id].running)


def test_a_daemon_runs_on_a_node_that_joins_later():
    """The node's registration was held up for a minute."""
    cluster = Cluster(simulated_nodes(3), lambda world: SimulatedShell(world.kernel))
    rules = cluster.kernel.network.rules
    rules.append(lambda packet: Drop("late") if packet.source == "node-3" else None)
    cluster.start()
    cluster.run_for(SECOND)
    record = cluster.submit(job("daemon", engine=noop(RunsFor="100h"))).record
    cluster.run_for(MINUTE)
    assert {"node-1", "node-2"} == set(by_node(record))
    rules.clear()
    cluster.run_for(20 * SECOND)
    assert {f"node-{n}": [S.BID_ACCEPTED] for n in (1, 2, 3)} == by_node(record)


def test_a_node_registers_until_it_hears_that_it_is_taken_in():
    """A lost answer costs nothing: it asks again every two seconds."""
    cluster = Cluster(simulated_nodes(1), lambda world: SimulatedShell(world.kernel))
    asked = []
    rule = lambda packet: Drop("lost") if packet.source == "node-0" else None  # noqa: E731
    cluster.kernel.network.rules += [rule, lambda packet: asked.append(packet) if _is_register(packet) else None]
    cluster.start()
    cluster.run_for(5 * SECOND)
    cluster.kernel.network.rules.remove(rule)
    cluster.run_for(20 * SECOND)
    assert (4, True) == (len(asked), cluster.is_ready)


def _is_register(packet: Any) -> bool:
    return isinstance(packet.message, Register)


@pytest.mark.parametrize(("mode", "comes"), [("documented", True), ("v1.4.0", False)])
def test_a_daemon_comes_to_a_node_that_was_too_busy_for_it_only_where_documented(mode, comes):
    """`node-join-wakes-nobody`: a round of housekeeping looks again as long as a node is without it."""
    cluster = make_cluster(1, requester=RequesterConfig(behaviour=parse([mode]), over_subscription_millis=1000))
    busy = cluster.submit(job(engine=noop(RunsFor="2m"), resources=ResourcesConfig(cpu="4"))).record
    cluster.run_for(40 * SECOND)
    record = cluster.submit(job("daemon", engine=noop(RunsFor="100h"), resources=ResourcesConfig(cpu="1"))).record
    run_until_over(cluster, busy)
    assert {} == record.executions
    cluster.run_for(65 * SECOND)
    assert comes == bool(record.executions)


@pytest.mark.parametrize("kind", ["service", "daemon"])
@pytest.mark.parametrize("params", [{}, {"Fails": "boom"}], ids=["ends", "fails"])
def test_a_long_running_program_that_ends_is_started_again_every_ten_seconds(kind, params):
    """D12: well or badly, at most one start in ten seconds and node; the job stays Running."""
    cluster = make_cluster(1)
    record = cluster.submit(job(kind, engine=noop(RunsFor="1s", **params))).record
    cluster.run_for(60 * SECOND)
    started_ns = [execution.create_time_ns for execution in record.executions.values()]
    assert {10 * SECOND} == {later - earlier for earlier, later in pairwise(started_ns)}
    assert (JobState.RUNNING, 7) == (record.state, len(started_ns))


@pytest.mark.parametrize("kind", ["service", "daemon"])
def test_a_long_running_program_that_fills_its_node_finds_room_there_again(kind):
    """The node says at once what it has free, so that the program's own past does not keep it off."""
    cluster = make_cluster(1)
    resources = ResourcesConfig(cpu="4")
    record = cluster.submit(job(kind, engine=noop(RunsFor="20s"), resources=resources)).record
    cluster.run_for(65 * SECOND)
    assert (JobState.RUNNING, 4) == (record.state, len(record.executions))


def test_a_service_whose_program_ends_moves_on_to_a_node_that_does_not_rest():
    """Ten seconds are counted for each node."""
    cluster = make_cluster(3)
    record = cluster.submit(job("service", engine=noop(RunsFor="1s"))).record
    cluster.run_for(9 * SECOND)
    assert {"node-1": [S.FAILED], "node-2": [S.FAILED], "node-3": [S.FAILED]} == by_node(record)
    cluster.run_for(3 * SECOND)
    assert 5 == len(record.executions)


@pytest.mark.parametrize(("kind", "tries", "state"), [("service", 4, JobState.FAILED), ("daemon", 2, JobState.RUNNING)])
def test_in_v1_4_0_a_long_running_program_that_ended_is_not_started_for_ever(kind, tries, state):
    """`long-running-never-restarted`: a service has its two tries a node, a daemon one."""
    cluster = make_cluster(2, requester=RequesterConfig(behaviour=parse(["v1.4.0"])))
    record = cluster.submit(job(kind)).record
    cluster.run_for(60 * MINUTE)
    assert (state, [S.FAILED] * tries) == (record.state, states(record))


# ---- messages that are lost, late or doubled ----------------------------------------------------------------


def test_a_network_that_doubles_every_message_changes_nothing():
    """Each request and each report counts once."""
    cluster = make_cluster(3)
    cluster.kernel.network.rules.append(lambda packet: Deliver(copies=2))
    record = cluster.submit(job(count=3, engine=noop(RunsFor="1s", Stdout="once"))).record
    run_until_over(cluster, record)
    cluster.run_for(MINUTE)
    assert (JobState.COMPLETED, [S.COMPLETED] * 3) == (record.state, states(record))
    assert [6] * 3 == [execution.revision for execution in record.executions.values()]
    assert [1] * 3 == [node.debug().completed for node in cluster.nodes.values()]


@pytest.mark.parametrize("refuses", [False, True])
def test_a_bid_that_is_lost_is_asked_for_again(refuses):
    """Else a service would wait for it for ever; a refusal is made, and told, anew."""
    cluster = make_cluster(simulated_nodes(1, reject_stateless=refuses))
    lost = []
    cluster.kernel.network.rules.append(
        lambda packet: lost.append(packet) or Drop("lost")
        if isinstance(packet.message, BidResult) and not lost
        else None
    )
    record = cluster.submit(job("service", engine=noop(RunsFor="1h"))).record
    cluster.run_for(65 * SECOND)
    assert 1 == len(lost)
    assert (S.ASK_FOR_BID_REJECTED if refuses else S.BID_ACCEPTED) is only(record).compute


def test_a_refusal_of_a_bid_that_is_lost_is_said_again():
    """Else the node would keep the execution, and the requester the question, for ever."""
    cluster = make_cluster(3)
    lost = []
    cluster.kernel.network.rules.append(
        lambda packet: (
            lost.append(packet) or Drop("lost") if isinstance(packet.message, BidRejected) and len(lost) < 2 else None
        )
    )
    record = cluster.submit(job("service", engine=noop(RunsFor="1h"))).record
    cluster.run_for(SECOND)
    running = only(record)
    # A second replica's bid comes when it is no longer wanted.
    extra = Execution("e-extra", record.job.id, "node-1" if running.node_id != "node-1" else "node-2", "default", "v")
    cluster.requester.store.create_execution(extra, record.history[0].event, cluster.now_ns)
    cluster.requester._call(cluster.now_ns, owed_call(extra))
    cluster._carry_out("node-0", cluster.requester)
    cluster.run_for(30 * SECOND)
    assert (2, S.BID_REJECTED) == (len(lost), extra.compute)
    local = cluster.nodes[extra.node_id].store.read(extra.id)
    assert LocalExecutionState.CANCELLED is local.state


def test_a_cancel_that_is_lost_is_said_again():
    """`failed-cancel-never-resent`: until the node answers."""
    cluster = make_cluster(1)
    record = cluster.submit(job("service", engine=noop(RunsFor="1h"))).record
    cluster.run_for(SECOND)
    lost = []
    cluster.kernel.network.rules.append(
        lambda packet: (
            lost.append(packet) or Drop("lost")
            if isinstance(packet.message, CancelExecution) and len(lost) < 3
            else None
        )
    )
    cluster.stop(record.job.id)
    cluster.run_for(29 * SECOND)
    assert S.BID_ACCEPTED is only(record).compute
    cluster.run_for(2 * SECOND)
    assert (3, S.CANCELLED) == (len(lost), only(record).compute)
