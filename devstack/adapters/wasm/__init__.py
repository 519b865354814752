"""The wasm engine: real modules on wasmtime, repeatable to the last unit of fuel.

executor.py    the engine, under trio
run.py         one run of a task, whoever lets its time pass
spec.py        what the task's Params say
filesystem.py  the folder that the module sees as `/`
pace.py        how time passes for guests: real or virtual
drive.py       from the guest's thread to trio, and its certain end
program.py     what a guest runs
guest.py       the running module: a thread that stops at each sleep and at its end
linking.py     the entry module, its import modules, and who imports what
modules.py     compiled modules, kept by content
wasi.py        clock, sleep, randomness and exit as the module sees them
validation.py  whether a module could run alone
traps.py       what a trap is called
engine.py      the one wasmtime engine of this process
host.py        what these functions ask of the guest that calls them

Only drive, engine, guest, linking, modules, traps, validation and wasi need wasmtime; they are imported with the first
run.
"""

from devstack.adapters.wasm.executor import DEFAULT_FUEL_LIMIT, WasmExecutor
from devstack.adapters.wasm.pace import Pace, TrioPace

__all__ = ["DEFAULT_FUEL_LIMIT", "Pace", "TrioPace", "WasmExecutor"]
