"""Real wasm modules and recorded containers inside virtual time."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from devstack.adapters.cassette import CassetteLibrary, Recorded, recipe_of
from devstack.cluster import Cluster
from devstack.errors import UsageError
from devstack.faults import crash
from devstack.models.gotext import SECOND_NS
from devstack.models.job import InputSource, Job, SpecConfig
from devstack.runtime.published import files_of, result_url
from devstack.runtime.virtual_shell import VirtualShell
from devstack.runtime.workshop import Bench
from devstack.scenario import batch, docker, noop, ops, scenario, service, wasm
from devstack.scenario.run import Outcome, RunOptions, Verdict, build, run

WAT = Path(__file__).resolve().parents[2] / "scenarios" / "jobs" / "wat"
HOUR_NS = 3600 * SECOND_NS


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every test of this file leaves no thread and no file behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert [] == [path for path in tmp_path.iterdir() if path.name.startswith("devstack-")]
    assert 0 == guests()


def guests() -> int:
    """How many modules are under way in this process."""
    return sum(thread.name == "wasm-guest" for thread in threading.enumerate())


def played(script: Any, *, nodes: int = 3, shapes: Any = None, **options: Any) -> Outcome:
    return run(scenario(nodes=nodes, shapes=shapes)(script), RunOptions(**options))


def passed(script: Any, **options: Any) -> Outcome:
    outcome = played(script, **options)
    assert Verdict.PASSED is outcome.verdict, outcome.message
    return outcome


# ---- wasm --------------------------------------------------------------------------------------------------


def test_a_module_sleeps_in_virtual_time() -> None:
    """Six times ten minutes are an hour, plus the fuel that was burnt, one nanosecond a unit."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(wasm(WAT / "sleep.wat"), count=2, execution_timeout="2h"))
        await job.wait("Completed", within="61m")
        assert ["tick\n" * 6] * 2 == [one.stdout for one in job.completed]

    assert HOUR_NS < passed(script).virtual_ns < HOUR_NS + SECOND_NS


def test_modules_sleep_side_by_side_with_simulated_programs() -> None:
    """Each end comes at its own instant, whoever was asked first."""

    async def script(cluster: Any) -> None:
        slow = await cluster.submit(batch(noop(runs_for="61m"), execution_timeout="2h"))
        guest = await cluster.submit(batch(wasm(WAT / "sleep.wat"), execution_timeout="2h"))
        quick = await cluster.submit(batch(noop(runs_for="59m"), execution_timeout="2h"))
        for job, minute in ((quick, 59), (guest, 60), (slow, 61)):
            await job.wait("Completed", within="2h")
            assert minute == int(cluster.now_s / 60)

    passed(script)


def test_an_endless_module_is_ended_by_its_timeout() -> None:
    """It is stopped at the fuel limit, and its timeout comes at its own instant; the story says so."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(wasm(WAT / "endless.wat"), execution_timeout="90s"))
        (first,) = await job.wait_executions(1, "Failed", within="2m")
        assert "Execution timed out after 1m30s" == first.message
        assert 90 == int(cluster.now_s)
        await job.stop()

    outcome = passed(script, wasm_fuel_limit=10**6)
    assert any(kind == "endless" for _, kind, _, _ in outcome.records)


def test_a_trap_fails_the_execution_on_each_node_that_tries() -> None:
    """A module that breaks down is an execution error, which is tried elsewhere."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(wasm(WAT / "trap.wat")))
        await job.wait("Failed", within="1h")
        assert {"node-1", "node-2", "node-3"} == job.nodes_used
        assert "unreachable" in job.failed[0].message

    passed(script)


def test_a_module_that_cannot_be_compiled_fails_with_the_reason_and_no_path_of_ours() -> None:
    """Texts are the same in every run, so they name no temporary folder."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(ops(wasm(b"\0asm-but-not-really")))
        await job.wait("Failed", within="1h")
        assert "invalid module" in job.failed[0].message

    outcome = passed(script)
    assert not any("devstack-scenario" in detail for *_, detail in outcome.records)


def test_stopping_a_job_ends_its_modules() -> None:
    """A service that beats for ever is gone when it is stopped: no thread, no timer."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(service(wasm(WAT / "heartbeat.wat"), count=2))
        await job.wait_running(2, within="1m")
        await cluster.advance("10m")
        assert 2 == guests()
        await job.stop()
        await job.wait("Stopped", within="1m")
        await cluster.advance("1s")
        assert 0 == guests()

    passed(script)


