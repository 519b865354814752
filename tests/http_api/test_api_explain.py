"""Explanations over HTTP: the choices for a job, each node's ranks, and what would have made the difference."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from devstack.http_api import explain as module
from devstack.models.gotext import rfc3339
from devstack.scenario.builders import batch, noop
from tests.dashboard.conftest import Desk, desk

__all__ = ["desk"]
EXPLAIN = "/api/v1/devstack/explain/"


async def test_a_choice_names_the_winner_and_what_others_lacked(desk: Desk, autojump_clock: MockClock):
    """Rule by rule; by the beginning of the job's id, too."""
    job_id = desk.submit()
    await trio.sleep(1)
    answer = (await desk.client.get(EXPLAIN + job_id[:10])).json()
    [choice] = answer["Choices"]
    [placed] = choice["Placed"]
    assert (job_id, []) == (answer["JobID"], choice["Because"])
    winner, *others = choice["Nodes"]
    assert (placed["NodeID"], True, []) == (winner["NodeID"], winner["IsPlaced"], winner["Changes"])
    assert winner["Rank"] == sum(rule["Rank"] for rule in winner["Rules"])
    assert len(others) == 2 and all(node["Changes"] for node in others)


async def test_a_job_that_fits_nowhere_is_explained_too(desk: Desk, autojump_clock: MockClock):
    """Each node says why it was refused."""
    job_id = desk.submit(batch(noop("1s"), cpu="1000"))
    await trio.sleep(1)
    [choice] = (await desk.client.get(EXPLAIN + job_id)).json()["Choices"]
    assert [] == choice["Placed"]
    assert all(node["Rank"] == -1 and node["Reason"] and node["Changes"] for node in choice["Nodes"])


async def test_one_execution_or_one_node_alone(desk: Desk, autojump_clock: MockClock):
    """For those who know what they ask for."""
    job_id = desk.submit(batch(noop("1s", fails="bad luck")))
    await trio.sleep(60)
    choices = (await desk.client.get(EXPLAIN + job_id)).json()["Choices"]
    assert len(choices) > 1 and choices[1]["Because"]
    [placed] = choices[1]["Placed"]
    params = {"execution": placed["ExecutionID"], "node": "node-2"}
    [choice] = (await desk.client.get(EXPLAIN + job_id, params=params)).json()["Choices"]
    assert ([placed], ["node-2"]) == (choice["Placed"], [node["NodeID"] for node in choice["Nodes"]])


async def test_only_until_an_instant(desk: Desk, autojump_clock: MockClock):
    """As a duration since the job came in, or as a time."""
    job_id = desk.submit(batch(noop("1s", fails="bad luck")))
    await trio.sleep(60)
    created_ns = desk.backend.find_job(job_id).create_time_ns
    for at in ("500ms", rfc3339(created_ns + 5 * 10**8)):
        assert 1 == len((await desk.client.get(EXPLAIN + job_id, params={"at": at})).json()["Choices"])
    before = await desk.client.get(EXPLAIN + job_id, params={"at": rfc3339(created_ns - 10**9)})
    assert (404, True) == (before.status_code, "no choice" in before.text)


@pytest.mark.parametrize("at", ["soon", "2024-13-01T00:00:00Z", "30"])
async def test_what_is_no_instant_is_refused(desk: Desk, autojump_clock: MockClock, at: str):
    """With the forms that there are."""
    answer = await desk.client.get(EXPLAIN + desk.submit(), params={"at": at})
    assert (400, True) == (answer.status_code, "such as" in answer.text)


async def test_an_unknown_job_is_told(desk: Desk, autojump_clock: MockClock):
    """As everywhere."""
    assert 404 == (await desk.client.get(EXPLAIN + "j-none")).status_code


async def test_an_answer_is_bounded_however_much_there_is(desk: Desk, autojump_clock: MockClock, monkeypatch):
    """The latest choices, and changes at few nodes: the stack has other things to do."""
    job_id = desk.submit(batch(noop("1s", fails="bad luck")))
    await trio.sleep(60)
    choices = (await desk.client.get(EXPLAIN + job_id)).json()["Choices"]
    monkeypatch.setattr(module, "MOST_LOOKS", 3)
    [last] = (await desk.client.get(EXPLAIN + job_id)).json()["Choices"]
    assert choices[-1]["Time"] == last["Time"]
    assert 1 == sum(bool(node["Changes"]) for node in last["Nodes"])
