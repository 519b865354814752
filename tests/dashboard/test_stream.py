"""The stream that the page follows: batches, few of them, resumed where a reader left."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from devstack.http_api import dashboard as module
from devstack.scenario.builders import batch, noop
from tests.dashboard.conftest import Desk


async def test_the_first_batch_is_the_whole(desk: Desk, autojump_clock: MockClock):
    """Marked as a fresh start, with virtual time."""
    job_id = desk.submit()
    await trio.sleep(1)
    async with desk.reading() as reader:
        first = await reader.batch()
    assert (200, True, 1, []) == (reader.status, first["fresh"], first["speed"], first["faults"])
    assert ["node-0", "node-1", "node-2", "node-3"] == sorted(node["id"] for node in first["nodes"])
    assert [job_id] == [job["id"] for job in first["jobs"]]
    assert first["now"] == desk.backend.now_ns() // 10**6


async def test_a_change_comes_with_the_next_batch(desk: Desk, autojump_clock: MockClock):
    """With nothing that has not changed."""
    async with desk.reading() as reader:
        await reader.batch()
        job_id = desk.submit()
        batch = await reader.batch()
        assert ([job_id], False) == ([job["id"] for job in batch["jobs"]], "fresh" in batch)


async def test_however_much_happens_there_are_four_batches_a_second(desk: Desk, autojump_clock: MockClock):
    """Several changes of one thing are told as one."""
    async with desk.reading() as reader:
        await reader.batch()
        began, batches = trio.current_time(), 0

        async def submit_on() -> None:
            while True:
                desk.submit(batch(noop("100ms")))
                await trio.sleep(0.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(submit_on)
            while trio.current_time() < began + 5:
                await reader.batch()
                batches += 1
            nursery.cancel_scope.cancel()
        assert 16 <= batches <= 21


async def test_an_idle_stack_says_little(desk: Desk, autojump_clock: MockClock):
    """Only what time it is, every few seconds."""
    async with desk.reading() as reader:
        await reader.batch()
        began = trio.current_time()
        for _ in range(4):
            batch = await reader.batch()
            assert ([], [], []) == (batch["jobs"], batch["executions"], batch["happenings"])
        assert trio.current_time() - began >= 4 * module.SILENCE_S - 1


async def test_a_reader_goes_on_where_it_left(desk: Desk, autojump_clock: MockClock):
    """It is told what it has missed, and no more."""
    desk.submit()
    async with desk.reading() as reader:
        await reader.batch()
    missed = desk.submit()
    async with desk.reading(reader.last_event_id) as again:
        batch = await again.batch()
    assert (False, [missed], []) == (batch["fresh"], [job["id"] for job in batch["jobs"]], batch["nodes"])


async def test_an_id_of_another_stack_starts_afresh(desk: Desk, autojump_clock: MockClock):
    """So does one that is none."""
    for event_id in ("deadbeef-7", "x", f"{desk.backend.board.life}-x", f"{desk.backend.board.life}-"):
        async with desk.reading(event_id) as reader:
            assert (await reader.batch())["fresh"]


async def test_a_reader_that_has_seen_the_future_has_seen_all(desk: Desk, autojump_clock: MockClock):
    """It waits for what comes next."""
    async with desk.reading(f"{desk.backend.board.life}-999999999") as reader:
        await reader.batch()
        job_id = desk.submit()
        assert [job_id] == [job["id"] for job in (await reader.batch())["jobs"]]


async def test_a_slow_reader_costs_nothing(desk: Desk, autojump_clock: MockClock):
    """What lies between its batches is never kept for it: it gets things as they are then."""
    async with desk.reading() as reader:
        await reader.batch()
        ids = [desk.submit(batch(noop("1s"))) for _ in range(20)]
        await trio.sleep(600)
        stale, fresh = await reader.batch(), await reader.batch()
        states = {job["id"]: job["state"] for one in (stale, fresh) for job in one["jobs"]}
        assert dict.fromkeys(ids, "Completed") == states


async def test_a_reader_that_leaves_frees_its_place(desk: Desk, autojump_clock: MockClock, monkeypatch):
    """Beyond so many, readers are refused and told why."""
    monkeypatch.setattr(module, "MOST_READERS", 1)
    async with desk.reading() as reader:
        await reader.batch()
        refused = await desk.client.get("/api/v1/devstack/events")
        assert (503, True) == (refused.status_code, "close a page" in refused.text)
    await trio.testing.wait_all_tasks_blocked()
    assert reader.has_ended
    async with desk.reading() as next_one:
        assert (await next_one.batch())["fresh"]


async def test_a_large_stack_comes_in_pieces(desk: Desk, autojump_clock: MockClock, monkeypatch):
    """Others get their turn between them, the browser as well as the stack."""
    monkeypatch.setattr(module, "THINGS_AT_ONCE", 5)
    ids = {desk.submit() for _ in range(12)}
    await trio.sleep(1)
    found: set[str] = set()
    async with desk.reading() as reader:
        began = trio.current_time()
        while not ids <= found:
            piece = await reader.batch()
            assert sum(len(piece[kind]) for kind in ("nodes", "jobs", "executions")) <= 5
            found |= {job["id"] for job in piece["jobs"]}
        assert trio.current_time() < began + module.SHORTEST_PAUSE_S * 2


async def test_faults_and_speed_are_told_when_they_change(desk: Desk, autojump_clock: MockClock):
    """Though no job or node has changed."""
    async with desk.reading() as reader:
        await reader.batch()
        await desk.client.post("/api/v1/devstack/faults", json={"pause": "node-1"})
        assert ["pause node-1"] == [fault["Text"] for fault in (await reader.batch())["faults"]]
        await desk.client.put("/api/v1/devstack/clock", json={"Speed": 0})
        assert 0 == (await reader.batch())["speed"]


async def test_only_reading_is_possible(desk: Desk, autojump_clock: MockClock):
    """And a look at the headers ends at once."""
    assert 405 == (await desk.client.post("/api/v1/devstack/events")).status_code
    head = await desk.client.head("/api/v1/devstack/events")
    assert (200, "text/event-stream") == (head.status_code, head.headers["content-type"])