def test_a_power_cut_ends_what_runs_on_the_node_and_on_no_other() -> None:
    """The module on the lost node is gone at once, and another node runs the job from the start."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(wasm(WAT / "sleep.wat"), count=2, execution_timeout="2h"))
        lost = await job.wait_running(2, within="1m")
        cluster.inject(crash(lost.node, after="30m"))
        await cluster.advance("30m1s")
        assert 1 == guests()
        await job.wait("Completed", within="3h")
        assert lost.node not in {one.node for one in job.completed}

    outcome = passed(script)
    assert outcome.virtual_ns > HOUR_NS + 1800 * SECOND_NS


def test_a_script_that_leaves_early_leaves_no_module_running() -> None:
    """The world is cleared up whatever ends the script."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(service(wasm(WAT / "heartbeat.wat")))
        await job.wait_running(within="1m")
        raise AssertionError("enough")

    assert Verdict.FAILED is played(script).verdict


# ---- inputs and results ------------------------------------------------------------------------------------


def inline(text: str, target: str) -> InputSource:
    return InputSource(SpecConfig("inline", {"URL": f"data:,{text}"}), target=target)


def test_an_inline_input_reaches_the_module() -> None:
    """It lies where the job wants it; the module copies it to a result folder."""

    async def script(cluster: Any) -> None:
        given = [inline("hello", "/input/text.txt")]
        job = await cluster.submit(
            ops(wasm(WAT / "copy.wat"), inputs=given, results={"outputs": "/outputs"}, publisher="local")
        )
        await job.wait("Completed", within="1m")
        assert [0, 0, 0] == [one.exit_code for one in job.completed]

    passed(script)


def test_published_results_can_be_looked_into() -> None:
    """Its output, exit code and result folders; without a publisher there is nothing to look into."""

    async def script(cluster: Any) -> None:
        given = {"inputs": [inline("hello", "/input/text.txt")], "results": {"outputs": "/outputs"}}
        job = await cluster.submit(batch(wasm(WAT / "copy.wat"), publisher="local", **given))
        await job.wait("Completed", within="1m")
        expected = {"exitCode": b"0", "stderr": b"", "stdout": b"", "outputs/copy.txt": b"hello"}
        assert expected == await job.completed[0].results()
        simulated = await cluster.submit(batch(noop(stdout="said", exit_code=2), publisher="local"))
        await simulated.wait("Completed", within="1m")
        assert {"exitCode": b"2", "stderr": b"", "stdout": b"said"} == await simulated.completed[0].results()
        nothing = await cluster.submit(batch(noop()))
        await nothing.wait("Completed", within="1m")
        with pytest.raises(UsageError, match="has no results"):
            await nothing.completed[0].results()

    passed(script)


def test_what_one_job_has_published_is_an_input_of_the_next() -> None:
    """By its address, as in a live stack: the archive lies below the target and is counted in the bid."""

    async def script(cluster: Any) -> None:
        first = await cluster.submit(batch(wasm(WAT / "hello.wat"), publisher="local"))
        await first.wait("Completed", within="1m")
        url = result_url(first.completed[0].id)
        archive = InputSource(SpecConfig("urlDownload", {"URL": url}), target="/input")
        path = f"input/{url.rpartition('/')[2]}"
        module = (WAT / "copy.wat").read_text().replace("input/text.txt", path)
        module = module.replace("(i32.const 64) (i32.const 14)", f"(i32.const 256) (i32.const {len(path)})")
        module = module.replace("(data (i32.const 64)", "(data (i32.const 256)")
        second = await cluster.submit(
            batch(wasm(module), inputs=[archive], results={"outputs": "/outputs"}, publisher="local")
        )
        await second.wait("Completed", within="1m")
        assert 0 == second.completed[0].exit_code
        copied = (await second.completed[0].results())["outputs/copy.txt"]
        assert await first.completed[0].results() == files_of(copied)

    passed(script)


def test_a_copy_of_a_world_has_its_published_results() -> None:
    """They are plain data."""
    files = scenario(nodes=1)(lambda cluster: cluster)  # type: ignore[arg-type, return-value]
    original = build(files, RunOptions(), 7)
    record_ = original.submit(batch(wasm(WAT / "hello.wat"), publisher="local")).record
    original.run_for(60 * SECOND_NS)
    copy: Cluster = pickle.loads(pickle.dumps(original))
    assert isinstance(original.shell, VirtualShell) and isinstance(copy.shell, VirtualShell)
    url = result_url(next(iter(record_.executions)))
    archives = [world.shell.published.archive(url) for world in (original, copy)]
    assert archives[0] and archives[0] == archives[1]
    original.shell.close()


