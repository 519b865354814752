"""What the API asks of a stack, answered from a cluster at the pace of a clock of our own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from devstack.backend import StackBackend
from devstack.behaviour import DOCUMENTED, Behaviour, parse
from devstack.cluster import Cluster, node_labels, simulated_nodes
from devstack.errors import AdapterError, InvalidQueryError, NotFoundError
from devstack.faults.engine import FaultEngine
from devstack.models.execution import ComputeState, Execution
from devstack.models.job import Job, JobState, SpecConfig, Task
from devstack.models.node import Connection
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.logs import LogBook
from devstack.runtime.pace import RealTimePace
from devstack.runtime.ports import STDERR, STDOUT
from devstack.runtime.simulated import SimulatedShell

SECOND = 1_000_000_000


def clock_ns() -> int:
    return round(trio.current_time() * SECOND)


def job(kind: str = "batch", labels: dict[str, str] | None = None, **params: Any) -> Job:
    task = Task("main", SpecConfig("noop", params), SpecConfig())
    return Job(type=kind, count=1, labels=labels or {}, tasks=(task,))


class Notes:
    """A recorder that keeps what it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, ...]] = []

    def saw_job(self, now_ns: int, job: Job) -> None:
        self.seen.append(("job", job.id))

    def saw_stop(self, now_ns: int, job_id: str, reason: str) -> None:
        self.seen.append(("stop", job_id, reason))

    def saw_node_action(self, now_ns: int, node_id: str, action: str) -> None:
        self.seen.append(("node", node_id, action))

    def saw_fault(self, now_ns: int, number: int, fault: Any) -> None:
        self.seen.append(("fault", str(number)))

    def saw_fault_cleared(self, now_ns: int, number: int) -> None:
        self.seen.append(("cleared", str(number)))


class Desk:
    """A backend and what it stands on."""

    def __init__(self, behaviour: Behaviour = DOCUMENTED) -> None:
        requester = RequesterConfig(labels=node_labels("node-0"), behaviour=behaviour)
        self.cluster = Cluster(
            simulated_nodes(2, behaviour=behaviour), lambda world: SimulatedShell(world.kernel), requester=requester
        )
        self.cluster.start()
        self.pace = RealTimePace(self.cluster, 1, clock_ns)
        self.logs, self.notes = LogBook(), Notes()
        self.backend = StackBackend(self.pace, self.logs, FaultEngine(self.cluster), recorder=self.notes)

    def submit(self, a_job: Job) -> str:
        return self.backend.submit(a_job)[0]

    def execution(self, job_id: str) -> Execution:
        [execution] = self.backend.executions(job_id, 0, "", "", False)[0]
        return execution

    async def log(self, job_id: str, execution_id: str = "", *, tail: bool = False, follow: bool = False) -> list[Any]:
        return [piece async for piece in self.backend.open_log(job_id, execution_id, tail, follow)]


@pytest.fixture
async def desk(autojump_clock: MockClock, nursery: trio.Nursery) -> AsyncIterator[Desk]:
    desk = Desk()
    nursery.start_soon(desk.pace.run)
    await trio.sleep(1)
    yield desk


async def test_a_job_goes_from_the_door_to_its_results(desk: Desk, autojump_clock: MockClock):
    """Submitted, found by its short id, listed, run; with its history."""
    job_id = desk.submit(job(RunsFor="2s"))
    short = job_id[:10]
    assert (job_id, JobState.PENDING) == (desk.backend.find_job(short).job.id, desk.backend.find_job(short).state)
    await trio.sleep(3)
    assert JobState.COMPLETED is desk.backend.find_job(job_id).state
    assert [job_id] == [record.job.id for record in desk.backend.list_jobs("", (), 0, "", "", False)[0]]
    assert ComputeState.COMPLETED is desk.execution(job_id).compute
    assert desk.backend.history(job_id, 0, "all", "", "", 0, "")[0]
    assert [] == list(await desk.backend.results(job_id))
    assert [("job", job_id)] == desk.notes.seen


