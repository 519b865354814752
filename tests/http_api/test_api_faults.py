"""The faults' routes, over the engine of a simulated cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from devstack.behaviour import Behaviour, parse
from devstack.faults import Fault
from devstack.faults.state import FaultState
from tests.faults.fault_runs import SECOND_NS, a_cluster
from tests.http_api.conftest import SmallCluster, client_of

FAULTS = "/api/v1/devstack/faults"


class FaultyCluster(SmallCluster):
    """Its faults are those of a simulated cluster of three nodes."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour)
        self.simulated, self.engine = a_cluster()

    def inject_fault(self, fault: Fault) -> FaultState:
        number = self.engine.inject(fault)
        over = FaultState(number, fault, "over", 0)
        return next((state for state in self.engine.active() if state.id == number), over)

    def list_faults(self) -> Sequence[FaultState]:
        return self.engine.active()

    def clear_faults(self, number: int | None) -> Sequence[int]:
        return self.engine.clear(number)


@pytest.fixture(params=["documented", "v1.4.0"])
def faulty(request: pytest.FixtureRequest) -> FaultyCluster:
    return FaultyCluster(parse([request.param]))


@pytest.fixture
async def api(faulty: FaultyCluster) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(faulty) as client:
        yield client


async def test_a_fault_is_injected_listed_and_cleared(api: httpx.AsyncClient, faulty: FaultyCluster):
    """As in YAML; the answer says its number, on whom it is, and how it stands."""
    answer = await api.post(FAULTS, json={"crash": "node-1", "restart_after": "1m"})
    fault = answer.json()["Fault"]
    assert fault.pop("Begins").startswith("2024-01-01T00:00:00")
    assert {
        "ID": 1,
        "Text": "crash node-1 restart_after=1m",
        "State": "active",
        "Machines": ["node-1"],
        "Strikes": 1,
        "Fault": {"crash": "node-1", "restart_after": "1m"},
    } == fault
    assert not faulty.simulated.has_power("node-1")
    assert [1] == [fault["ID"] for fault in (await api.get(FAULTS)).json()["Faults"]]
    assert {"Cleared": [1]} == (await api.delete(f"{FAULTS}/1")).json()
    assert faulty.simulated.has_power("node-1")
    assert {"Faults": []} == (await api.get(FAULTS)).json()


async def test_all_faults_are_cleared_at_once(api: httpx.AsyncClient, faulty: FaultyCluster):
    """Those that wait, too."""
    for body in ({"drop": None}, {"at": "10s", "slow": {"node": "50%", "factor": 4}}):
        assert 200 == (await api.post(FAULTS, json=body)).status_code
    assert ["active", "waiting"] == [fault["State"] for fault in (await api.get(FAULTS)).json()["Faults"]]
    assert {"Cleared": [1, 2]} == (await api.delete(FAULTS)).json()
    faulty.simulated.run_for(20 * SECOND_NS)
    assert None is faulty.simulated.faults


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"crsh": "node-1"}', ["unknown fault 'crsh'", "did you mean crash?", "zombie_result"]),
        ('{"crash": "node-9"}', ["no machine matches 'node-9'", "node-1, node-2, node-3", "env"]),
        ('{"crash": "node-1", "at": "soon"}', ["at cannot be 'soon'"]),
        ('["crash"]', ["a fault is a mapping"]),
        ("{", ["no JSON"]),
        ("", ["no fault in the body"]),
    ],
)
async def test_what_cannot_be_injected_is_refused_with_what_is_known(
    api: httpx.AsyncClient, body: str, words: list[str]
):
    """400 under every behaviour, for this is no part of Bacalhau."""
    answer = await api.post(FAULTS, content=body, headers={"content-type": "application/json"})
    assert 400 == answer.status_code
    assert [] == [word for word in words if word not in answer.json()["message"]]


async def test_an_unknown_number_is_not_found(api: httpx.AsyncClient):
    """404 names those there are; what is no number is refused."""
    await api.post(FAULTS, json={"drop": "heartbeat"})
    answer = await api.delete(f"{FAULTS}/7")
    assert (404, "no fault 7 is waiting or active; there are: 1") == (answer.status_code, answer.json()["message"])
    assert 400 == (await api.delete(f"{FAULTS}/all")).status_code
