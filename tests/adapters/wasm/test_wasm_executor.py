"""What a wasm task does, as its user sees it (compute reference 6)."""

import pytest

from devstack.adapters.wasm import WasmExecutor
from devstack.behaviour import parse
from devstack.errors import AdapterError
from devstack.models.job import ResultPath, Task
from devstack.models.resources import NO_RESOURCES
from devstack.runtime.ports import STDERR, PreparedInput

HELLO = '(data (i32.const 64) "hello from wasm\\n")'
SAY_HELLO = "(call $say (i32.const 64) (i32.const 16))"


def only(switch):
    return parse([switch])


async def test_a_module_writes_and_exits(bench, program):
    """Output and exit code come back as the module gave them."""
    ran = await bench.run(program(f"{SAY_HELLO} (call $exit (i32.const 3))", HELLO))
    assert ("hello from wasm\n", "", 3, "") == (
        ran.result.stdout,
        ran.result.stderr,
        ran.result.exit_code,
        ran.result.error_msg,
    )


async def test_standard_error_is_a_stream_of_its_own(bench, program):
    """A write to descriptor 2 is standard error."""
    ran = await bench.run(program("(call $say_to (i32.const 2) (i32.const 64) (i32.const 5))", HELLO))
    assert [(STDERR, b"hello")] == ran.output.writes


@pytest.mark.parametrize("code", [0, 125, 126, 255, 256, 4294967295])
async def test_every_exit_code_is_kept(bench, program, code):
    """Codes above 125, which wasmtime itself refuses, are exit codes as any other."""
    ran = await bench.run(program(f"(call $exit (i32.const {code}))"))
    assert (code, "") == (ran.result.exit_code, ran.result.error_msg)


async def test_nothing_runs_after_proc_exit(bench, program):
    """proc_exit does not return."""
    ran = await bench.run(program(f"(call $exit (i32.const 1)) {SAY_HELLO}", HELLO))
    assert "" == ran.result.stdout


@pytest.mark.parametrize(("words", "exit_code"), [([], 0), (["wasm-return-is-minus-one"], -1)])
async def test_a_return_without_proc_exit(bench, program, words, exit_code):
    """A module that just returns has succeeded; v1.4.0 says -1."""
    ran = await bench.run(program(""), behaviour=parse(words))
    assert exit_code == ran.result.exit_code


async def test_the_entry_point_has_a_default(bench, program):
    """Without a name, `_start` is called; v1.4.0 finds nothing then."""
    ran = await bench.run(program(SAY_HELLO, HELLO))
    assert "hello from wasm\n" == ran.result.stdout
    ran = await bench.run(program(SAY_HELLO, HELLO), behaviour=only("wasm-entry-point-required"))
    assert "unable to find the entrypoint '' in the WASM module" == ran.result.error_msg


async def test_another_entry_point(bench):
    """Params name the function, in any case of the key."""
    wat = '(module (func (export "main") unreachable) (func (export "other")))'
    ran = await bench.run(wat, params={"Entrypoint": "other"})
    assert (0, "") == (ran.result.exit_code, ran.result.error_msg)


@pytest.mark.parametrize("export", ['(func (export "main") (param i32))', '(memory (export "main") 1)', ""])
async def test_an_entry_point_takes_and_returns_nothing(bench, export):
    """Anything else is not found."""
    ran = await bench.run(f"(module {export})", params={"EntryPoint": "main"})
    assert (-1, "unable to find the entrypoint 'main' in the WASM module") == (
        ran.result.exit_code,
        ran.result.error_msg,
    )


async def test_a_trap_is_an_error_with_its_stack(bench):
    """A trap has exit code 1, and the text names the functions, innermost first."""
    ran = await bench.run('(module $m (func $boom unreachable) (func $main (export "_start") (call $boom)))')
    assert (1, "wasm error: unreachable\nwasm stack trace:\n\tm.boom()\n\tm.main()") == (
        ran.result.exit_code,
        ran.result.error_msg,
    )


async def test_arguments_and_environment(bench, program):
    """argv is an empty name and the Parameters; the environment is sorted, the task's over the engine's."""
    read = """
      (drop (call $args_get (i32.const 512) (i32.const 1024))) (call $say (i32.const 1024) (i32.const 9))
      (drop (call $environ_get (i32.const 512) (i32.const 1024))) (call $say (i32.const 1024) (i32.const 12))"""
    params = {"Parameters": ["one", "two"], "EnvironmentVariables": {"B": "2", "A": "1"}}
    ran = await bench.run(program(read), params=params, environment={"B": "3", "C": "4"})
    assert "\0one\0two\0A=1\0B=3\0C=4\0" == ran.result.stdout


