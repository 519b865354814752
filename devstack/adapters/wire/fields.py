"""Which field of a request body is which of ours: the tables, and one function for each kind of body."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import attrs

from devstack.adapters.wire.decoder import FLAT, INT, PARAMS, TEXT, UINT64, Reader, Struct, array, decode, integer
from devstack.adapters.wire.text import UnreadableError
from devstack.models.job import (
    Constraint,
    InputSource,
    Job,
    JobState,
    Network,
    NetworkType,
    ResourcesConfig,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)

__all__ = ["NodeAction", "decode_job", "decode_login", "decode_node_action", "decode_stop", "decode_submit"]

_TEXTS: Final = array("[]string", TEXT, "")
_INT64: Final = integer("int64", -(2**63), 2**63 - 1)
_NETWORKS: Final = {kind.value.lower(): kind for kind in NetworkType}
_STATES: Final = {state.text.lower(): state for state in JobState}


def _network_type(value: Any) -> NetworkType:
    text = TEXT(value)
    try:
        return _NETWORKS[text.lower()]
    except KeyError:
        raise UnreadableError(f"models.Network: unknown type '{text}': use None, Full or HTTP") from None


def _state_type(value: Any) -> JobState:
    """A name that is no state counts as Undefined. Source: http_api reference 1.4."""
    return _STATES.get(TEXT(value).lower(), JobState.UNDEFINED)


_SPEC: Final = Struct("models.SpecConfig", SpecConfig, {"Type": ("type", TEXT), "Params": ("params", PARAMS)})
_INPUT: Final = Struct(
    "models.InputSource",
    InputSource,
    {"Source": ("source", _SPEC), "Alias": ("alias", TEXT), "Target": ("target", TEXT)},
)
_RESULT_PATH: Final = Struct("models.ResultPath", ResultPath, {"Name": ("name", TEXT), "Path": ("path", TEXT)})
_RESOURCES: Final = Struct(
    "models.ResourcesConfig",
    ResourcesConfig,
    {"CPU": ("cpu", TEXT), "Memory": ("memory", TEXT), "Disk": ("disk", TEXT), "GPU": ("gpu", TEXT)},
)
_NETWORK: Final = Struct(
    "models.NetworkConfig", Network, {"Type": ("type", _network_type), "Domains": ("domains", _TEXTS)}
)
_TIMEOUTS: Final = Struct(
    "models.TimeoutConfig",
    Timeouts,
    {
        "ExecutionTimeout": ("execution_s", _INT64),
        "QueueTimeout": ("queue_s", _INT64),
        "TotalTimeout": ("total_s", _INT64),
    },
)
_CONSTRAINT: Final = Struct(
    "models.LabelSelectorRequirement",
    Constraint,
    {"Key": ("key", TEXT), "Operator": ("operator", TEXT), "Values": ("values", _TEXTS)},
)
_TASK: Final = Struct(
    "models.Task",
    Task,
    {
        "Name": ("name", TEXT),
        "Engine": ("engine", _SPEC),
        "Publisher": ("publisher", _SPEC),
        "Env": ("env", FLAT),
        "Meta": ("meta", FLAT),
        "InputSources": ("input_sources", array("[]*models.InputSource", _INPUT, InputSource())),
        "ResultPaths": ("result_paths", array("[]*models.ResultPath", _RESULT_PATH, ResultPath())),
        "Resources": ("resources", _RESOURCES),
        "Network": ("network", _NETWORK),
        "Timeouts": ("timeouts", _TIMEOUTS),
    },
)
_STATE: Final = Struct(
    "models.State",
    lambda state=JobState.UNDEFINED, message="": state,
    {"StateType": ("state", _state_type), "Message": ("message", TEXT)},
)
_JOB: Final = Struct(
    "models.Job",
    Job,
    {
        "ID": ("id", TEXT),
        "Name": ("name", TEXT),
        "Namespace": ("namespace", TEXT),
        "Type": ("type", TEXT),
        "Priority": ("priority", INT),
        "Count": ("count", INT),
        "Constraints": ("constraints", array("[]*models.LabelSelectorRequirement", _CONSTRAINT, Constraint())),
        "Meta": ("meta", FLAT),
        "Labels": ("labels", FLAT),
        "Tasks": ("tasks", array("[]*models.Task", _TASK, None)),
        "State": ("state", _STATE),
        "Version": ("version", UINT64),
        "Revision": ("revision", UINT64),
        "CreateTime": ("create_time_ns", _INT64),
        "ModifyTime": ("modify_time_ns", _INT64),
    },
)


@attrs.frozen
class NodeAction:
    """What to do with a node (`approve`, `reject`, `delete`), and why."""

    action: str = ""
    message: str = ""


def _only(name: str, key: str, reader: Reader, default: Any) -> Struct:
    """A body of which one key counts."""
    return Struct(f"apimodels.{name}", lambda value=default: value, {key: ("value", reader)})


_SUBMIT: Final = _only("PutJobRequest", "Job", _JOB, None)
_STOP: Final = _only("StopJobRequest", "reason", TEXT, "")
_LOGIN: Final = _only("AuthnRequest", "MethodData", TEXT, "")
_NODE_ACTION: Final = Struct(
    "apimodels.PutNodeRequest", NodeAction, {"Action": ("action", TEXT), "Message": ("message", TEXT)}
)


def decode_job(body: bytes) -> Job | None:
    """The job of a text that holds nothing else; None for null."""
    job: Job | None = decode(_JOB, body)
    return job


def decode_submit(body: bytes) -> Job | None:
    """The job of a submission; None where it is null or missing."""
    job: Job | None = decode(_SUBMIT, body)
    return job


def decode_stop(body: bytes) -> str:
    """The reason for a stop; empty where there is none."""
    return decode(_STOP, body) or ""


def decode_node_action(body: bytes) -> NodeAction:
    return decode(_NODE_ACTION, body) or NodeAction()


def decode_login(body: bytes) -> bytes:
    """What the client answers to a login method, still as that method's own JSON."""
    text: str = decode(_LOGIN, body) or ""
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        # Where only the end is missing, Go names the group of four that lacks it.
        place = next((i for i, byte in enumerate(text.encode()) if byte not in alphabet), len(text) // 4 * 4)
        raise UnreadableError(f"illegal base64 data at input byte {place}") from None
