"""The shell of simulated programs."""

from __future__ import annotations

from devstack.cluster import Cluster, simulated_nodes
from devstack.models.execution import ComputeState
from devstack.models.gotext import SECOND_NS
from devstack.runtime.published import result_url
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario import batch, noop


def make_cluster(nodes: int) -> tuple[Cluster, SimulatedShell]:
    cluster = Cluster(simulated_nodes(nodes), lambda one: SimulatedShell(one.kernel))
    cluster.start()
    cluster.run_for(SECOND_NS)
    assert isinstance(cluster.shell, SimulatedShell)
    return cluster, cluster.shell


def test_a_local_result_has_an_address_that_is_the_same_in_every_run() -> None:
    """Nothing is published, and the address can be nobody's."""
    cluster, _ = make_cluster(1)
    record = cluster.submit(batch(noop(), publisher="local")).record
    cluster.run_for(SECOND_NS)
    (execution,) = record.executions.values()
    assert execution.published_result is not None
    assert {"URL": result_url(execution.id)} == execution.published_result.params


def test_a_power_cut_forgets_the_nodes_programs_and_no_others() -> None:
    """The lost node's program is never heard of again; the other one ends when it should."""
    cluster, shell = make_cluster(2)
    record = cluster.submit(batch(noop(runs_for="30s"), count=2)).record
    cluster.run_for(SECOND_NS)
    ids = {execution.node_id: execution.id for execution in record.executions.values()}
    cluster.crash("node-1")
    assert shell.outcome(ids["node-1"]) is None
    assert shell.outcome(ids["node-2"]) is not None
    cluster.run_for(30 * SECOND_NS)
    assert ComputeState.COMPLETED is record.executions[ids["node-2"]].compute
    assert ComputeState.COMPLETED is not record.executions[ids["node-1"]].compute
