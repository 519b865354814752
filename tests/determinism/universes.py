"""Scenarios whose digests are compared: together they touch everything that decides or is traced."""

from __future__ import annotations

import random

import trio

from devstack.faults.builders import crash, delay, drop, duplicate, fail_executor, isolate, reorder, slow
from devstack.scenario import ClusterHandle, JobHandle, batch, daemon, noop, ops, scenario, service, wasm

GREETER = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hello\\n")
  (func (export "_start") (local $turn i32)
    (drop (call $random (i32.const 64) (i32.const 8)))
    (loop $again
      (local.set $turn (i32.add (local.get $turn) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $turn) (i32.const 100000))))
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"""


@scenario(nodes=5)
async def all_job_types(cluster: ClusterHandle) -> None:
    """The four types side by side; the long-running ones are stopped."""
    lasting = [await cluster.submit(make(noop(runs_for="1h"))) for make in (service, daemon)]
    ending = [await cluster.submit(make(noop(runs_for="90s", stdout="done"))) for make in (batch, ops)]
    for job in ending:
        await job.wait("Completed", within="10m")
    for job in lasting:
        await job.wait_running()
        await job.stop("enough")
        await job.wait("Stopped", within="10m")


@scenario(nodes=3)
async def many_tasks_at_one_instant(cluster: ClusterHandle) -> None:
    """trio runs tasks that are ready at one instant in an order of its own choice, and nothing may hang on it."""
    jobs: dict[int, JobHandle] = {}

    async def submit(number: int) -> None:
        await trio.sleep(number % 3)
        jobs[number] = await cluster.submit(batch(noop(runs_for=f"{1 + number % 7}s"), name=f"job-{number}"))
        await jobs[number].wait("Completed")

    async with trio.open_nursery() as nursery:
        for number in range(24):
            nursery.start_soon(submit, number)


@scenario(nodes=4)
async def failures_of_programs(cluster: ClusterHandle) -> None:
    """Exit codes, engines that fail, timeouts, retries that run out, a full cluster and priorities."""
    jobs = [
        await cluster.submit(batch(noop(exit_code=3, stderr="ouch"))),
        await cluster.submit(batch(noop(fails="no such thing"))),
        await cluster.submit(batch(noop(fails="not here", fails_on=["node-1", "node-2"]), count=2)),
        await cluster.submit(batch(noop(runs_for="1h"), execution_timeout="30s")),
        await cluster.submit(batch(noop(runs_for="5m"), cpu="100", queue_timeout="1m")),
        *[await cluster.submit(batch(noop(runs_for="40s"), cpu="3", priority=level % 3)) for level in range(9)],
    ]
    for job in jobs:
        await job.wait_over(within="6h")


@scenario(nodes=5)
async def lost_and_slow_nodes(cluster: ClusterHandle) -> None:
    """A power cut, a node cut off, a slow one, an engine that fails for a while."""
    cluster.inject(
        crash("node-1", after="20s", restart_after="2m"),
        isolate("node-2", after="30s", for_="3m"),
        slow("node-3", factor=10),
        fail_executor("node-4", after="10s", for_="1m", chance=0.5),
    )
    jobs = [await cluster.submit(batch(noop(runs_for="50s"), count=2)) for _ in range(6)]
    for job in jobs:
        await job.wait_over(within="4h")


@scenario(nodes=4)
async def an_unreliable_network(cluster: ClusterHandle) -> None:
    """Messages are lost, late, doubled and out of order, each by chance."""
    cluster.inject(
        drop(chance=0.05, for_="5m"),
        delay(by="100ms", jitter="1s", for_="5m"),
        duplicate(chance=0.1, for_="5m"),
        reorder(within="2s", chance=0.2, for_="5m"),
    )
    chance = random.Random(cluster.seed)
    jobs = []
    for _ in range(8):
        jobs.append(await cluster.submit(batch(noop(runs_for=chance.randint(1, 90)), count=chance.randint(1, 3))))
        await cluster.advance(chance.random() * 10)
    for job in jobs:
        await job.wait_over(within="4h")


@scenario(nodes=3, behaviour="v1.4.0")
async def as_v1_4_0_does(cluster: ClusterHandle) -> None:
    """The other half of the table of behaviours."""
    cluster.inject(crash("node-2", after="30s", restart_after="1m"))
    await cluster.submit(ops(noop(runs_for="2m")))
    lasting = await cluster.submit(daemon(noop(runs_for="1h")))
    await cluster.node("node-3").reject()
    await cluster.advance("20m")
    await lasting.stop()


@scenario(nodes=2)
async def text_of_all_kinds(cluster: ClusterHandle) -> None:
    """What counts as printable differs between Pythons (the face is of Unicode 15), and half a pair is no UTF-8."""
    odd = "a\x00b\x1b[0m \xa0 \u2028 caf\u00e9 \U0001fae8 \ud800 'single' \"double\""
    jobs = [
        await cluster.submit(batch(noop(stdout=odd, stderr=odd[::-1], exit_code=1), name="caf\u00e9 \U0001fae8")),
        await cluster.submit(batch(noop(fails=odd), labels={"mood": "\U0001fae8"}, env={"FACE": "\U0001fae8"})),
    ]
    for job in jobs:
        await job.wait_over(within="1h")
    lasting = await cluster.submit(service(noop(runs_for="1h")))
    await lasting.wait_running()
    await lasting.stop(odd)
    await cluster.advance("1m")


@scenario(nodes=2)
async def real_wasm(cluster: ClusterHandle) -> None:
    """Real modules, whose fuel is their time."""
    job = await cluster.submit(batch(wasm(GREETER), count=2))
    await job.wait("Completed", within="10m")
    assert ["hello\n", "hello\n"] == [execution.stdout for execution in job.completed]
