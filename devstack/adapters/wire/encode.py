"""Values to JSON objects: keys in Bacalhau's order, left out when empty where Bacalhau leaves them out.

`compat` adds the keys of older documents. Source: http_api reference 4, 5.2 D1 and D2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

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
from devstack.models.node import BuildVersion, ComputeNodeInfo, NodeState
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

Json = dict[str, Any]


class StoredJob(Protocol):
    """What an answer tells of a job; the requester's records have it (adapters do not import the requester)."""

    job: Job
    state: JobState
    message: str
    revision: int
    create_time_ns: int
    modify_time_ns: int


def _present(**pairs: Any) -> Json:
    """The pairs whose value is not empty."""
    return {key: value for key, value in pairs.items() if value}


def _sorted(mapping: Mapping[str, str]) -> Mapping[str, str]:
    return {key: mapping[key] for key in sorted(mapping)}


# ---- jobs --------------------------------------------------------------------------------------------------


def encode_job(record: StoredJob) -> Json:
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
        "State": {"StateType": record.state.text, **_present(Message=record.message)},
        "Version": job.version,
        "Revision": record.revision,
        "CreateTime": record.create_time_ns,
        "ModifyTime": record.modify_time_ns,
    }


def _constraint(constraint: Constraint) -> Json:
    return {"Key": constraint.key, "Operator": constraint.operator, **_present(Values=constraint.values)}


def encode_spec(spec: SpecConfig | None) -> Json:
    """An engine, a publisher, a source or a result; absent ones look like empty ones."""
    if spec is None:
        return {"Type": ""}
    return {"Type": spec.type, "Params": spec.params} if spec.params else {"Type": spec.type}


def _task(task: Task) -> Json:
    encoded: Json = {"Name": task.name, "Engine": encode_spec(task.engine), "Publisher": encode_spec(task.publisher)}
    if task.env:
        encoded["Env"] = _sorted(task.env)
    if task.meta:
        encoded["Meta"] = _sorted(task.meta)
    if task.input_sources:
        encoded["InputSources"] = [_input(source) for source in task.input_sources]
    if task.result_paths:
        encoded["ResultPaths"] = [{"Name": result.name, "Path": result.path} for result in task.result_paths]
    encoded["Resources"] = _resources_config(task.resources)
    encoded["Network"] = _network(task.network)
    encoded["Timeouts"] = _timeouts(task.timeouts)
    return encoded


def _input(source: InputSource) -> Json:
    return {"Source": encode_spec(source.source), "Alias": source.alias, "Target": source.target}


def _resources_config(config: ResourcesConfig) -> Json:
    return _present(CPU=config.cpu, Memory=config.memory, Disk=config.disk, GPU=config.gpu)


def _network(network: Network) -> Json:
    return {"Type": network.type.value, **_present(Domains=network.domains)}


def _timeouts(timeouts: Timeouts) -> Json:
    return _present(ExecutionTimeout=timeouts.execution_s, QueueTimeout=timeouts.queue_s, TotalTimeout=timeouts.total_s)


# ---- executions and history --------------------------------------------------------------------------------


def encode_execution(execution: Execution, *, compat: bool = False) -> Json:
    return {
        "ID": execution.id,
        "Namespace": execution.namespace,
        "EvalID": execution.eval_id,
        "Name": "",
        "NodeID": execution.node_id,
        "JobID": execution.job_id,
        "AllocatedResources": {"Tasks": {}},
        "DesiredState": {"StateType": int(execution.desired), **_present(Message=execution.desired_message)},
        "ComputeState": {"StateType": int(execution.compute), **_present(Message=execution.compute_message)},
        "PublishedResult": None if execution.published_result is None else encode_spec(execution.published_result),
        "RunOutput": None if execution.run_output is None else _run_output(execution.run_output, compat),
        "PreviousExecution": "",
        "NextExecution": "",
        "FollowupEvalID": "",
        "Revision": execution.revision,
        "CreateTime": execution.create_time_ns,
        "ModifyTime": execution.modify_time_ns,
    }


def _run_output(result: RunCommandResult, compat: bool) -> Json:
    encoded: Json = {
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


def encode_entry(entry: JobHistory | ExecutionHistory) -> Json:
    """A history entry; numbers for executions' states, texts for jobs', undefined ones left out."""
    encoded: Json
    if isinstance(entry, JobHistory):
        texts = {"Previous": entry.previous, "New": entry.new}
        states: Json = {key: state.text for key, state in texts.items() if state}
        encoded = {"Type": "JobLevel", "JobID": entry.job_id, "JobState": states}
    else:
        numbers = {"Previous": int(entry.previous), "New": int(entry.new)}
        encoded = {
            "Type": "ExecutionLevel",
            "JobID": entry.job_id,
            **_present(NodeID=entry.node_id, ExecutionID=entry.execution_id),
            "ExecutionState": _present(**numbers),
        }
    encoded["NewRevision"] = entry.new_revision
    if entry.event.message:
        encoded["Comment"] = entry.event.message
    encoded["Event"] = _NO_EVENT if entry.event == NO_EVENT else _event(entry.event)
    encoded["Time"] = rfc3339(entry.time_ns)
    return encoded


_NO_EVENT: Final[Json] = {"Message": "", "Topic": "", "Timestamp": ZERO_TIME}


def _event(event: Event) -> Json:
    encoded: Json = {"Message": event.message, "Topic": event.topic, "Timestamp": rfc3339(event.time_ns)}
    if event.details:
        encoded["Details"] = _sorted(event.details)
    return encoded


# ---- nodes -------------------------------------------------------------------------------------------------


def encode_node(state: NodeState, *, compat: bool = False) -> Json:
    info: Json = {
        "NodeID": state.info.node_id,
        "NodeType": state.info.type.value,
        "Labels": _sorted(state.info.labels),
    }
    if state.info.compute is not None:
        info["ComputeNodeInfo"] = _compute_info(state.info.compute)
    info["BacalhauVersion"] = encode_version(state.info.version)
    encoded: Json = {"Info": info, "Membership": state.membership.value, "Connection": state.connection.value}
    return encoded | {"PeerInfo": {"ID": state.info.node_id, "Addrs": []}, **info} if compat else encoded


def _compute_info(info: ComputeNodeInfo) -> Json:
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


def encode_resources(resources: Resources) -> Json:
    """Cores as a number (whole ones without a point), sizes in bytes; zeros are left out."""
    millis = resources.cpu_millis
    return _present(
        CPU=millis / 1000 if millis % 1000 else millis // 1000,
        Memory=resources.memory_bytes,
        Disk=resources.disk_bytes,
        GPU=resources.gpu,
        GPUs=[_gpu(device) for device in resources.gpus],
    )


def _gpu(device: Gpu) -> Json:
    return {
        "Index": device.index,
        "Name": device.name,
        "Vendor": device.vendor,
        "Memory": device.memory_mib,
        "PCIAddress": device.pci_address,
    }


def encode_version(version: BuildVersion) -> Json:
    return {
        **_present(Major=version.major, Minor=version.minor),
        "GitVersion": version.git_version,
        "GitCommit": version.git_commit,
        "BuildDate": version.build_date,
        "GOOS": version.goos,
        "GOARCH": version.goarch,
    }
