"""Every choice of nodes in a running cluster can be explained later, exactly as it was made."""

from __future__ import annotations

from devstack.cluster import Cluster, simulated_nodes
from devstack.explain import counter
from devstack.explain.choices import Choices
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.builders import batch, daemon, noop

SECOND_NS = 1_000_000_000


def a_cluster(nodes: int = 3) -> Cluster:
    cluster = Cluster(simulated_nodes(nodes), lambda made: SimulatedShell(made.kernel))
    cluster.start()
    cluster.run_for(SECOND_NS)
    return cluster


def test_a_placement_is_kept_as_it_was():
    """The winner of the decision is the node that got the execution."""
    cluster = a_cluster()
    choices = Choices(cluster)
    records = [cluster.submit(batch(noop(runs_for="1s"))).record for _ in range(20)]
    cluster.run_for(10 * SECOND_NS)
    for record in records:
        (choice,) = choices.of(record.job.id)
        ((execution_id, node_id),) = choice.placed
        assert [execution_id] == list(record.executions)
        assert node_id == choice.decision.winner
        assert () == choice.because


def test_a_retry_says_what_led_to_it():
    """The execution that failed, and why."""
    cluster = a_cluster()
    choices = Choices(cluster)
    record = cluster.submit(batch(noop(runs_for="1s", fails="no luck"))).record
    cluster.run_for(2 * SECOND_NS)
    first, second = list(choices.of(record.job.id))[:2]
    ((failed, node_id),) = first.placed
    assert (f"{failed} on {node_id} is Failed: execution error: no luck",) == second.because
    assert second.decision.past.keys() == {node_id}


def test_a_job_that_fits_nowhere_has_choices_without_a_placement():
    """And each node says what it lacks."""
    cluster = a_cluster(1)
    choices = Choices(cluster)
    record = cluster.submit(batch(noop(), where="gpu=yes")).record
    cluster.run_for(SECOND_NS)
    choice = next(choices.of(record.job.id))
    assert () == choice.placed
    found = counter(choice.decision, "node-1")
    assert found is not None and found.changes == ("the label gpu=yes",)


def test_nodes_that_could_not_be_asked_are_named():
    """A rejected node would have had to be approved."""
    cluster = a_cluster(2)
    choices = Choices(cluster)
    cluster.change_node("node-2", "reject")
    record = cluster.submit(batch(noop())).record
    cluster.run_for(SECOND_NS)
    choice = next(choices.of(record.job.id))
    (absent,) = choice.absent
    found = counter(choice.decision, "node-2", absent)
    assert found is not None and found.changes[0] == "approval"


def test_only_the_latest_choices_are_kept(monkeypatch):
    """Memory stays bounded, by their number and by the number of draws in them."""
    monkeypatch.setattr("devstack.explain.choices._MOST_DRAWS", 10)
    cluster = a_cluster(3)
    choices = Choices(cluster)
    records = [cluster.submit(batch(noop())).record for _ in range(5)]
    cluster.run_for(SECOND_NS)
    assert [0, 0, 1, 1, 1] == [len(list(choices.of(record.job.id))) for record in records]


def test_choices_up_to_an_instant():
    """What came later is left out."""
    cluster = a_cluster()
    choices = Choices(cluster)
    record = cluster.submit(daemon(noop(runs_for="1h"))).record
    cluster.run_for(SECOND_NS)
    (first,) = choices.of(record.job.id)
    assert [first] == list(choices.of(record.job.id, first.time_ns))
    assert [] == list(choices.of(record.job.id, first.time_ns - 1))


def test_a_copy_remembers_the_same_and_then_lives_its_own_life():
    """For a copy of the cluster, which it watches."""
    cluster, other = a_cluster(), a_cluster()
    choices = Choices(cluster)
    record = cluster.submit(batch(noop(runs_for="1s"))).record
    cluster.run_for(SECOND_NS)
    copy = choices.copy_for(other)
    more = other.submit(batch(noop(runs_for="1s"))).record
    other.run_for(SECOND_NS)
    assert list(choices.of(record.job.id)) == [choice for choice in copy.of(record.job.id) if choice.time_ns][:1]
    assert copy in other.watchers
    assert more.job.id == record.job.id  # The same seed, the same id: the copy has both.
    assert (1, 2) == (len(list(choices.of(record.job.id))), len(list(copy.of(record.job.id))))
