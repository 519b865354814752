"""`wasm validate`: what keeps a module from running is found before it is submitted."""

from __future__ import annotations

import pytest
import wasmtime

WASI = "wasi_snapshot_preview1"


@pytest.fixture
def validate(offline, tmp_path):
    def run(text, *flags):
        (tmp_path / "m.wasm").write_bytes(text if isinstance(text, bytes) else bytes(wasmtime.wat2wasm(text)))
        result = offline("wasm", "validate", *flags, str(tmp_path / "m.wasm"))
        assert result.exit_code == (result.stdout != "OK\n")
        return result.stdout + result.stderr

    return run


def test_a_module_that_can_run_is_ok(validate):
    """WASI's functions may be imported; a module's memory does not matter."""
    exit_ = f'(import "{WASI}" "proc_exit" (func (param i32)))'
    write = f'(import "{WASI}" "fd_write" (func (param i32 i32 i32 i32) (result i32)))'
    assert "OK\n" == validate(f'(module {exit_} {write} (memory (export "memory") 40000) (func (export "_start")))')
    assert "OK\n" == validate('(module (func (export "main")))', "--entry-point", "main")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('(module (import "env" "f" (func)) (func (export "_start")))', "no export found for 'env::f' required"),
        (f'(module (import "{WASI}" "fly" (func)) (func (export "_start")))', f"no export found for '{WASI}::fly'"),
        ('(module (func (export "go")))', "'_start' required but no export found; name another with --entry-point: go"),
        ('(module (memory (export "_start") 1))', "no export found; the module exports no function"),
        ('(module (func (export "_start") (param i32)))', "function '_start' has 1 parameters but it must have none"),
        ('(module (func (export "_start") (result i32) i32.const 1))', "function '_start' has 1 results but it must"),
        (b"", "invalid magic number"),
        (b"\0asm garbage", "invalid module"),
    ],
)  # fmt: skip
def test_the_first_thing_that_is_wrong_is_named(validate, text, error):
    """Exit 1, one line."""
    said = validate(text)
    assert said.startswith("Error: ") and said.count("\n") == 1
    assert error in said


@pytest.mark.parametrize("name", ["none.wasm", "."])
def test_what_is_no_file_is_named(offline, name):
    """Before anything is compiled."""
    assert f"Error: there is no file {name}\n" == offline("wasm", "validate", name).stderr