async def test_what_is_not_there_is_told(desk: Desk, autojump_clock: MockClock):
    """Of jobs and of nodes."""
    for ask in (desk.backend.find_job, desk.backend.node):
        with pytest.raises(NotFoundError):
            ask("j-00000000-none")
    with pytest.raises(NotFoundError):
        await desk.backend.results("j-00000000-none")


async def test_lists_go_by_labels(desk: Desk, autojump_clock: MockClock):
    """In the form that selectors have; a bad one is the client's mistake."""
    job_id = desk.submit(job(labels={"team": "a"}))
    desk.submit(job(labels={"team": "b"}))
    assert [job_id] == [one.job.id for one in desk.backend.list_jobs("", ("team=a",), 0, "", "", False)[0]]
    found = desk.backend.nodes(("name=node-2",), "", "", 0, "", "", False)[0]
    assert ["node-2"] == [state.info.node_id for state in found]
    with pytest.raises(InvalidQueryError):
        desk.backend.list_jobs("", ("team=(",), 0, "", "", False)


async def test_a_stop_and_a_change_of_a_node_are_noted(desk: Desk, autojump_clock: MockClock):
    """What was refused is not."""
    job_id = desk.submit(job("service", RunsFor="1h"))
    await trio.sleep(1)
    assert desk.backend.stop(job_id[:10], "enough")
    assert "" == desk.backend.node_action("node-1", "reject", "")
    assert desk.backend.node_action("node-9", "reject", "")
    assert [("job", job_id), ("stop", job_id, "enough"), ("node", "node-1", "reject")] == desk.notes.seen
    await trio.sleep(1)
    assert JobState.STOPPED is desk.backend.find_job(job_id).state


async def test_request_ids_are_all_different_and_take_nothing_from_the_stacks_chance(
    desk: Desk, autojump_clock: MockClock
):
    """32 letters and digits; the ids of jobs do not depend on how often somebody asks."""
    ids = {desk.backend.request_id() for _ in range(500)}
    assert (500, {32}) == (len(ids), {len(one) for one in ids})
    assert all(one.isalnum() for one in ids)
    assert Desk().submit(job()) == desk.submit(job())


async def test_membership_decides_who_gets_work(
    desk: Desk, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
):
    """A rejected node gets none until it is approved again; a deleted one does not come back; the reason is logged."""
    caplog.set_level("INFO", "devstack.backend")

    async def nodes_of_an_ops_job() -> list[str]:
        job_id = desk.submit(job("ops"))
        await trio.sleep(1)
        return sorted(one.node_id for one in desk.backend.executions(job_id, 0, "", "", False)[0])

    assert "" == desk.backend.node_action("node-1", "reject", "too slow")
    assert ["node-2"] == await nodes_of_an_ops_job()
    assert "" == desk.backend.node_action("node-1", "approve", "")
    assert ["node-1", "node-2"] == await nodes_of_an_ops_job()
    assert "" == desk.backend.node_action("node-2", "delete", "")
    await trio.sleep(300)
    assert ["node-1"] == await nodes_of_an_ops_job()
    assert ["node-0", "node-1"] == [one.info.node_id for one in desk.backend.nodes((), "", "", 0, "", "", False)[0]]
    assert ["node node-1: reject: 'too slow'", "node node-1: approve: ''"] == caplog.messages[:2]


async def test_the_requester_knows_itself_when_its_entry_is_gone(desk: Desk, autojump_clock: MockClock):
    """People may delete any entry of the list of nodes; the node that answers is there all the same."""
    known = desk.backend.own_node()
    assert "" == desk.backend.node_action("node-0", "delete", "")
    assert known == desk.backend.own_node()


async def test_the_requester_sees_itself_connected(desk: Desk, autojump_clock: MockClock):
    """Though the list of nodes goes by heartbeats, of which it sends none."""
    assert ("node-0", Connection.CONNECTED) == (
        desk.backend.own_node().info.node_id, desk.backend.own_node().connection,
    )  # fmt: skip
    assert {"node-0", "node-1", "node-2"} == {
        state.info.node_id for state in desk.backend.debug()["DiscoveredNodes"]
    }  # fmt: skip


