"""Stores that are slow, do not answer or give damaged bytes; jobs without inputs are not concerned."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.faults import Fault, corrupt_storage, fail_storage, slow_storage
from devstack.models.gotext import SECOND_NS
from devstack.scenario import ClusterHandle, batch, inline, noop, stored, wasm
from tests.faults.fault_runs import play

WAY = {"node-1": {"storage_latency_ns": SECOND_NS, "storage_bytes_per_s": 100_000_000}}
MODULE = '(module (memory (export "memory") 1) (func (export "_start")))'
DAMAGED = "preparing arguments: the input for /a, /b is damaged: its checksum is not that of its source"


def fetching(**more: Any) -> Any:
    return batch(noop(runs_for="10s"), inputs=[stored("1gb", "/a"), stored(0, "/b")], **more)


def test_a_slow_store_takes_a_factor_longer():
    """The program itself does not."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(fetching())
        await job.wait("Completed", within="5m")
        assert 58 == int(cluster.now_s)

    play(script, slow_storage(factor=4, for_="5m"), nodes=1, shapes=WAY)


def test_what_is_under_way_when_a_store_becomes_slow_comes_as_it_would_have():
    """Twelve seconds of fetching, ten of work."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(fetching())
        await cluster.advance("3s")
        cluster.inject(slow_storage(factor=10, for_="1m"))
        await job.wait("Completed", within="5m")
        assert 22 == int(cluster.now_s)

    play(script, nodes=1, shapes=WAY)


@pytest.mark.parametrize(
    ("fault", "reason", "after_s"),
    [
        (fail_storage(for_="1h"), "preparing arguments: the store does not answer", 0),
        (fail_storage(error="no such bucket", for_="1h"), "preparing arguments: no such bucket", 0),
        (corrupt_storage(for_="1h"), DAMAGED, 12),
    ],
)
def test_an_execution_whose_input_cannot_be_used_fails_with_the_reason(fault: Fault, reason: str, after_s: int):
    """At once, or when it has come; nothing ever runs."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(fetching())
        await job.wait_executions(1, "Failed", within="1m")
        assert after_s == int(cluster.now_s)
        await job.wait("Failed", within="10m")
        assert {reason} == {one.message for one in job.failed}

    play(script, fault, nodes=1, shapes=WAY)


def test_inputs_of_modules_fail_as_well():
    """They are bytes of the job itself, and still come through the same door."""

    async def script(cluster: ClusterHandle) -> None:
        job = await cluster.submit(batch(wasm(MODULE), inputs=[inline("x", "/a"), inline("y", "/b")]))
        await job.wait("Completed", within="10m")
        assert [DAMAGED] == [one.message for one in job.failed]

    play(script, corrupt_storage(times=1, for_="1h"))


@pytest.mark.parametrize("fault", [slow_storage(for_="1h"), fail_storage(for_="1h"), corrupt_storage(for_="1h")])
def test_a_job_without_inputs_is_not_concerned(fault: Fault):
    """Nor is one that the fault is not for."""

    async def script(cluster: ClusterHandle) -> None:
        for engine in (noop(runs_for="1s"), wasm(MODULE)):
            job = await cluster.submit(batch(engine))
            await job.wait("Completed", within="5s")

    play(script, fault, nodes=1, shapes=WAY)
