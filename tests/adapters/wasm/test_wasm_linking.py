"""Where a module's imports come from (compute reference 6, "Linking")."""

import pytest

from devstack.runtime.ports import PreparedInput

SEVEN = '(module $seven (func $seven (export "seven") (result i32) (i32.const 7)))'
LUCKY = """(module $lucky (import "numbers" "seven" (func $seven (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (func $main (export "_start") (call $exit (call $seven))))"""
UNKNOWN = 'could not find WASM module with name "numbers". expecting a built-in module name '


async def test_an_import_comes_from_an_import_module(bench):
    """An import module is known by its alias."""
    ran = await bench.run(LUCKY, SEVEN, aliases=("lucky", "numbers"))
    assert (7, "") == (ran.result.exit_code, ran.result.error_msg)


async def test_an_import_comes_from_an_input_with_that_alias(bench):
    """An input whose alias is the module's name is loaded as a module."""
    module = bench.module(SEVEN)
    ran = await bench.run(LUCKY, inputs=(PreparedInput(module.path, "/numbers.wasm", "numbers", keep=True),))
    assert (7, "") == (ran.result.exit_code, ran.result.error_msg)


async def test_an_imported_module_may_import(bench):
    """Inputs are loaded recursively."""
    between = """(module $between (import "seven" "seven" (func $seven (result i32)))
      (func $other (export "seven") (result i32) (i32.add (i32.const 1) (call $seven))))"""
    inputs = (
        PreparedInput(bench.module(between).path, "/a", "numbers", keep=True),
        PreparedInput(bench.module(SEVEN).path, "/b", "seven", keep=True),
    )
    assert 8 == (await bench.run(LUCKY, inputs=inputs)).result.exit_code


async def test_other_inputs_are_not_parsed(bench, tmp_path):
    """An input that nobody imports may be anything."""
    (tmp_path / "junk").write_bytes(b"\0\1\2")
    junk = PreparedInput(tmp_path / "junk", "/junk", "something", keep=True)
    ran = await bench.run(LUCKY, SEVEN, aliases=("", "numbers"), inputs=(junk,))
    assert 7 == ran.result.exit_code


async def test_an_import_module_may_use_wasi(bench, program):
    """WASI works on the memory of the module that calls it."""
    library = """(module $library
      (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
      (memory (export "memory") 1)
      (func $seven (export "seven") (result i32)
        (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 0)))
        (i32.wrap_i64 (i64.div_u (i64.load (i32.const 0)) (i64.const 1000000000)))))"""
    bench.pace.time_ns = 42 * 10**9
    assert 42 == (await bench.run(LUCKY, library, aliases=("", "numbers"))).result.exit_code


async def test_an_unknown_module_is_named(bench):
    """The text says what was looked for and where."""
    ran = await bench.run(LUCKY)
    assert ran.result.error_msg.startswith(f"failed to instantiate entry module module (inline): {UNKNOWN}")


@pytest.mark.parametrize(("module", "name"), [("numbers", "seven"), ("wasi_snapshot_preview1", "no_such_function")])
async def test_an_unknown_function_is_named(bench, module, name):
    """A module that lacks the function is told apart from a missing module."""
    wat = f'(module $m (import "{module}" "{name}" (func)) (func (export "_start")))'
    ran = await bench.run(wat, "(module $empty)", aliases=("", "numbers"))
    assert ran.result.error_msg.endswith(f'"{name}" is not exported in module "{module}"')


async def test_an_import_of_another_type_is_refused(bench):
    """A function with the right name and the wrong type does not link."""
    wrong = '(module $wrong (func $seven (export "seven")))'
    ran = await bench.run(LUCKY, wrong, aliases=("", "numbers"))
    assert "incompatible import type" in ran.result.error_msg


async def test_a_broken_import_module_is_told_as_such(bench, tmp_path):
    """The text says which of the modules it was."""
    request = bench.request(LUCKY, SEVEN, aliases=("", "numbers"))
    request.modules[1].path.write_bytes(b"(module)")
    ran = await bench.run_request(request)
    assert "failed to instantiate import module (inline): invalid magic number" == ran.result.error_msg


async def test_modules_that_import_each_other_are_refused(bench):
    """A circle has no first module."""
    circle = '(module $c (import "{}" "f" (func $f)) (func (export "f") (call $f)))'
    inputs = tuple(
        PreparedInput(bench.module(circle.format(wanted)).path, f"/{alias}", alias, keep=True)
        for alias, wanted in (("a", "b"), ("b", "a"))
    )
    ran = await bench.run('(module $m (import "a" "f" (func)) (func (export "_start")))', inputs=inputs)
    assert ran.result.error_msg.endswith("modules import each other in a circle:  -> a -> b -> a")


async def test_the_entry_module_may_be_an_inputs_target(bench):
    """As in later versions of Bacalhau, a module is named by the target of an input."""
    module = PreparedInput(bench.module(LUCKY).path, "/main.wasm", keep=True)
    seven = PreparedInput(bench.module(SEVEN).path, "numbers", keep=True)
    ran = await bench.run(params={"EntryModule": "/main.wasm"}, inputs=(module, seven))
    assert 7 == ran.result.exit_code
