"""How often one client may ask."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.http_api import rate
from devstack.http_api.rate import RateLimit
from tests.http_api.conftest import client_of

MS_NS = 1_000_000


def test_a_thousand_at_once_and_a_thousand_a_second():
    """After a burst one more is let through each thousandth of a second; another client is not held up."""
    limit = RateLimit()
    assert 1000 == sum(limit.allows("a", 5_000 * MS_NS) for _ in range(1500))
    assert limit.allows("b", 5_000 * MS_NS)
    assert 1 == sum(limit.allows("a", 5_001 * MS_NS) for _ in range(10))
    assert 1000 == sum(limit.allows("a", 100_000 * MS_NS) for _ in range(1500))


@settings(max_examples=20)
@given(st.lists(st.integers(0, 800), max_size=10))
def test_no_second_sees_more_than_two_thousand(pauses_ms):
    """A full bucket, and what flows in meanwhile."""
    limit, now_ms, allowed = RateLimit(), 0, []
    for pause_ms in pauses_ms:
        now_ms += pause_ms
        allowed += [now_ms for _ in range(1200) if limit.allows("a", now_ms * MS_NS)]
    assert all(sum(start <= at < start + 1000 for at in allowed) <= 2000 for start in set(allowed))


def test_clients_that_are_gone_are_forgotten(monkeypatch):
    """What is kept does not grow with every address that ever asked."""
    monkeypatch.setattr(rate, "MOST_CLIENTS", 10)
    limit = RateLimit()
    for number in range(100):
        assert limit.allows(str(number), number * MS_NS)
    assert len(limit._spent_until_ns) <= 10


async def test_v1_4_0_answers_429(cluster, faithful_cluster, autojump_clock, monkeypatch):
    """By default nobody is held up."""
    monkeypatch.setattr(rate, "SPACING_NS", 200 * MS_NS)
    for stack, statuses in ((cluster, [200] * 6), (faithful_cluster, [200] * 5 + [429])):
        async with client_of(stack) as client:
            answers = [await client.get("/livez") for _ in range(6)]
        assert statuses == [answer.status_code for answer in answers]
    assert {"error": "code=429, message=rate limit exceeded", "message": "rate limit exceeded"} == answers[-1].json()
    assert "application/json; charset=UTF-8" == answers[-1].headers["content-type"]
    assert "x-bacalhau-git-version" not in answers[-1].headers
