"""A live session as a scenario that plays it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devstack.adapters.wire import decode_job
from devstack.behaviour import parse
from devstack.cluster import Cluster, node_labels, simulated_nodes
from devstack.errors import UsageError
from devstack.faults import crash, drop
from devstack.models.gotext import SECOND_NS
from devstack.models.job import Constraint, InputSource, Job, ResultPath, SpecConfig
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario import batch, docker, noop, ops, service
from devstack.scenario.recording import Recording, spec_of
from devstack.scenario.run import Verdict, run
from devstack.scenario.yaml_form import job_of, read_sheet, read_yaml


class Session:
    """A cluster in virtual time, driven by hand as people drive a live one."""

    def __init__(self, path: Path, **settings: Any) -> None:
        behaviour = settings.pop("behaviour", parse([]))
        requester = RequesterConfig(labels=node_labels("node-0"), behaviour=behaviour, **settings.pop("requester", {}))
        nodes = simulated_nodes(settings.pop("nodes", 3), behaviour=behaviour, **settings)
        self.cluster = Cluster(nodes, lambda cluster: SimulatedShell(cluster.kernel), seed=4, requester=requester)
        self.cluster.start()
        self.cluster.run_for(SECOND_NS)
        self.recording = Recording(path)
        self.recording.begin(self.cluster)

    def submit(self, job: Job) -> str:
        submitted = self.cluster.submit(job).record.job
        self.recording.saw_job(self.cluster.now_ns, submitted)
        return submitted.id

    def stop(self, job_id: str, reason: str = "") -> None:
        self.cluster.stop(job_id, reason)
        self.recording.saw_stop(self.cluster.now_ns, job_id, reason)

    def change_node(self, node_id: str, action: str) -> None:
        self.cluster.change_node(node_id, action)
        self.recording.saw_node_action(self.cluster.now_ns, node_id, action)

    def wait(self, seconds: float) -> None:
        self.cluster.run_for(round(seconds * SECOND_NS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.yaml"


def test_a_session_can_be_played_again(path: Path) -> None:
    """Jobs, a stop and a rejected node come at their times, and every job ends as it did."""
    session = Session(path)
    session.wait(1.25)
    session.submit(batch(noop(runs_for="20s"), count=2, name="first"))
    session.wait(2)
    session.change_node("node-2", "reject")
    long = session.submit(service(noop(runs_for="10h"), name="second"))
    failing = session.submit(ops(noop(fails="no luck")))
    session.wait(60)
    session.stop(long, "enough")
    session.submit(service(noop(runs_for="10h"), name="second"))
    session.wait(5)
    session.recording.write()

    sheet = read_sheet(path)
    assert ["first", "second", "job-3", "second-4"] == [job.name for job in sheet.jobs]
    assert [1_250_000_000, 3_250_000_000] == [job.at_ns for job in sheet.jobs][:2]
    assert [("reject", "node-2", ""), ("stop", "second", "enough")] == [
        (action.verb, action.target, action.reason) for action in sheet.actions
    ]
    ends = {expected.job: expected.what["state"] for expected in sheet.expect}
    assert {"first": "Completed", "second": "Stopped", "job-3": "Failed", "second-4": "Running"} == ends
    assert session.cluster.requester.store.job(failing).state.text == ends["job-3"]
    outcome = run(read_yaml(path))
    assert Verdict.PASSED is outcome.verdict, outcome.message


def test_the_file_is_whole_at_any_time(path: Path) -> None:
    """What is there can be played, whenever the stack is killed; nothing else lies around."""
    session = Session(path)
    session.submit(batch(noop()))
    session.recording.write()
    assert ["job-1"] == [job.name for job in read_sheet(path).jobs]
    session.submit(batch(noop()))
    session.recording.write()
    assert ["job-1", "job-2"] == [job.name for job in read_sheet(path).jobs]
    assert [path] == list(path.parent.iterdir())


def test_the_cluster_is_described_as_far_as_it_is_unusual(path: Path) -> None:
    """Sizes, settings and behaviour that are not a scenario's own are written down, and read back."""
    session = Session(
        path,
        nodes=2,
        behaviour=parse(["v1.4.0"]),
        capacity=Resources(1_600, 3 * 10**9, 5 * 10**9),
        default_timeout_ns=90 * SECOND_NS,
        engines=("wasm",),
        requester={"manual_approval": True},
    )
    session.submit(batch(noop()))
    session.recording.write()
    scenario = read_yaml(path)
    assert (2, 4, parse(["v1.4.0"])) == (scenario.nodes, scenario.seed, scenario.behaviour)
    assert {"manual_approval": True} == scenario.requester
    shape = scenario.shapes["node-1"]
    assert Resources(1_600, 3 * 10**9, 5 * 10**9) == shape["total"]
    assert (90 * SECOND_NS, ("wasm",)) == (shape["default_timeout_ns"], shape["engines"])