def test_a_simulated_program_may_have_inputs() -> None:
    """Its inputs are prepared and counted, although it does not read them."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(noop(runs_for="1s", stdout="x"), inputs=[inline("hello", "/in")]))
        await job.wait("Completed", within="1m")
        assert "x" == job.completed[0].stdout

    passed(script)


def test_an_input_from_the_network_is_refused_with_the_reason() -> None:
    """What another day brings another way is no part of virtual time."""

    async def script(cluster: Any) -> None:
        source = InputSource(SpecConfig("urlDownload", {"URL": "http://example.invalid/x"}), target="/in")
        job = await cluster.submit(ops(wasm(WAT / "hello.wat"), inputs=[source]))
        await job.wait("Failed", within="1h")
        assert "'urlDownload' cannot be fetched in virtual time" in job.message

    passed(script)


def test_an_input_that_cannot_be_read_fails_the_bid() -> None:
    """An inline source that is no data URL has no size."""

    async def script(cluster: Any) -> None:
        source = InputSource(SpecConfig("inline", {"URL": "nonsense"}), target="/in")
        job = await cluster.submit(ops(wasm(WAT / "hello.wat"), inputs=[source]))
        await job.wait("Failed", within="1h")
        assert "missing data prefix" in job.message

    passed(script)


def test_an_engine_that_nobody_has_is_refused() -> None:
    """A node may say that it has an engine; here it has none."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(ops(SpecConfig("quantum", {"Qubits": 3})))
        await job.wait("Failed", within="1h")
        assert "'quantum' cannot run here" in job.message

    passed(script, nodes=1, shapes={"node-1": {"engines": ("quantum",)}})


# ---- docker ------------------------------------------------------------------------------------------------

ECHO = docker("busybox:latest", "echo", "hi")


def record(folder: Path, job: Job, recorded: Recorded) -> str:
    """Keep a cassette for the job, as a node of a scenario would run it; its key."""
    from devstack.models.resources import Resources

    recipe = recipe_of(Bench(folder).request("", "", job, Resources(500, 10**9)))
    CassetteLibrary(folder, "").keep(recipe, recorded)
    return recipe.key


def test_a_container_does_what_its_cassette_says(tmp_path: Path) -> None:
    """Exit code, output and duration come from the cassette; no engine is asked."""
    record(tmp_path, batch(ECHO), Recorded(3, 90 * SECOND_NS, b"hi\n", b"oh\n"))

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(ECHO, count=2))
        await job.wait("Completed", within="2m")
        assert [(3, "hi\n", "oh\n")] * 2 == [(one.exit_code, one.stdout, one.stderr) for one in job.completed]
        assert 90 == int(cluster.now_s)

    passed(script, cassettes=tmp_path)


def test_a_recorded_error_fails_the_execution(tmp_path: Path) -> None:
    """As it did when it was recorded."""
    record(tmp_path, batch(ECHO), Recorded(-1, SECOND_NS, error="memory limit exceeded"))

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(ECHO))
        await job.wait("Failed", within="1h")
        assert "memory limit exceeded" in job.failed[0].message

    passed(script, cassettes=tmp_path)


def test_a_container_whose_end_nobody_saw_runs_until_its_timeout(tmp_path: Path) -> None:
    """The recording was stopped; the replay goes on."""
    record(tmp_path, batch(ECHO), Recorded(-1, SECOND_NS, ends=False))

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(ECHO, execution_timeout="40s"))
        (first,) = await job.wait_executions(1, "Failed", within="1m")
        assert "Execution timed out after 40s" == first.message
        await job.stop()

    passed(script, cassettes=tmp_path)


def test_a_missing_cassette_is_told_with_its_key_and_the_command(tmp_path: Path) -> None:
    """A script that fails for want of a cassette says first what is missing."""
    key = record(tmp_path / "elsewhere", batch(ECHO), Recorded(0, SECOND_NS))

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(ECHO))
        await job.wait("Completed", within="1h")

    outcome = played(script, cassettes=tmp_path / "none")
    assert Verdict.FAILED is outcome.verdict
    assert outcome.message.startswith(f"no cassette busybox-latest-{key}.yaml in none/")
    assert "devstack scenario run test_virtual_shell.py --docker record" in outcome.message