async def test_the_requester_knows_itself_when_it_is_off_its_own_list(desk: Desk, autojump_clock: MockClock):
    """`node delete` of the requester takes it from the list; asked itself, it answers as before."""
    before = desk.backend.own_node()
    assert "" == desk.backend.node_action("node-0", "delete", "")
    assert before == desk.backend.own_node()


# ---- logs --------------------------------------------------------------------------------------------------


async def test_the_log_of_a_finished_execution_comes_whole_line_by_line(desk: Desk, autojump_clock: MockClock):
    """Its output before its errors, from what is kept."""
    job_id = desk.submit(job(Stdout="x" * 5000 + "\n"))
    await trio.sleep(1)
    execution_id = desk.execution(job_id).id
    desk.logs.write_texts(execution_id, "x" * 5000 + "\n", "bad")
    desk.logs.finish(execution_id)
    assert [(STDOUT, "x" * 5000 + "\n"), (STDERR, "bad\n")] == await desk.log(job_id)


async def test_what_is_kept_no_longer_is_told_from_the_result(desk: Desk, autojump_clock: MockClock):
    """Which has the first 2048 bytes; v1.4.0 never has more."""
    job_id = desk.submit(job(Stdout="y" * 5000))
    await trio.sleep(1)
    assert [(STDOUT, "y" * 2048 + "\n")] == await desk.log(job_id)


async def test_under_v1_4_0_a_finished_log_is_cut(autojump_clock: MockClock, nursery: trio.Nursery):
    """Even if all of it is kept."""
    desk = Desk(parse(["finished-logs-cut"]))
    nursery.start_soon(desk.pace.run)
    await trio.sleep(1)
    job_id = desk.submit(job(Stdout="y" * 5000))
    await trio.sleep(1)
    desk.logs.write_texts(desk.execution(job_id).id, "y" * 5000, "")
    assert [(STDOUT, "y" * 2048 + "\n")] == await desk.log(job_id)


async def test_a_running_executions_log_is_followed_to_its_end(
    desk: Desk, autojump_clock: MockClock, nursery: trio.Nursery
):
    """Also by who comes before its first byte."""
    job_id = desk.submit(job(RunsFor="1h"))
    await trio.sleep(1)
    execution_id = desk.execution(job_id).id

    async def write() -> None:
        await trio.sleep(2)
        log = desk.logs.open(execution_id)
        log.write(STDOUT, b"one ")
        await trio.sleep(60)
        log.write(STDOUT, "zwölf".encode())
        log.close()

    nursery.start_soon(write)
    assert "one zwölf" == "".join(text for _, text in await desk.log(job_id, follow=True))


async def test_the_log_of_an_execution_that_does_not_start_is_refused_after_five_seconds(
    desk: Desk, autojump_clock: MockClock
):
    """With how far it is."""
    job_id = desk.submit(job(RunsFor="1h"))
    await trio.sleep(1)
    began_s = trio.current_time()
    with pytest.raises(AdapterError, match="has no log: its program has not started"):
        await desk.log(job_id)
    assert pytest.approx(5, abs=0.01) == trio.current_time() - began_s


async def test_an_execution_that_ends_without_a_log_has_an_empty_one(desk: Desk, autojump_clock: MockClock):
    """Who waited for it is told that there is nothing."""
    job_id = desk.submit(job(RunsFor="2s"))
    await trio.sleep(1)
    assert [] == await desk.log(job_id, follow=True)


async def test_a_log_of_no_execution_is_told(desk: Desk, autojump_clock: MockClock):
    """By the name that was asked for."""
    job_id = desk.submit(job())
    await trio.sleep(1)
    with pytest.raises(NotFoundError):
        await desk.log(job_id, "e-none")
