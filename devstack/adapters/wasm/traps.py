"""What a trap is called. Source: compute reference 6, "Exit": `wasm error: <what>`, then the stack of functions."""

from __future__ import annotations

from typing import Final

import wasmtime

__all__ = ["OutOfFuel", "trap_text"]

_Code: Final = wasmtime.TrapCode
_WORDS: Final = {
    _Code.UNREACHABLE: "unreachable",
    _Code.MEMORY_OUT_OF_BOUNDS: "out of bounds memory access",
    _Code.TABLE_OUT_OF_BOUNDS: "invalid table access",
    _Code.INDIRECT_CALL_TO_NULL: "invalid table access",
    _Code.BAD_SIGNATURE: "indirect call type mismatch",
    _Code.INTEGER_OVERFLOW: "integer overflow",
    _Code.INTEGER_DIVISION_BY_ZERO: "integer divide by zero",
    _Code.BAD_CONVERSION_TO_INTEGER: "invalid conversion to integer",
    _Code.STACK_OVERFLOW: "stack overflow",
}


class OutOfFuel(Exception):
    """The trap means that the fuel is used up, which is not the program's fault."""


def trap_text(error: wasmtime.Trap | wasmtime.WasmtimeError) -> str:
    """The trap in Bacalhau's words.

    Raises:
        OutOfFuel: it is none of the program's traps.
    """
    if not isinstance(error, wasmtime.Trap):
        return f"wasm error: {_one_line(str(error))}"
    if error.trap_code is _Code.OUT_OF_FUEL:
        raise OutOfFuel
    what = _WORDS.get(error.trap_code) if error.trap_code else None
    lines = [f"\t{_frame_text(frame)}" for frame in error.frames]  # At most 20: wasmtime keeps no more.
    return "\n".join([f"wasm error: {what or _one_line(error.message)}", "wasm stack trace:", *lines])


def _frame_text(frame: wasmtime.Frame) -> str:
    return f"{frame.module_name or ''}.{frame.func_name or f'${frame.func_index}'}()"


def _one_line(text: str) -> str:
    """The last line says what it is; the lines before it are wasmtime's own stack trace."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "unknown"
