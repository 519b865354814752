"""Values to JSON objects: keys in Bacalhau's order, left out when empty where Bacalhau leaves them out.

`compat` adds the keys of older documents. Source: http_api reference 4, 5.2 D1 and D2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar, cast

from devstack.adapters.wire.shapes import (
    ComputedJson,
    ComputeNodeInfoJson,
    ConstraintJson,
    DesiredJson,
    EventJson,
    ExecutionChangeJson,
    ExecutionJson,
    GpuJson,
    HistoryItemJson,
    InputSourceJson,
    JobChangeJson,
    JobJson,
    NetworkJson,
    NodeInfoJson,
    NodeJson,
    ResourcesConfigJson,
    ResourcesJson,
    RunOutputJson,
    SpecJson,
    StateJson,
    TaskJson,
    TimeoutsJson,
    VersionJson,
)
from devstack.models.event import NO_EVENT, Event
from devstack.models.execution import Execution, RunCommandResult
from devstack.models.gotext import ZERO_TIME, rfc3339
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.job import (
    Constraint,
    InputSource,
    Job,
    JobState,
    Network,
    ResourcesConfig,
    SpecConfig,
    Task,
    Timeouts,
)
from devstack.models.node import BuildVersion, ComputeNodeInfo, NodeInfo, NodeState
from devstack.models.resources import Gpu, Resources

__all__ = [
    "StoredJob",
    "encode_entry",
    "encode_execution",
    "encode_job",
    "encode_node",
    "encode_resources",
    "encode_spec",
    "encode_version",
]


_Shape = TypeVar("_Shape", bound=Mapping[str, Any])


class StoredJob(Protocol):
    """What an answer tells of a job; the requester's records have it (adapters do not import the requester)."""

    job: Job
    state: JobState
    message: str
    revision: int
    create_time_ns: int
    modify_time_ns: int


def _lean(encoded: _Shape, *optional: str) -> _Shape:
    """The same without those optional keys that are empty; all keys are optional if none is named."""
    plain: dict[str, Any] = cast(dict[str, Any], encoded)
    for key in optional or tuple(plain):
        if not plain[key]:
            del plain[key]
    return encoded


def _sorted(mapping: Mapping[str, str]) -> Mapping[str, str]:
    return {key: mapping[key] for key in sorted(mapping)}


# ---- jobs --------------------------------------------------------------------------------------------------


def encode_job(record: StoredJob) -> JobJson:
    job = record.job
    return {
        "ID": job.id,
        "Name": job.name,
        "Namespace": job.namespace,
        "Type": job.type,
        "Priority": job.priority,
        "Count": job.wanted,
        "Constraints": [_constraint(constraint) for constraint in job.constraints],
        "Meta": _sorted(job.meta),
        "Labels": _sorted(job.labels),
        "Tasks": [_task(task) for task in job.tasks if task is not None],
        "State": _lean(StateJson(StateType=record.state.text, Message=record.message), "Message"),
        "Version": job.version,
        "Revision": record.revision,
        "CreateTime": record.create_time_ns,
        "ModifyTime": record.modify_time_ns,
    }


def _constraint(constraint: Constraint) -> ConstraintJson:
    return _lean(ConstraintJson(Key=constraint.key, Operator=constraint.operator, Values=constraint.values), "Values")


def encode_spec(spec: SpecConfig | None) -> SpecJson:
    """An engine, a publisher, a source or a result; absent ones look like empty ones."""
    if spec is None:
        return {"Type": ""}
    return {"Type": spec.type, "Params": spec.params} if spec.params else {"Type": spec.type}


def _task(task: Task) -> TaskJson:
    return _lean(
        TaskJson(
            Name=task.name,
            Engine=encode_spec(task.engine),
            Publisher=encode_spec(task.publisher),
            Env=_sorted(task.env),
            Meta=_sorted(task.meta),
            InputSources=[_input(source) for source in task.input_sources],
            ResultPaths=[{"Name": result.name, "Path": result.path} for result in task.result_paths],
            Resources=_resources_config(task.resources),
            Network=_network(task.network),
            Timeouts=_timeouts(task.timeouts),
        ),
        "Env", "Meta", "InputSources", "ResultPaths",
    )  # fmt: skip


def _input(source: InputSource) -> InputSourceJson:
    return {"Source": encode_spec(source.source), "Alias": source.alias, "Target": source.target}


def _resources_config(config: ResourcesConfig) -> ResourcesConfigJson:
    return _lean(ResourcesConfigJson(CPU=config.cpu, Memory=config.memory, Disk=config.disk, GPU=config.gpu))


def _network(network: Network) -> NetworkJson:
    return _lean(NetworkJson(Type=network.type.value, Domains=network.domains), "Domains")


def _timeouts(timeouts: Timeouts) -> TimeoutsJson:
    return _lean(
        TimeoutsJson(
            ExecutionTimeout=timeouts.execution_s,
            QueueTimeout=timeouts.queue_s,
            TotalTimeout=timeouts.total_s,
        )
    )


# ---- executions and history --------------------------------------------------------------------------------


