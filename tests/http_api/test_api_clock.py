"""Virtual time over HTTP: read it, hasten it, stop it."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.dashboard.conftest import Desk, desk

__all__ = ["desk"]
CLOCK = "/api/v1/devstack/clock"


async def test_time_goes_as_fast_as_it_is_told(desk: Desk, autojump_clock: MockClock):
    """From the instant on at which it is told."""
    answer = await desk.client.put(CLOCK, json={"Speed": 60})
    assert (200, 60) == (answer.status_code, answer.json()["Speed"])
    began_ns = desk.backend.now_ns()
    await trio.sleep(10)
    assert pytest.approx(600 * 10**9, rel=1e-6) == desk.backend.now_ns() - began_ns
    assert 60 == (await desk.client.get(CLOCK)).json()["Speed"]


async def test_time_that_is_stopped_stands_still(desk: Desk, autojump_clock: MockClock):
    """Jobs are taken, and run when it goes on."""
    await desk.client.put(CLOCK, json={"Speed": 0})
    before = (await desk.client.get(CLOCK)).json()
    job_id = desk.submit()
    await trio.sleep(3600)
    assert before == (await desk.client.get(CLOCK)).json()
    assert "Pending" == desk.backend.find_job(job_id).state.text
    await desk.client.put(CLOCK, json={"Speed": 1})
    await trio.sleep(10)
    assert "Completed" == desk.backend.find_job(job_id).state.text


@pytest.mark.parametrize("body", [{}, None, {"Speed": -1}, {"Speed": 0.5}, {"Speed": "fast"}, {"Speed": 10**9}, []])
async def test_what_is_no_speed_is_refused(desk: Desk, autojump_clock: MockClock, body: object):
    """And changes nothing."""
    assert 400 == (await desk.client.put(CLOCK, json=body)).status_code
    assert 1 == desk.backend.speed


async def test_a_foreign_page_may_not_touch_it(desk: Desk, autojump_clock: MockClock):
    """It may look, as everywhere."""
    headers = {"Origin": "http://example.com"}
    assert 403 == (await desk.client.put(CLOCK, json={"Speed": 0}, headers=headers)).status_code
    assert 200 == (await desk.client.get(CLOCK, headers=headers)).status_code
