"""What a copy shares with its original, and what it does not."""

from __future__ import annotations

from devstack import batch, noop, service
from devstack.notebook import simulate


def a_lab():
    lab = simulate(3)
    lab.submit(batch(noop(runs_for="1m"), count=2))
    lab.submit(service(noop(runs_for="1h")))
    return lab.run("30s")


def test_values_are_shared_and_records_are_not():
    """Jobs and settings are the very same; records and histories are each world's own."""
    lab = a_lab()
    here, there = lab.world.cluster, lab.fork().world.cluster
    assert here.requester.config is there.requester.config
    for one, other in zip(here.requester.store.jobs(), there.requester.store.jobs(), strict=True):
        assert one is not other
        assert one.job is other.job
        assert one.history == other.history
        assert one.history is not other.history
        assert all(mine is not theirs for mine, theirs in zip(
            one.executions.values(), other.executions.values(), strict=True
        ))  # fmt: skip


def test_a_records_executions_are_those_of_its_store():
    """One object, however it is come by: a change is seen everywhere in the copy."""
    store = a_lab().fork().world.cluster.requester.store
    for record in store.jobs():
        for execution_id, execution in record.executions.items():
            assert store.execution(execution_id) is execution
        assert any(record is one for one in store.in_progress())


def test_the_trace_goes_on_in_each_by_itself():
    """With the same beginning."""
    lab = a_lab()
    other = lab.fork()
    before = list(lab.world.cluster.kernel.trace.records())
    other.run("5m")
    assert before == list(lab.world.cluster.kernel.trace.records())
    assert before == list(other.world.cluster.kernel.trace.records())[: len(before)]
    assert len(before) < other.world.cluster.kernel.trace.count


def test_watchers_stay_where_they_are():
    """The copy has its own recorder and choices, and nobody else's."""
    lab = a_lab()
    watchers = list(lab.world.cluster.watchers)
    other = lab.fork()
    assert watchers == lab.world.cluster.watchers
    assert [other.world.recorder, other.world.choices] == other.world.cluster.watchers