def test_the_usual_cluster_needs_two_numbers(path: Path) -> None:
    """Nothing is written that a reader would know anyway."""
    session = Session(path)
    assert "cluster:\n  nodes: 3\n  seed: 4\n" in session.recording.text()
    assert "shapes" not in session.recording.text()


def test_faults_are_kept_with_their_times(path: Path) -> None:
    """A fault begins when it began; one that was cleared ends then, or never comes."""
    session = Session(path)
    session.submit(batch(noop()))
    session.wait(10)
    now_ns = session.cluster.now_ns
    session.recording.saw_fault(now_ns, 1, crash("node-1", after="5s"))
    session.recording.saw_fault(now_ns, 2, drop(message="BidResult"))
    session.recording.saw_fault(now_ns, 3, crash("node-2", after="1h"))
    session.wait(30)
    session.recording.saw_fault_cleared(session.cluster.now_ns, 2)
    session.recording.saw_fault_cleared(session.cluster.now_ns, 3)
    session.recording.saw_fault_cleared(session.cluster.now_ns, 99)
    session.recording.write()
    kept = {fault.word: fault for fault in read_sheet(path).faults}
    assert {"crash", "drop"} == set(kept)
    assert (15 * SECOND_NS, ("node-1",)) == (kept["crash"].after_ns, tuple(kept["crash"].params["node"]))
    assert (10 * SECOND_NS, 30 * SECOND_NS) == (kept["drop"].after_ns, kept["drop"].for_ns)


@pytest.mark.parametrize(
    "job",
    [
        batch(noop(runs_for="2m", fails_on=["node-1"]), count=3, name="a", priority=7, labels={"x": "y"}),
        ops(docker("busybox", "echo", "hi", env=["A=1"]), where="region=eu", cpu="2", memory="1gb", network="Full"),
        batch(
            docker("busybox", "cat", "/in"),
            inputs=[InputSource(SpecConfig("inline", {"URL": "data:,x"}), "alias", "/in")],
            results={"out": "/out"},
            publisher="local",
            env={"B": "2"},
            execution_timeout="1m",
            queue_timeout="2m",
            total_timeout="5m",
        ),
    ],
    ids=["noop", "docker", "files"],
)
def test_a_job_is_written_so_that_it_is_read_as_it_was(job: Job, path: Path) -> None:
    """Whoever reads the file gets the job that the requester kept."""
    session = Session(path)
    kept = session.cluster.submit(job).record.job
    again = session.cluster.submit(job_of(spec_of(kept))).record.job
    assert kept.tasks == again.tasks
    assert (kept.type, kept.count, kept.priority, kept.constraints, dict(kept.labels)) == (
        again.type, again.count, again.priority, again.constraints, dict(again.labels),
    )  # fmt: skip


def test_what_the_server_adds_is_left_out() -> None:
    """Ids, revisions and reserved keys belong to the session, not to the job."""
    raw = b'{"ID": "j-1", "Type": "batch", "Meta": {"bacalhau.org/x": "1", "mine": "2"}, "Tasks": [{"Name": "t"}]}'
    job = decode_job(raw)
    assert job is not None
    spec = spec_of(job)
    assert {"ID", "State", "Revision", "Version", "CreateTime", "ModifyTime"}.isdisjoint(spec)
    assert ({"mine": "2"}, [{"Name": "t"}]) == (spec["Meta"], spec["Tasks"])


def test_somebodys_file_is_not_overwritten(path: Path) -> None:
    """A recording replaces an earlier recording and nothing else."""
    path.write_text("jobs: []\n")
    with pytest.raises(UsageError, match="is no recording"):
        Recording(path)
    assert "jobs: []\n" == path.read_text()
    path.unlink()
    Session(path).recording.write()
    Recording(path)


def test_a_file_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    """Not after an hour of work."""
    with pytest.raises(UsageError, match="cannot record to"):
        Recording(tmp_path)


def test_constraints_survive(path: Path) -> None:
    """Selectors are written in Bacalhau's spelling."""
    job = batch(noop(), where=["zone in (a,b)", "gpu!=old"])
    session = Session(path)
    session.submit(job)
    session.recording.write()
    wanted = (Constraint("gpu", "!=", ("old",)), Constraint("zone", "in", ("a", "b")))
    assert wanted == read_sheet(path).jobs[0].job.constraints


def test_results_keep_their_places(path: Path) -> None:
    """Result paths are part of the job."""
    session = Session(path)
    session.submit(batch(docker("busybox"), results={"out": "/out"}, publisher="local"))
    session.recording.write()
    (task,) = read_sheet(path).jobs[0].job.tasks
    assert task is not None
    assert (ResultPath("out", "/out"),) == task.result_paths
