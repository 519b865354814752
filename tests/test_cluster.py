"""A whole network in virtual time: the rules of the reference as they show when all parts work together."""

from __future__ import annotations

import pickle
import subprocess
import sys
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.behaviour import parse
from devstack.cluster import SIMULATED_START_NS, Cluster, node_labels, simulated_nodes
from devstack.compute.actions import Publish, Published, StepFailed
from devstack.compute.lifecycle import LocalExecutionState
from devstack.errors import ConflictError, InvariantError, LateInvalidJobError
from devstack.kernel import Deliver, Drop
from devstack.messages import BidRejected, BidResult, CancelExecution, Register
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Constraint, Job, JobState, ResourcesConfig, SpecConfig, Task, Timeouts
from devstack.models.node import Connection
from devstack.models.resources import Gpu, Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.planner import owed_call
from devstack.orchestrator.store import JobRecord
from devstack.runtime.simulated import SimulatedShell

S = ComputeState
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOP = 500_000  # one way between two machines
GB = 10**9


def noop(**params: Any) -> SpecConfig:
    return SpecConfig("noop", params)


def job(
    kind: str = "batch", count: int = 1, *, engine: SpecConfig | None = None, publisher: str = "",
    resources: ResourcesConfig | None = None, timeouts: Timeouts | None = None, where: str = "", **fields: Any,
) -> Job:  # fmt: skip
    """A noop job; `where` names the only nodes that it may run on."""
    task = Task(
        "main", engine or noop(), SpecConfig(publisher), resources=resources or ResourcesConfig(),
        timeouts=timeouts or Timeouts(),
    )  # fmt: skip
    constraints = (Constraint("name", "in", tuple(where.split())),) if where else ()
    return Job(type=kind, count=count, tasks=(task,), constraints=constraints, **fields)


