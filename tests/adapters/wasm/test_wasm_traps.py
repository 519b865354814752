"""What traps are called (compute reference 6, "Exit")."""

import subprocess
import sys

import pytest

ONE_TABLE = "(table 1 funcref)"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("(drop (i32.load (i32.const -1)))", "out of bounds memory access"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "integer overflow"),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", "invalid conversion to integer"),
        ("(call_indirect (i32.const 0))", "invalid table access"),
        ("(call_indirect (i32.const 9))", "invalid table access"),
        ("(call_indirect (param i32) (i32.const 1) (i32.const 0))", "invalid table access"),
        ("(call $main)", "stack overflow"),
    ],
)
async def test_a_trap_has_its_words(bench, program, body, words):
    """The same words as on a real node."""
    ran = await bench.run(program(body, ONE_TABLE))
    assert (1, f"wasm error: {words}") == (ran.result.exit_code, ran.result.error_msg.splitlines()[0])


async def test_a_long_stack_is_cut(bench, program):
    """Only the innermost functions are told."""
    ran = await bench.run(program("(call $main)"))
    lines = ran.result.error_msg.splitlines()
    assert ("\ttest.main()", 22) == (lines[-1], len(lines))


async def test_a_function_without_a_name_has_its_number(bench):
    """Stripped modules have no names."""
    ran = await bench.run('(module (func) (func (export "_start") unreachable))')
    assert "\t.$1()" == ran.result.error_msg.splitlines()[-1]


def test_a_trap_does_no_harm_when_somebody_takes_the_signal_handlers_later():
    """`faulthandler`, as pytest enables it for each session, comes between a trap by signal and its handler."""
    script = """
import faulthandler
from devstack.scenario import batch, run, scenario, wasm

@scenario(nodes=1)
async def traps(cluster):
    job = await cluster.submit(batch(wasm('(module (func (export "_start") unreachable))')))
    await job.wait("Failed", within="1h")

assert run(traps).is_passed
faulthandler.enable()
assert run(traps).is_passed
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
