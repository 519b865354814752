"""A cluster in a notebook: plain calls, tables, what-ifs on nodes, errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack import batch, crash, daemon, noop, service, wasm
from devstack.errors import ConflictError, DevstackError, InvalidJobError, InvariantError, UsageError
from devstack.notebook import simulate

WAT = Path(__file__).resolve().parents[2] / "scenarios" / "jobs" / "wat"


def test_the_walk_through_of_the_product():
    """Submit, run, look, ask why, fork, compare: nothing needs an await."""
    lab = simulate(nodes=5, seed=7)
    job = lab.submit(batch(noop(runs_for="2m"), count=3))
    lab.run("10m")
    assert ("Completed", "10m0s", 600.0) == (job.state, lab.now, lab.now_s)
    assert ["completed"] * 3 == list(lab.executions["outcome"])
    assert sorted(job.nodes_used) == sorted(lab.why(job).chosen)
    other = lab.fork(at="30s")
    other.inject(crash(job.nodes_used[0]))
    other.run("10m")
    assert not lab.compare(other).is_same
    assert 4 == len(other.executions)


def test_the_same_calls_give_the_same_run():
    """To the byte; another seed gives another one."""
    runs = []
    for seed in (1, 1, 2):
        lab = simulate(4, seed)
        lab.submit(batch(noop(runs_for="1m"), count=2))
        lab.inject("crash node-1 after=10s")
        runs.append(lab.run("5m").digest)
    assert runs[0] == runs[1] != runs[2]


def test_a_job_may_be_submitted_and_stopped_later():
    """Before its instant it is planned, and has no id."""
    lab = simulate(2)
    job = lab.submit(service(noop(runs_for="10h")), after="1m")
    lab.stop(job, "enough", after="2m")
    assert ("Planned", True) == (job.state, job.is_planned)
    with pytest.raises(ConflictError, match="not been submitted yet"):
        _ = job.id
    lab.run("90s")
    assert "Running" == job.state
    lab.run("1m")
    assert "Stopped" == job.state


def test_a_run_may_end_with_the_last_job():
    """Services do not count; what is planned does."""
    lab = simulate(2)
    lab.submit(service(noop(runs_for="10h")))
    job = lab.submit(batch(noop(runs_for="90s")), after="30s")
    lab.run_until_over()
    assert ("Completed", "2m1s") == (job.state, lab.now)
    assert lab.now_s == lab.run_until_over("5m").now_s


def test_one_node_more_takes_part():
    """A daemon runs on it as soon as it is there."""
    lab = simulate(2)
    job = lab.submit(daemon(noop(runs_for="10h")))
    lab.run("1m")
    assert "node-3" == lab.add_node(cpu=8, labels={"region": "eu"})
    lab.run("1m")
    assert ["node-1", "node-2", "node-3"] == sorted(job.nodes_used)
    row = lab.nodes.set_index("node").loc["node-3"]
    assert (8.0, "eu") == (row["cpu"], row["labels"]["region"])


def test_a_node_may_get_other_capacity_and_labels():
    """What fitted nowhere then fits; a label that is None is gone."""
    lab = simulate(2, shapes={"node-1": {"labels": {"gpu": "true"}}})
    job = lab.submit(batch(noop(), cpu="6", where="!gpu", queue_timeout="1h"))
    lab.run("1m")
    assert "Queued" == job.state
    lab.change_node("node-1", cpu=8, labels={"gpu": None})
    lab.run("5m")
    assert ("Completed", ["node-1"]) == (job.state, job.nodes_used)


def test_a_node_is_rejected_and_approved():
    """As by `devstack node`; twice is an error with the reason."""
    lab = simulate(2)
    lab.reject("node-1")
    assert "REJECTED" == lab.network().table.set_index("node").loc["node-1", "membership"]
    with pytest.raises(ConflictError, match="cannot reject node-1"):
        lab.reject("node-1")
    lab.approve("node-1")
    job = lab.submit(batch(noop(), count=2))
    lab.run("1m")
    assert ["node-1", "node-2"] == sorted(job.nodes_used)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda lab: lab.inject("crash node-9"), "no machine matches 'node-9'"),
        (lambda lab: lab.submit("hello"), "'hello' is no job"),
        (lambda lab: lab.submit(batch(noop(), where="region in (")), r"where='region in \('"),
        (lambda lab: lab.submit(batch(noop()), after="-1s"), "before now"),
        (lambda lab: lab.job("x"), "no jobs are called 'x'"),
        (lambda lab: (lab.submit(batch(noop())), lab.job(0)), "no jobs are called 0"),
        (lambda lab: lab.compare(0), "0 is no lab"),
        (lambda lab: lab.run("5 minutes"), "invalid duration"),
        (lambda lab: lab.run("-1s"), "does not run backwards"),
        (lambda lab: lab.fork(at="5m"), "cannot fork at 5m"),
        (lambda lab: lab.again(nodse=3), "no setting 'nodse'"),
        (lambda lab: lab.change_node("node-7", cpu=2), "no node 'node-7'"),
        (lambda lab: lab.add_node(cpus=2), "unknown setting 'cpus'"),
        (lambda lab: simulate(0), "0 nodes"),
        (lambda lab: simulate("3"), "whole number"),
        (lambda lab: simulate(3, policy="nope"), "no ranker or policy 'nope'"),
        (lambda lab: simulate(3, shapes={"node-9": {}}), "shapes for unknown nodes"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(call, text):
    """And the lab goes on."""
    lab = simulate(2)
    with pytest.raises(UsageError, match=text):
        call(lab)
    assert "Completed" == _run_one(lab)


def _run_one(lab) -> str:
    job = lab.submit(batch(noop()))
    lab.run("1m")
    return job.state


def test_ipython_shows_our_errors_without_a_traceback():
    """The sentence and what to do; but for our own bugs, which need theirs."""
    assert ["UsageError: no", "  do that"] == UsageError("no", "do that")._render_traceback_()
    assert ["InvalidJobError: no"] == InvalidJobError("no")._render_traceback_()
    try:
        raise InvariantError("a bug")
    except DevstackError as exc:
        assert "Traceback" in exc._render_traceback_()[0]


def test_everything_shows_itself():
    """As a small table, with what people have written made harmless."""
    lab = simulate(2)
    job = lab.submit(batch(noop(), name="<b>bold"))
    planned = lab.submit(batch(noop()), after="1h")
    lab.run("1m")
    shown = [one._repr_html_() for one in (lab, job, planned, lab.why(job), lab.network(), lab.compare(lab.fork()))]
    assert all(text.startswith("<div>") for text in shown)
    assert not any("<b>bold" in text for text in shown)
    assert "1 Completed" in repr(lab)
    assert "<job <b>bold: Completed>" == repr(job)


def test_a_job_is_found_by_its_name_or_id():
    """Or by another lab's handle on it."""
    lab = simulate(2)
    job = lab.submit(batch(noop(stdout="hello\n"), name="mine", count=2))
    lab.run("1m")
    assert job.number == lab.job("mine").number == lab.job(job.id[:8]).number
    other = lab.fork(at="0s")
    assert job.id == other.job(job).id
    assert "hello\nhello\n" == job.stdout
    assert 2 == len(job.executions)