def make_cluster(nodes: Any = 3, *, make_shell: Any = None, **settings: Any) -> Cluster:
    """Started, and every node heard of; half a second has passed."""
    configs = simulated_nodes(nodes) if isinstance(nodes, int) else nodes
    cluster = Cluster(configs, make_shell or (lambda world: SimulatedShell(world.kernel)), **settings)
    cluster.start()
    cluster.run_for(SECOND // 2)
    assert cluster.is_ready
    return cluster


def run_until_over(cluster: Cluster, *records: JobRecord, within_ns: int = 60 * MINUTE) -> None:
    deadline_ns = cluster.now_ns + within_ns
    while any(not record.is_terminal for record in records) and cluster.now_ns < deadline_ns:
        cluster.run_for(SECOND // 2)
    assert all(record.is_terminal for record in records), "not over in time"


def states(record: JobRecord) -> list[ComputeState]:
    return sorted(execution.compute for execution in record.executions.values())


def by_node(record: JobRecord) -> dict[str, list[ComputeState]]:
    found: dict[str, list[ComputeState]] = {}
    for execution in record.executions.values():
        found.setdefault(execution.node_id, []).append(execution.compute)
    return found


def changes_of(record: JobRecord) -> list[tuple[str, int, int, int, str]]:
    return [(type(e).__name__[0], e.new_revision, int(e.previous), int(e.new), e.event.message) for e in record.history]


def only(record: JobRecord) -> Execution:
    (execution,) = record.executions.values()
    return execution


def silence(cluster: Cluster, *names: str) -> list[bool]:
    """Drop every packet from and to these nodes until the answer is cleared."""
    is_on = [True]
    cluster.kernel.network.rules.append(
        lambda packet: Drop("silenced") if is_on and (packet.source in names or packet.target in names) else None
    )
    return is_on


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


# ---- the cluster as a thing --------------------------------------------------------------------------------


def test_a_node_that_is_none_of_ours_is_a_mistake_of_ours():
    """Nobody else can name it."""
    with pytest.raises(InvariantError, match="no such node"):
        make_cluster(1).node("node-9")


def test_a_job_with_an_id_of_its_own_is_taken_once():
    """The second of that id is refused."""
    cluster = make_cluster(1)
    cluster.submit(job("service", id="mine"))
    with pytest.raises(LateInvalidJobError, match="already exists"):
        cluster.submit(job("service", id="mine"))


def test_events_can_be_taken_one_at_a_time():
    """And time stands at the last of them."""
    cluster = Cluster(simulated_nodes(1), lambda world: SimulatedShell(world.kernel))
    cluster.start()
    start_ns = cluster.now_ns
    assert 1 == cluster.run_until(start_ns + SECOND, at_most=1)
    assert start_ns + HOP == cluster.now_ns


# ---- repeatable --------------------------------------------------------------------------------------------

WORLD = """
from tests.test_cluster import a_busy_world
print(a_busy_world(7).kernel.trace.digest())
"""


def a_busy_world(seed: int) -> Cluster:
    """All job types, failures, a silent node, a stop; three minutes."""
    cluster = make_cluster(5, seed=seed)
    engine = noop(RunsFor="7s", FailsOn=["node-2"])
    cluster.submit(job(count=3, engine=engine, labels={"b": "1", "a": "2"}))
    cluster.submit(job("ops", engine=engine))
    cluster.submit(job("daemon", engine=engine))
    service = cluster.submit(job("service", 2, engine=noop(RunsFor="40s"))).record
    cluster.run_for(20 * SECOND)
    silence(cluster, "node-4")
    cluster.submit(job(count=5, engine=engine, timeouts=Timeouts(queue_s=60)))
    cluster.run_for(100 * SECOND)
    cluster.stop(service.job.id)
    cluster.run_for(60 * SECOND)
    return cluster


def test_the_same_seed_gives_the_same_trace():
    """To the byte, also in another process with another hash seed; another seed gives another one."""
    here = a_busy_world(7).kernel.trace.digest()
    assert here == a_busy_world(7).kernel.trace.digest()
    assert here != a_busy_world(8).kernel.trace.digest()
    for hash_seed in ("1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", WORLD], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
        )  # fmt: skip
        assert here == done.stdout.strip()


jobs = st.builds(
    job,
    st.sampled_from(["batch", "ops", "service", "daemon"]),
    st.integers(1, 4),
    engine=st.builds(
        noop,
        RunsFor=st.sampled_from(["0s", "300ms", "4s", "2m"]),
        FailsOn=st.lists(st.sampled_from(["node-1", "node-2", "node-3"]), max_size=2),
    ),
    timeouts=st.builds(Timeouts, execution_s=st.sampled_from([0, 1, 60]), queue_s=st.sampled_from([0, 30])),
    resources=st.builds(ResourcesConfig, cpu=st.sampled_from(["", "1", "3", "4"])),
)
plans = st.lists(st.tuples(st.integers(0, 40 * SECOND), jobs), min_size=1, max_size=5)


@given(plans, st.integers(0, 2**32), st.integers(0, 60), st.sampled_from(["documented", "v1.4.0"]))
def test_a_world_that_is_pickled_on_its_way_goes_on_as_if_nothing_had_happened(plan, seed, cut_s, mode):
    """At any instant: the copy writes the same trace as the original, and does not touch it."""
    behaviour = parse([mode])
    cluster = make_cluster(
        simulated_nodes(3, behaviour=behaviour), seed=seed, requester=RequesterConfig(behaviour=behaviour)
    )
    for pause_ns, one in plan:
        cluster.submit(one)
        cluster.run_for(pause_ns)
    cluster.run_for(cut_s * SECOND)
    frozen = pickle.dumps(cluster)
    cluster.run_for(5 * MINUTE)
    copy = pickle.loads(frozen)
    copy.run_for(5 * MINUTE)
    assert cluster.kernel.trace.digest() == copy.kernel.trace.digest()


@given(plans, st.integers(0, 2**32), st.integers(1, 5))
def test_every_job_that_can_end_does_and_nothing_is_left_of_it(plan, seed, loss):
    """Also on a network that loses every so many messages for a while: no capacity, call or question stays behind."""
    cluster = make_cluster(3, seed=seed)
    rule = lambda packet: Drop("lost") if packet.sequence % (loss * 7) == 3 else None  # noqa: E731
    cluster.kernel.network.rules.append(rule)
    records = []
    for pause_ns, one in plan:
        records.append(cluster.submit(one).record)
        cluster.run_for(pause_ns)
    cluster.run_for(5 * MINUTE)
    cluster.kernel.network.rules.clear()
    for record in records:
        if record.job.is_long_running and not record.is_terminal:
            cluster.stop(record.job.id)
    run_until_over(cluster, *records, within_ns=90 * MINUTE)
    cluster.run_for(5 * MINUTE)
    assert 0 == len(cluster.requester._calls)
    assert {Resources()} == {node.running for node in cluster.nodes.values()}
    assert {Resources()} == {node.enqueued for node in cluster.nodes.values()}


def test_a_long_life_leaves_no_traces_but_records():
    """A thousand jobs later everything but the records of jobs is as big as after a hundred."""

    def sizes(cluster: Cluster) -> dict[str, int]:
        requester = cluster.requester
        return {
            "timers": len(cluster.kernel._timers),
            "queue": len(cluster.kernel._queue),
            "calls": len(requester._calls),
            "evaluations": len(requester.broker._attempts),
            "rankings": len(requester.selector._rankings),
            "runs": len(cluster.shell._runs),
            "kept": sum(len(node.store) for node in cluster.nodes.values()),
        }

    cluster = make_cluster(simulated_nodes(2, kept_executions=10))
    found = []
    for count in (100, 1000):
        for number in range(count):
            engine = noop(RunsFor="10ms", FailsOn=["node-1"] if number % 3 else [])
            cluster.submit(job(engine=engine, resources=ResourcesConfig(cpu=f"{number}m")))
            cluster.run_for(20_000_000)
        cluster.run_for(MINUTE)
        found.append(sizes(cluster))
    assert found[0] == found[1]
    assert 20 == found[1]["kept"]


def test_heartbeats_alone_are_what_an_idle_cluster_does():
    """A day without jobs: heartbeats, resources and infos at their rhythm, and the requester's rounds."""
    cluster = make_cluster(1)
    kinds: dict[str, int] = {}

    def count(packet: Any) -> None:
        name = type(packet.message).__name__
        kinds[name] = kinds.get(name, 0) + 1

    cluster.kernel.network.rules.append(count)
    cluster.run_for(10 * MINUTE)
    assert {"Heartbeat": 40, "UpdateResources": 20, "UpdateInfo": 10, "ManagementReply": 10} == kinds


def test_a_node_that_is_added_takes_part_under_a_name_of_its_own():
    """A name that is taken is refused."""
    cluster = Cluster(simulated_nodes(1), lambda made: SimulatedShell(made.kernel))
    cluster.start()
    cluster.add_node(simulated_nodes(1, first=2)[0])
    cluster.run_for(SECOND)
    assert ["node-1", "node-2"] == [state.info.node_id for state in cluster.requester.nodes.eligible()]
    with pytest.raises(ConflictError, match="there is a node node-2 already"):
        cluster.add_node(simulated_nodes(1, first=2)[0])


def test_a_node_that_is_reshaped_tells_of_its_new_capacity():
    """With its next report."""
    cluster = Cluster(simulated_nodes(1), lambda made: SimulatedShell(made.kernel))
    cluster.start()
    cluster.run_for(SECOND)
    total = Resources(8000, 16 * GB, 100 * GB)
    cluster.reshape(attrs.evolve(cluster.node("node-1").config, total=total, max_job=total))
    cluster.run_for(2 * MINUTE)
    (state,) = cluster.requester.nodes.eligible()
    assert state.info.compute is not None
    assert 8000 == state.info.compute.max_capacity.cpu_millis == state.info.compute.available.cpu_millis
