"""The tables that people look at and charts are drawn from."""

from __future__ import annotations

import pytest

from devstack import batch, crash, daemon, drop, noop, service
from devstack.notebook import frames, simulate
from devstack.notebook.lab import Lab

COLUMNS = {
    "executions": (
        "job job_type execution node attempt state submitted_s placed_s started_s ended_s outcome reason exit_code"
    ),
    "faults": "word target begin_s end_s",
    "capacity": "time_s node kind used queued total",
    "queue": "time_s waiting running",
    "changes": "time_s subject kind node old new message",
    "messages": "sent_s arrived_s source target kind subject is_lost",
    "nodes": "node cpu memory_mb disk_gb gpu membership connection labels",
    "jobs": "job name job_type state count executions completed submitted_s waited_s over_s message",
}


@pytest.fixture(scope="module")
def lab() -> Lab:
    """A lost node, lost messages, a program that fails, one that does not fit, a service, a daemon."""
    lab = simulate(4, seed=7, shapes={"node-3": {"cpu": 8, "gpu": 1, "labels": {"big": "yes"}}})
    lab.submit(batch(noop(runs_for="2m"), count=3, cpu="2", name="lost"))
    lab.submit(batch(noop(fails="no luck"), name="fails"))
    lab.submit(batch(noop(), gpu="8", name="too big"))
    lab.submit(service(noop(runs_for="1h"), name="service"))
    lab.submit(daemon(noop(runs_for="1h"), name="daemon"))
    lab.inject(crash("node-2", after="30s", restart_after="2m"), drop("Heartbeat", from_="node-1", for_="20s"))
    return lab.run("10m")


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_table_has_its_columns_and_kinds_whatever_is_in_it(lab, name, is_empty):
    """Also of a lab in which nothing has happened."""
    table = getattr(frames, name)((simulate(1) if is_empty else lab).world.recorder)
    assert COLUMNS[name].split() == list(table.columns)
    for column in table.columns:
        if column.endswith("_s"):
            assert "float64" == str(table[column].dtype)
    if not is_empty:
        assert len(table)


def test_executions_tell_what_became_of_each_attempt(lab):
    """And why, where it did not complete."""
    table = lab.executions
    lost = table[table["job"] == lab.job("lost").id]
    assert ["completed", "completed", "completed", "lost"] == sorted(lost["outcome"])
    assert [1, 1, 1, 2] == list(lost["attempt"])
    (gone,) = lost[lost["outcome"] == "lost"].to_dict("records")
    assert ("node-2", "Execution stop requested because node has disappeared") == (gone["node"], gone["reason"])
    failed = table[table["job"] == lab.job("fails").id]
    assert {"execution error: no luck"} == set(failed["reason"])
    assert [*range(1, len(failed) + 1)] == list(failed["attempt"])


def test_times_follow_each_other(lab):
    """Placed, started, ended."""
    ran = lab.executions.dropna(subset=["started_s"])
    assert (ran["submitted_s"] <= ran["placed_s"]).all()
    assert (ran["placed_s"] < ran["started_s"]).all()
    over = ran.dropna(subset=["ended_s"])
    assert (over["started_s"] <= over["ended_s"]).all()
    assert len(over) < len(ran)  # The service and the daemon run on.


def test_a_job_that_found_no_node_waited_until_it_failed(lab):
    """Its row says why."""
    row = lab.jobs.set_index("name").loc["too big"]
    assert ("Failed", 0.0, True) == (row["state"], row["over_s"], row["message"].startswith("not enough nodes"))


def test_faults_have_their_beginning_and_end(lab):
    """A crash ends when the node has its power back."""
    rows = [tuple(row) for row in lab.faults.itertuples(index=False)]
    assert [("drop", 0.0, 20.0)] == [(row[0], *row[2:]) for row in rows if row[0] == "drop"]
    crashed = next(row for row in rows if row[0] == "crash")
    assert ("node-2", 30.0, 150.0) == crashed[1:]


def test_capacity_is_nothing_without_power(lab):
    """And never more is used than there is."""
    table = frames.capacity(lab.world.recorder)
    assert (table["used"] <= table["total"]).all()
    cpu = table[(table["node"] == "node-2") & (table["kind"] == "cpu")]
    assert (0.0, 0.0) == tuple(cpu[cpu["time_s"] == 30.0].iloc[-1][["used", "total"]])
    assert 4.0 == cpu[cpu["time_s"] >= 150].iloc[0]["total"]
    gpu = table[(table["node"] == "node-3") & (table["kind"] == "gpu")]
    assert [1.0] == list(gpu["total"])


def test_messages_that_nobody_heard_are_lost(lab):
    """Those that a rule dropped, and those to a machine without power."""
    table = frames.messages(lab.world.recorder)
    lost = table[table["is_lost"]]
    assert [("node-1", "Heartbeat")] == sorted(
        set(zip(*lost[lost["target"] == "node-0"][["source", "kind"]].T.values, strict=False))
    )
    assert len(lost[lost["target"] == "node-2"])
    assert lost["arrived_s"].isna().all()
    heard = table.dropna(subset=["arrived_s"])
    assert (heard["arrived_s"] > heard["sent_s"]).all()


def test_messages_name_what_they_are_about(lab):
    """The execution, or nothing."""
    table = frames.messages(lab.world.recorder)
    executions = set(lab.executions["execution"])
    for kind in ("AskForBid", "BidAccepted", "RunResult", "Reply AskForBid"):
        assert set(table[table["kind"] == kind]["subject"]) <= executions
        assert len(table[table["kind"] == kind])
    assert {""} == set(table[table["kind"] == "UpdateInfo"]["subject"]) | {""}


def test_changes_tell_of_jobs_executions_programs_nodes_and_power(lab):
    """In words, in the order of time."""
    table = lab.events
    assert {"job", "execution", "program", "node", "power"} == set(table["kind"])
    assert table["time_s"].is_monotonic_increasing
    power = table[table["kind"] == "power"]
    assert [("node-2", "off"), ("node-2", "on")] == list(zip(power["node"], power["new"], strict=True))
    job = table[table["subject"] == lab.job("lost").id]
    assert ["Pending", "Running", "Completed"] == list(job["new"])


def test_the_queue_ends_with_what_runs_on(lab):
    """The service, and the daemon on four nodes."""
    last = frames.queue(lab.world.recorder).iloc[-1]
    assert (0, 5) == (last["waiting"], last["running"])


def test_nodes_have_their_shapes(lab):
    """Cores, megabytes, gigabytes, devices, labels."""
    row = lab.nodes.set_index("node").loc["node-3"]
    assert (8.0, 16000.0, 100.0, 1, "yes") == (*row[["cpu", "memory_mb", "disk_gb", "gpu"]], row["labels"]["big"])