def test_a_real_module_sleeps_in_virtual_time():
    """An hour's sleep takes no time, and a lab that is closed leaves nothing behind."""
    lab = simulate(2)
    job = lab.submit(batch(wasm(WAT / "sleep.wat"), execution_timeout="2h"))
    lab.run("30m")
    halfway = lab.fork()
    lab.run("1h")
    assert "Completed" == job.state
    assert lab.digest == halfway.run("1h").digest == lab.fork(at="10m").run("80m").digest
    lab.close()
    halfway.close()


def test_settings_are_words_of_a_scenario_file():
    """Of nodes, of the requester, and of behaviour."""
    lab = simulate(2, disconnect_after="10m", behaviour="v1.4.0", shapes={"node-1": {"cpu": 2, "gpu": 1}})
    config = lab.world.cluster.requester.config
    assert (600, True) == (config.disconnect_after_ns // 10**9, config.behaviour.on("results-kept"))
    assert (2.0, 1) == tuple(lab.nodes.set_index("node").loc["node-1", ["cpu", "gpu"]])
    with pytest.raises(UsageError, match="unknown setting 'disconect_after'"):
        simulate(2, disconect_after="10m")


def test_a_probe_cannot_be_asked_in_virtual_time():
    """Neither from the start nor later."""
    shape = {"probe_exec": "true"}
    for call in (lambda: simulate(1, shapes={"node-1": shape}), lambda: simulate(1).add_node(**shape),
                 lambda: simulate(1).change_node("node-1", **shape)):  # fmt: skip
        with pytest.raises(UsageError, match="has a probe"):
            call()


def test_chance_of_ones_own_changes_nothing():
    """It comes from the seed, and the cluster draws as ever."""
    lab, other = simulate(2, 3), simulate(2, 3)
    drawn = [lab.chance("arrivals").below(100) for _ in range(5)]
    assert drawn == [other.chance("arrivals").below(100) for _ in range(5)]
    _run_one(lab)
    _run_one(other)
    assert lab.digest == other.digest