async def test_v1_4_0_ignores_the_tasks_environment(bench, program):
    """Only the engine's EnvironmentVariables reach the module there."""
    read = "(drop (call $environ_get (i32.const 512) (i32.const 1024))) (call $say (i32.const 1024) (i32.const 4))"
    ran = await bench.run(program(read), environment={"A": "1"}, behaviour=only("task-env-ignored"))
    assert "\0\0\0\0" == ran.result.stdout


@pytest.mark.parametrize(("words", "stdout"), [([], "hello\nworld\n"), (["wasm-first-write-only"], "hello\n")])
async def test_all_writes_are_shown(bench, program, words, stdout):
    """v1.4.0 shows the first write only; what is kept in the file is the whole in both cases."""
    say_both = "(call $say (i32.const 64) (i32.const 6)) (call $say (i32.const 70) (i32.const 6))"
    ran = await bench.run(program(say_both, '(data (i32.const 64) "hello\\nworld\\n")'), behaviour=parse(words))
    assert (stdout, "hello\nworld\n") == (ran.result.stdout, ran.output.text(1))


async def test_memory_is_limited_to_what_was_granted(bench):
    """A module that starts with more is refused; growing beyond it is answered with -1."""
    ran = await bench.run('(module (memory 64) (func (export "_start")))', memory_bytes=1_000_000)
    assert (
        "failed to instantiate entry module module (inline): "
        "section memory: min 64 pages (4 Mi) over limit of 16 pages (1 Mi)"
    ) == ran.result.error_msg
    grow = '(module (memory 1) (func (export "_start") (if (i32.ne (memory.grow (i32.const 16)) (i32.const -1))'
    ran = await bench.run(f"{grow} (then unreachable))))", memory_bytes=1_000_000)
    assert (0, "") == (ran.result.exit_code, ran.result.error_msg)


async def test_more_memory_than_wasm_has_is_refused(bench, program):
    """A wasm memory has at most 4 GiB."""
    with pytest.raises(AdapterError, match="requested memory exceeds the wasm limit - 5000000000 > 4GB"):
        await bench.run(program(""), memory_bytes=5_000_000_000)


@pytest.mark.parametrize(("words", "error"), [([], ""), (["wasm-name-section-required"], "Name section not found")])
async def test_a_module_needs_no_name_section(bench, words, error):
    """v1.4.0 refuses stripped modules."""
    ran = await bench.run('(module (func (export "_start")))', behaviour=parse(words))
    assert ran.result.error_msg.endswith(error)
    assert bool(error) == bool(ran.result.error_msg)


async def test_inputs_and_results_lie_in_one_tree(bench, program, tmp_path):
    """A module opens its inputs, and makes result files, below `/`."""
    (tmp_path / "text").write_text("carried\n")
    copy = """(local $from i32) (local $to i32)
      (local.set $from (call $open (i32.const 64) (i32.const 11) (i32.const 0) (i64.const 2)))
      (local.set $to (call $open (i32.const 80) (i32.const 8) (i32.const 1) (i64.const 64)))
      (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 100))
      (drop (call $fd_read (local.get $from) (i32.const 0) (i32.const 1) (i32.const 8)))
      (call $say_to (local.get $to) (i32.const 1024) (i32.load (i32.const 8)))"""
    names = '(data (i32.const 64) "in/text.txt") (data (i32.const 80) "out/copy")'
    ran = await bench.run(
        program(copy, names),
        inputs=(PreparedInput(tmp_path / "text", "/in/text.txt", keep=True),),
        results=(ResultPath("outputs", "/out"),),
    )
    assert (0, "") == (ran.result.exit_code, ran.result.error_msg)
    assert "carried\n" == (ran.results_dir / "outputs" / "copy").read_text()


async def test_nothing_stays_behind(bench, program, tmp_path):
    """After a run, besides the module and the results, nothing is left on disk."""
    await bench.run(program(""), execution_id="e-9")
    assert ["e-9", "module-1.wasm"] == sorted(path.name for path in tmp_path.iterdir())


async def test_params_that_cannot_run_fail_the_bid(bench):
    """The bid's check reads the Params."""
    with pytest.raises(AdapterError, match="invalid wasm engine type"):
        await WasmExecutor().assess(Task(), NO_RESOURCES)
    assert "" == await WasmExecutor().assess(bench.request("(module)").task, NO_RESOURCES)


async def test_the_engine_is_there():
    """wasmtime is a dependency, so there is no reason not to run."""
    assert "" == await WasmExecutor().unavailable_reason()
