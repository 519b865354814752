"""Real WebAssembly modules inside virtual time: they run on this machine, and the clock they see is the scenario's."""

from pathlib import Path

from devstack.scenario import batch, ops, scenario, service, wasm

WAT = Path(__file__).parent / "jobs" / "wat"


@scenario(nodes=3)
async def an_hour_of_sleep_takes_no_time(cluster):
    """Three modules sleep an hour each, tick every ten minutes, and are done in an instant."""
    job = await cluster.submit(batch(wasm(WAT / "sleep.wat"), count=3, execution_timeout="2h"))
    await job.wait("Completed", within="61m")
    assert cluster.now_s >= 3600
    assert all(execution.stdout == "tick\n" * 6 for execution in job.completed)


@scenario(nodes=3)
async def an_exit_code_is_a_result_and_a_trap_is_a_failure(cluster):
    """A program that ends with code 3 has completed; one that traps has failed, on every node that tries it."""
    three = await cluster.submit(batch(wasm(WAT / "three.wat")))
    await three.wait("Completed", within="1m")
    assert [execution.exit_code for execution in three.completed] == [3]
    trap = await cluster.submit(batch(wasm(WAT / "trap.wat")))
    await trap.wait("Failed", within="1h")
    assert trap.nodes_used == {"node-1", "node-2", "node-3"}
    assert "unreachable" in trap.failed[0].message


@scenario(nodes=2)
async def a_module_sees_the_environment_of_its_task(cluster):
    """What a job file says under Env reaches the module, beside the engine's own variables."""
    engine = wasm(WAT / "environment.wat", env={"FROM_ENGINE": "1"})
    job = await cluster.submit(batch(engine, env={"FROM_TASK": "2"}))
    await job.wait("Completed", within="1m")
    assert job.completed[0].stdout == "FROM_ENGINE=1\nFROM_TASK=2\n"


@scenario(nodes=3)
async def only_the_beginning_of_a_long_output_is_kept(cluster):
    """An execution shows the first 2048 bytes of what its program wrote."""
    job = await cluster.submit(ops(wasm(WAT / "chatty.wat")))
    await job.wait("Completed", within="1m")
    assert [len(execution.stdout) for execution in job.completed] == [2048, 2048, 2048]


@scenario(nodes=3, wasm_fuel_limit=10**8)
async def an_endless_module_is_ended_by_its_timeout(cluster):
    """A module that never asks anybody for anything is taken as endless, and its timeout comes at its own time."""
    job = await cluster.submit(batch(wasm(WAT / "endless.wat"), execution_timeout="90s"))
    (first,) = await job.wait_executions(1, "Failed", within="2m")
    assert first.message == "Execution timed out after 1m30s"
    await job.stop()


@scenario(nodes=3)
async def a_service_beats_until_it_is_stopped(cluster):
    """A service of two modules runs for six hours of virtual time, and is stopped when they are over."""
    job = await cluster.submit(service(wasm(WAT / "heartbeat.wat"), count=2))
    await job.wait_running(2, within="1m")
    await cluster.advance("6h")
    assert len(job.running) == 2
    await job.stop("the shift is over")
    await job.wait("Stopped", within="1m")
    await job.wait_executions(2, "Cancelled", within="1m")


@scenario(nodes=3, seed=5)
async def chance_inside_a_module_comes_from_the_seed(cluster):
    """A die is thrown on every node; the same seed throws the same numbers."""
    job = await cluster.submit(ops(wasm(WAT / "dice.wat")))
    await job.wait("Completed", within="1m")
    assert all(execution.exit_code in range(6) for execution in job.completed)