def test_without_docker_no_node_has_the_engine(tmp_path: Path) -> None:
    """`off`: the nodes say so, and nobody is asked."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(batch(ECHO))
        await job.wait("Failed", within="1h")
        assert "does not support docker" in job.message

    passed(script, docker="off")


def test_live_containers_need_real_time() -> None:
    """Virtual time cannot wait for what takes real time."""

    async def script(cluster: Any) -> None:
        pass

    with pytest.raises(UsageError, match="a live container takes real time"):
        played(script, docker="live")


# ---- repeatable --------------------------------------------------------------------------------------------


def test_a_copy_of_a_world_goes_on_as_the_original(tmp_path: Path) -> None:
    """A world is copied in the middle of three modules' sleep; both write the same trace to the end."""
    files = scenario(nodes=3)(lambda cluster: cluster)  # type: ignore[arg-type, return-value]
    original = build(files, RunOptions(), 7)
    record_ = original.submit(ops(wasm(WAT / "sleep.wat"), execution_timeout="2h")).record
    original.run_for(25 * 60 * SECOND_NS)
    copy: Cluster = pickle.loads(pickle.dumps(original))
    for world in (original, copy):
        world.run_for(HOUR_NS)
        assert isinstance(world.shell, VirtualShell)
        world.shell.close()
    assert "Completed" == original.requester.store.job(record_.job.id).state.text
    assert original.kernel.trace.digest() == copy.kernel.trace.digest()


MIXED = f"""
from pathlib import Path
from devstack.faults import crash
from devstack.scenario import batch, docker, ops, scenario, service, wasm
from devstack.scenario.run import run, RunOptions

WAT = Path({str(WAT)!r})

@scenario(nodes=4, seed=3)
async def mixed(cluster):
    beat = await cluster.submit(service(wasm(WAT / "heartbeat.wat"), count=2))
    await cluster.submit(ops(wasm(WAT / "dice.wat")))
    job = await cluster.submit(batch(docker("busybox:latest", "echo", "hello from a container"), count=2))
    cluster.inject(crash("node-2", after="5m", restart_after="1m"))
    await job.wait("Completed", within="1m")
    await cluster.advance("20m")
    await beat.stop()

outcome = run(mixed, RunOptions(cassettes=WAT.parents[1] / "cassettes"))
assert outcome.is_passed, outcome.message
print(outcome.digest)
"""


def test_real_engines_write_the_same_trace_in_every_process() -> None:
    """Whatever the hash seed: modules, cassettes and a crash give one digest."""

    def digest(hash_seed: str) -> str:
        command = [sys.executable, "-c", MIXED]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": hash_seed}, check=False
        )
        assert "" == done.stderr
        return done.stdout

    assert digest("1") == digest("77")


def test_scenarios_of_simulated_programs_load_no_engine() -> None:
    """Nothing of wasmtime, Docker or YAML is imported for them."""
    code = """
import sys
from devstack.scenario import batch, noop, scenario, run
@scenario(nodes=3)
async def quick(cluster):
    job = await cluster.submit(batch(noop(runs_for="1m")))
    await job.wait("Completed")
assert run(quick).is_passed
print([name for name in ("wasmtime", "docker", "yaml", "devstack.runtime.workshop") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


@pytest.mark.docker
def test_recording_and_replaying_are_one_run(docker_engine: object, tmp_path: Path) -> None:
    """A container is really run once, for all nodes; the run that records has the digest of those that replay."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(ops(docker("busybox:latest", "sh", "-c", "echo $A; exit 2", env=["A=yes"])))
        await job.wait("Completed", within="1m")
        assert [(2, "yes\n")] * 3 == [(one.exit_code, one.stdout) for one in job.completed]

    recorded = passed(script, docker="record", cassettes=tmp_path / "new")
    assert 1 == len(list((tmp_path / "new").iterdir()))
    assert recorded.digest == passed(script, cassettes=tmp_path / "new").digest


@pytest.mark.docker
def test_an_image_that_nobody_has_is_refused_while_recording(docker_engine: object, tmp_path: Path) -> None:
    """The engine's own words; there is nothing to be kept."""

    async def script(cluster: Any) -> None:
        job = await cluster.submit(ops(docker("127.0.0.1:9/nobody/has:this")))
        await job.wait("Failed", within="1h")
        assert 'Could not inspect image "127.0.0.1:9/nobody/has:this"' in job.message

    passed(script, docker="record", cassettes=tmp_path / "new")
    assert not (tmp_path / "new").exists()
