"""What a person submits: a Job and everything inside it, as values.

Field names are snake_case here and Bacalhau's on the wire; `adapters/wire.py` maps between the two.
The values are frozen: what changes while a job lives (state, revision) is in `orchestrator.store.JobRecord`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Any, Final

import attrs

__all__ = [
    "LONG_RUNNING",
    "RESERVED_META_PREFIX",
    "Constraint",
    "InputSource",
    "Job",
    "JobState",
    "JobType",
    "Network",
    "NetworkType",
    "ResourcesConfig",
    "ResultPath",
    "SpecConfig",
    "Task",
    "Timeouts",
]


class JobType:
    """The four kinds of job, spelled as on the wire (a type that is none of them is a validation error)."""

    BATCH: Final = "batch"
    OPS: Final = "ops"
    SERVICE: Final = "service"
    DAEMON: Final = "daemon"
    ALL: Final = (BATCH, SERVICE, OPS, DAEMON)


LONG_RUNNING: Final = frozenset({JobType.SERVICE, JobType.DAEMON})
RESERVED_META_PREFIX: Final = "bacalhau.org/"


class JobState(IntEnum):
    """Where a job stands. Text on the wire. Source: orchestrator reference 2.1."""

    UNDEFINED = 0
    PENDING = 1
    QUEUED = 2
    RUNNING = 3
    COMPLETED = 4
    FAILED = 5
    STOPPED = 6

    @property
    def is_terminal(self) -> bool:
        return self >= JobState.COMPLETED

    @property
    def text(self) -> str:
        return self._name_.capitalize()  # `name` is looked up by a call in Python; every plan is noted with this.


class NetworkType(Enum):
    """How a task may use the network; the value is the exact wire text."""

    NONE = "None"
    FULL = "Full"
    HTTP = "HTTP"


@attrs.frozen
class SpecConfig:
    """A typed bag of parameters: an engine, a publisher, a source, or a published result."""

    type: str = ""
    params: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def key(self) -> str:
        """The type as it is compared: trimmed and lower case."""
        return self.type.strip().lower()

    @property
    def is_empty(self) -> bool:
        return not self.type and not self.params

    def param(self, name: str, default: Any = None) -> Any:
        """The parameter of that name in any case; null counts as absent."""
        value = self.params.get(name)
        if value is None:
            wanted = name.lower()
            value = next((v for k, v in self.params.items() if k.lower() == wanted and v is not None), None)
        return default if value is None else value


@attrs.frozen
class InputSource:
    source: SpecConfig | None = None
    alias: str = ""
    target: str = ""


@attrs.frozen
class ResultPath:
    name: str = ""
    path: str = ""


@attrs.frozen
class ResourcesConfig:
    """Wanted resources as text; `models.resources.parse` makes numbers of them."""

    cpu: str = ""
    memory: str = ""
    disk: str = ""
    gpu: str = ""


@attrs.frozen
class Network:
    type: NetworkType = NetworkType.NONE
    domains: tuple[str, ...] = ()


@attrs.frozen
class Timeouts:
    """Seconds, as in the job file; zero means none."""

    execution_s: int = 0
    queue_s: int = 0
    total_s: int = 0

    @property
    def effective_execution_s(self) -> int:
        """The execution timeout, or the total timeout where none is given. Source: reference 1.7."""
        return self.execution_s if self.execution_s > 0 else self.total_s


@attrs.frozen
class Constraint:
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.key} {self.operator} {'|'.join(self.values)}".rstrip()


@attrs.frozen
class Task:
    name: str = ""
    engine: SpecConfig | None = None
    publisher: SpecConfig | None = None
    env: Mapping[str, str] = attrs.field(factory=dict)
    meta: Mapping[str, str] = attrs.field(factory=dict)
    input_sources: tuple[InputSource, ...] = ()
    result_paths: tuple[ResultPath, ...] = ()
    resources: ResourcesConfig = ResourcesConfig()
    network: Network = Network()
    timeouts: Timeouts = Timeouts()


@attrs.frozen
class Job:
    """One submitted job. `state` to `modify_time_ns` hold only what the submitter sent (they draw warnings)."""

    id: str = ""
    name: str = ""
    namespace: str = ""
    type: str = ""
    priority: int = 0
    count: int | None = None  # None: not given; normalising decides what that means.
    constraints: tuple[Constraint, ...] = ()
    meta: Mapping[str, str] = attrs.field(factory=dict)
    labels: Mapping[str, str] = attrs.field(factory=dict)
    tasks: tuple[Task | None, ...] = ()
    state: JobState = JobState.UNDEFINED
    version: int = 0
    revision: int = 0
    create_time_ns: int = 0
    modify_time_ns: int = 0

    @property
    def task(self) -> Task:
        """The one effective task of a validated job."""
        task = self.tasks[0]
        assert task is not None  # validation refuses a null task
        return task

    @property
    def wanted(self) -> int:
        """Count as a number: how many executions are wanted (batch, service)."""
        return self.count or 0

    @property
    def is_long_running(self) -> bool:
        return self.type in LONG_RUNNING
