"""The shapes of answers: what `encode` makes, and what the API's document says of it.

Keys are spelled as on the wire. `NotRequired` ones are left out when empty, or belong to `compat-keys`. A text beside a
type is its description; an enumeration beside it lists the values. Source: http_api reference 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypedDict

from devstack.models import execution, job, node

__all__ = [
    "ComputeNodeInfoJson",
    "ComputedJson",
    "ConstraintJson",
    "DesiredJson",
    "EventJson",
    "ExecutionChangeJson",
    "ExecutionJson",
    "GpuJson",
    "HistoryItemJson",
    "InputSourceJson",
    "JobChangeJson",
    "JobJson",
    "NetworkJson",
    "NodeInfoJson",
    "NodeJson",
    "PeerInfoJson",
    "ResourcesConfigJson",
    "ResourcesJson",
    "ResultPathJson",
    "RunOutputJson",
    "SpecJson",
    "StateJson",
    "TaskJson",
    "TasksJson",
    "TimeoutsJson",
    "VersionJson",
]

Nanoseconds = Annotated[int, "nanoseconds since 1970"]
Bytes = Annotated[int, "bytes"]
Rfc3339 = Annotated[str, "RFC 3339, with up to nine digits of a second"]
Texts = Mapping[str, str]

# ---- jobs --------------------------------------------------------------------------------------------------


class SpecJson(TypedDict):
    """An engine, a publisher, a source or a result."""

    Type: str
    Params: NotRequired[Mapping[str, Any]]


class InputSourceJson(TypedDict):
    Source: SpecJson
    Alias: str
    Target: Annotated[str, "the path that the program finds it at"]


class ResultPathJson(TypedDict):
    Name: str
    Path: str


class ResourcesConfigJson(TypedDict):
    """What a task asks for, as texts with units: `500m`, `1gb`."""

    CPU: NotRequired[str]
    Memory: NotRequired[str]
    Disk: NotRequired[str]
    GPU: NotRequired[str]


class NetworkJson(TypedDict):
    Type: Annotated[str, job.NetworkType]
    Domains: NotRequired[Sequence[str]]


class TimeoutsJson(TypedDict):
    """In seconds."""

    ExecutionTimeout: NotRequired[int]
    QueueTimeout: NotRequired[int]
    TotalTimeout: NotRequired[int]


class TaskJson(TypedDict):
    Name: str
    Engine: SpecJson
    Publisher: SpecJson
    Env: NotRequired[Texts]
    Meta: NotRequired[Texts]
    InputSources: NotRequired[Sequence[InputSourceJson]]
    ResultPaths: NotRequired[Sequence[ResultPathJson]]
    Resources: ResourcesConfigJson
    Network: NetworkJson
    Timeouts: TimeoutsJson


class ConstraintJson(TypedDict):
    Key: str
    Operator: str
    Values: NotRequired[Sequence[str]]


class StateJson(TypedDict):
    StateType: Annotated[str, job.JobState]
    Message: NotRequired[str]


class JobJson(TypedDict):
    ID: str
    Name: str
    Namespace: str
    Type: Annotated[str, job.JobType.ALL]
    Priority: int
    Count: int
    Constraints: Sequence[ConstraintJson]
    Meta: Texts
    Labels: Texts
    Tasks: Sequence[TaskJson]
    State: StateJson
    Version: int
    Revision: int
    CreateTime: Nanoseconds
    ModifyTime: Nanoseconds


# ---- executions and history --------------------------------------------------------------------------------


class TasksJson(TypedDict):
    Tasks: Mapping[str, Any]


class DesiredJson(TypedDict):
    StateType: Annotated[int, execution.DesiredState]
    Message: NotRequired[str]


class ComputedJson(TypedDict):
    StateType: Annotated[int, execution.ComputeState]
    Message: NotRequired[str]


class RunOutputJson(TypedDict):
    """What a program wrote, each stream cut at 2048 bytes. The keys from `stdout` on are copies for older clients."""

    Stdout: str
    StdoutTruncated: bool
    stderr: str
    StderrTruncated: bool
    ExitCode: int
    ErrorMsg: str
    stdout: NotRequired[str]
    stdouttruncated: NotRequired[bool]
    stderrtruncated: NotRequired[bool]
    exitCode: NotRequired[int]
    runnerError: NotRequired[str]


class ExecutionJson(TypedDict):
    """One attempt of a job on one node."""

    ID: str
    Namespace: str
    EvalID: str
    Name: str
    NodeID: str
    JobID: str
    AllocatedResources: TasksJson
    DesiredState: DesiredJson
    ComputeState: ComputedJson
    PublishedResult: SpecJson | None
    RunOutput: RunOutputJson | None
    PreviousExecution: str
    NextExecution: str
    FollowupEvalID: str
    Revision: int
    CreateTime: Nanoseconds
    ModifyTime: Nanoseconds


class JobChangeJson(TypedDict):
    Previous: NotRequired[Annotated[str, job.JobState]]
    New: NotRequired[Annotated[str, job.JobState]]


class ExecutionChangeJson(TypedDict):
    Previous: NotRequired[Annotated[int, execution.ComputeState]]
    New: NotRequired[Annotated[int, execution.ComputeState]]


class EventJson(TypedDict):
    Message: str
    Topic: str
    Timestamp: Rfc3339
    Details: NotRequired[Texts]


class HistoryItemJson(TypedDict):
    """A change of a job (`JobLevel`, with JobState) or of an execution (`ExecutionLevel`, with ExecutionState)."""

    Type: str
    JobID: str
    NodeID: NotRequired[str]
    ExecutionID: NotRequired[str]
    JobState: NotRequired[JobChangeJson]
    ExecutionState: NotRequired[ExecutionChangeJson]
    NewRevision: int
    Comment: NotRequired[str]
    Event: EventJson
    Time: Rfc3339


# ---- nodes -------------------------------------------------------------------------------------------------


class GpuJson(TypedDict):
    Index: int
    Name: str
    Vendor: str
    Memory: Annotated[int, "MiB"]
    PCIAddress: str


class ResourcesJson(TypedDict):
    CPU: NotRequired[Annotated[float, "cores"]]
    Memory: NotRequired[Bytes]
    Disk: NotRequired[Bytes]
    GPU: NotRequired[int]
    GPUs: NotRequired[Sequence[GpuJson]]


class ComputeNodeInfoJson(TypedDict):
    ExecutionEngines: Sequence[str]
    Publishers: Sequence[str]
    StorageSources: Sequence[str]
    MaxCapacity: ResourcesJson
    QueueCapacity: Annotated[ResourcesJson, "what waits in the queue"]
    AvailableCapacity: ResourcesJson
    MaxJobRequirements: ResourcesJson
    RunningExecutions: int
    EnqueuedExecutions: int


class VersionJson(TypedDict):
    Major: NotRequired[str]
    Minor: NotRequired[str]
    GitVersion: str
    GitCommit: str
    BuildDate: Rfc3339
    GOOS: str
    GOARCH: str


class NodeInfoJson(TypedDict):
    NodeID: str
    NodeType: Annotated[str, node.NodeType]
    Labels: Texts
    ComputeNodeInfo: NotRequired[ComputeNodeInfoJson]
    BacalhauVersion: VersionJson


class PeerInfoJson(TypedDict):
    ID: str
    Addrs: Sequence[str]


class NodeJson(TypedDict):
    """A node. The keys from `PeerInfo` on are copies for older clients."""

    Info: NodeInfoJson
    Membership: Annotated[str, node.Membership]
    Connection: Annotated[str, node.Connection]
    PeerInfo: NotRequired[PeerInfoJson]
    NodeID: NotRequired[str]
    NodeType: NotRequired[Annotated[str, node.NodeType]]
    Labels: NotRequired[Texts]
    ComputeNodeInfo: NotRequired[ComputeNodeInfoJson]
    BacalhauVersion: NotRequired[VersionJson]