def encode_execution(execution: Execution, *, compat: bool = False) -> ExecutionJson:
    return {
        "ID": execution.id,
        "Namespace": execution.namespace,
        "EvalID": execution.eval_id,
        "Name": "",
        "NodeID": execution.node_id,
        "JobID": execution.job_id,
        "AllocatedResources": {"Tasks": {}},
        "DesiredState": _lean(
            DesiredJson(StateType=int(execution.desired), Message=execution.desired_message), "Message"
        ),
        "ComputeState": _lean(
            ComputedJson(StateType=int(execution.compute), Message=execution.compute_message), "Message"
        ),
        "PublishedResult": None if execution.published_result is None else encode_spec(execution.published_result),
        "RunOutput": None if execution.run_output is None else _run_output(execution.run_output, compat),
        "PreviousExecution": "",
        "NextExecution": "",
        "FollowupEvalID": "",
        "Revision": execution.revision,
        "CreateTime": execution.create_time_ns,
        "ModifyTime": execution.modify_time_ns,
    }


def _run_output(result: RunCommandResult, compat: bool) -> RunOutputJson:
    encoded: RunOutputJson = {
        "Stdout": result.stdout,
        "StdoutTruncated": result.stdout_truncated,
        "stderr": result.stderr,
        "StderrTruncated": result.stderr_truncated,
        "ExitCode": result.exit_code,
        "ErrorMsg": result.error_msg,
    }
    if compat:
        encoded |= {
            "stdout": result.stdout,
            "stdouttruncated": result.stdout_truncated,
            "stderrtruncated": result.stderr_truncated,
            "exitCode": result.exit_code,
            "runnerError": result.error_msg,
        }
    return encoded


def encode_entry(entry: JobHistory | ExecutionHistory) -> HistoryItemJson:
    """A history entry; numbers for executions' states, texts for jobs', undefined ones left out."""
    event: EventJson = _NO_EVENT if entry.event == NO_EVENT else _event(entry.event)
    if isinstance(entry, JobHistory):
        return _lean(
            HistoryItemJson(
                Type="JobLevel",
                JobID=entry.job_id,
                JobState=_lean(JobChangeJson(Previous=_known(entry.previous), New=_known(entry.new))),
                NewRevision=entry.new_revision,
                Comment=entry.event.message,
                Event=event,
                Time=rfc3339(entry.time_ns),
            ),
            "Comment",
        )
    return _lean(
        HistoryItemJson(
            Type="ExecutionLevel",
            JobID=entry.job_id,
            NodeID=entry.node_id,
            ExecutionID=entry.execution_id,
            ExecutionState=_lean(ExecutionChangeJson(Previous=int(entry.previous), New=int(entry.new))),
            NewRevision=entry.new_revision,
            Comment=entry.event.message,
            Event=event,
            Time=rfc3339(entry.time_ns),
        ),
        "NodeID", "ExecutionID", "Comment",
    )  # fmt: skip


def _known(state: JobState) -> str:
    return state.text if state else ""


_NO_EVENT: Final[EventJson] = {"Message": "", "Topic": "", "Timestamp": ZERO_TIME}


def _event(event: Event) -> EventJson:
    return _lean(
        EventJson(
            Message=event.message,
            Topic=event.topic,
            Timestamp=rfc3339(event.time_ns),
            Details=_sorted(event.details),
        ),
        "Details",
    )


# ---- nodes -------------------------------------------------------------------------------------------------


def encode_node(state: NodeState, *, compat: bool = False) -> NodeJson:
    info = _node_info(state.info)
    encoded: NodeJson = {"Info": info, "Membership": state.membership.value, "Connection": state.connection.value}
    return {**encoded, "PeerInfo": {"ID": state.info.node_id, "Addrs": []}, **info} if compat else encoded


def _node_info(info: NodeInfo) -> NodeInfoJson:
    return _lean(
        NodeInfoJson(
            NodeID=info.node_id,
            NodeType=info.type.value,
            Labels=_sorted(info.labels),
            # One that does not compute has no such key.
            ComputeNodeInfo=_compute_info(info.compute) if info.compute else cast(ComputeNodeInfoJson, None),
            BacalhauVersion=encode_version(info.version),
        ),
        "ComputeNodeInfo",
    )


def _compute_info(info: ComputeNodeInfo) -> ComputeNodeInfoJson:
    return {
        "ExecutionEngines": info.engines,
        "Publishers": info.publishers,
        "StorageSources": info.sources,
        "MaxCapacity": encode_resources(info.max_capacity),
        "QueueCapacity": encode_resources(info.queue_used),
        "AvailableCapacity": encode_resources(info.available),
        "MaxJobRequirements": encode_resources(info.max_job),
        "RunningExecutions": info.running,
        "EnqueuedExecutions": info.enqueued,
    }


def encode_resources(resources: Resources) -> ResourcesJson:
    """Cores as a number (whole ones without a point), sizes in bytes; zeros are left out."""
    millis = resources.cpu_millis
    return _lean(
        ResourcesJson(
            CPU=millis / 1000 if millis % 1000 else millis // 1000,
            Memory=resources.memory_bytes,
            Disk=resources.disk_bytes,
            GPU=resources.gpu,
            GPUs=[_gpu(device) for device in resources.gpus],
        )
    )


def _gpu(device: Gpu) -> GpuJson:
    return {
        "Index": device.index,
        "Name": device.name,
        "Vendor": device.vendor,
        "Memory": device.memory_mib,
        "PCIAddress": device.pci_address,
    }


def encode_version(version: BuildVersion) -> VersionJson:
    return _lean(
        VersionJson(
            Major=version.major,
            Minor=version.minor,
            GitVersion=version.git_version,
            GitCommit=version.git_commit,
            BuildDate=version.build_date,
            GOOS=version.goos,
            GOARCH=version.goarch,
        ),
        "Major",
        "Minor",
    )
