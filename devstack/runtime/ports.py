"""What the runtime needs of the outside world; each adapter fulfils one of these.

Every method may raise AdapterError: its message is what the client reads. A cancelled call must leave nothing
behind: an executor kills its program, a storage removes what it fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import attrs

from devstack.compute.bidding import Answer
from devstack.models.execution import RunCommandResult
from devstack.models.job import InputSource, Job, SpecConfig, Task
from devstack.models.resources import Resources

__all__ = ["STDERR", "STDOUT", "Executor", "Output", "PreparedInput", "Probe", "Publisher", "RunRequest", "Storage"]

STDOUT = 1
STDERR = 2


@attrs.frozen
class PreparedInput:
    """An input that is here: a file or directory at `path`, wanted at `target` inside.

    `target` is the place for containers. `input_target` is the InputSource's own Target. They differ only for a URL
    input, which is the file `Target/<name>`.
    """

    path: Path
    target: str
    alias: str = ""
    read_only: bool = True
    input_target: str = ""
    keep: bool = False  # The path is the user's own: never remove it.


@attrs.frozen
class RunRequest:
    """Everything an engine needs to run one execution.

    `environment` is the task's environment with the system's variables (BACALHAU_JOB_ID, ...) already merged in.
    `modules` are the prepared wasm modules: first the entry module, then the import modules in order.
    """

    stack_id: str
    node_id: str
    execution_id: str
    job: Job
    resources: Resources
    results_dir: Path
    inputs: tuple[PreparedInput, ...] = ()
    modules: tuple[PreparedInput, ...] = ()
    environment: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def task(self) -> Task:
        return self.job.task


class Output(Protocol):
    """Where an engine puts what the program writes; may be called from any thread."""

    def write(self, stream: int, data: bytes) -> None:
        """Take bytes of STDOUT or STDERR, in the order they were written."""

    def result(self, exit_code: int, error_msg: str = "") -> RunCommandResult:
        """The run's result with what was written so far; call it once, at the end."""


class Executor(Protocol):
    @property
    def key(self) -> str:
        """The provider key, in lower case."""

    async def unavailable_reason(self) -> str:
        """Empty if the engine can be used; else why not, in one line."""

    async def assess(self, task: Task, resources: Resources) -> str:
        """Why this node will not run the task, as a phrase for `this node does not ...`; empty if it will.

        Raises:
            AdapterError: the question could not be answered; the bid fails with its message and hint.
        """

    async def run(self, request: RunRequest, output: Output) -> RunCommandResult:
        """Run the program to its end; cancelling this call kills it.

        A program that ends is a result whatever its exit code; one that could not be run, or was ended by its
        limits, is a result with `error_msg`.
        """


class Storage(Protocol):
    @property
    def key(self) -> str:
        """The provider key, in lower case."""

    async def size_bytes(self, source: SpecConfig) -> int:
        """How much room the input will take."""

    async def has_locally(self, source: SpecConfig) -> bool:
        """Whether the input needs no download."""

    async def prepare(self, source: InputSource, directory: Path) -> PreparedInput:
        """Bring the input here, below `directory` (which exists and is this input's own)."""


class Publisher(Protocol):
    @property
    def key(self) -> str:
        """The provider key, in lower case."""

    async def publish(
        self, spec: SpecConfig, execution_id: str, job_id: str, node_id: str, results_dir: Path
    ) -> SpecConfig:
        """Publish the folder; the answer says where it can be had."""


class Probe(Protocol):
    """Somebody else who decides whether a node takes a job."""

    async def ask(self, node_id: str, job: Job) -> Answer:
        """Whether the node takes it, waits, and the whole reason."""
