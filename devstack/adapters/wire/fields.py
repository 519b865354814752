"""Which field of a request body is which of ours: the tables, one for each kind of body."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, NoReturn

import attrs

from devstack.adapters.wire.decoder import FLAT, INT, INT64, PARAMS, TEXT, UINT64, Array, Reader, Struct, Word, decode
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

__all__ = ["LOGIN", "NODE_ACTION", "STOP", "SUBMIT", "VERSION", "NodeAction", "decode_base64", "decode_job"]

_TEXTS: Final = Array("[]string", TEXT, "")


def _refuse_network(text: str) -> NoReturn:
    raise UnreadableError(f"models.Network: unknown type '{text}': use None, Full or HTTP")


_NETWORK_TYPE: Final = Word({kind.value: kind for kind in NetworkType}, _refuse_network)
# A name that is no state counts as Undefined. Source: http_api reference 1.4.
_STATE_TYPE: Final = Word({state.text: state for state in JobState}, lambda _: JobState.UNDEFINED)

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
    "models.NetworkConfig", Network, {"Type": ("type", _NETWORK_TYPE), "Domains": ("domains", _TEXTS)}
)
_TIMEOUTS: Final = Struct(
    "models.TimeoutConfig",
    Timeouts,
    {
        "ExecutionTimeout": ("execution_s", INT64),
        "QueueTimeout": ("queue_s", INT64),
        "TotalTimeout": ("total_s", INT64),
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
        "InputSources": ("input_sources", Array("[]*models.InputSource", _INPUT, InputSource())),
        "ResultPaths": ("result_paths", Array("[]*models.ResultPath", _RESULT_PATH, ResultPath())),
        "Resources": ("resources", _RESOURCES),
        "Network": ("network", _NETWORK),
        "Timeouts": ("timeouts", _TIMEOUTS),
    },
)
_STATE: Final = Struct(
    "models.State",
    lambda state=JobState.UNDEFINED, message="": state,
    {"StateType": ("state", _STATE_TYPE), "Message": ("message", TEXT)},
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
        "Constraints": ("constraints", Array("[]*models.LabelSelectorRequirement", _CONSTRAINT, Constraint())),
        "Meta": ("meta", FLAT),
        "Labels": ("labels", FLAT),
        "Tasks": ("tasks", Array("[]*models.Task", _TASK, None)),
        "State": ("state", _STATE),
        "Version": ("version", UINT64),
        "Revision": ("revision", UINT64),
        "CreateTime": ("create_time_ns", INT64),
        "ModifyTime": ("modify_time_ns", INT64),
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


SUBMIT: Final = _only("PutJobRequest", "Job", _JOB, None)
STOP: Final = _only("StopJobRequest", "reason", TEXT, "")
LOGIN: Final = _only("AuthnRequest", "MethodData", TEXT, "")
VERSION: Final = _only("VersionRequest", "client_id", TEXT, "")
NODE_ACTION: Final = Struct(
    "apimodels.PutNodeRequest", NodeAction, {"Action": ("action", TEXT), "Message": ("message", TEXT)}
)


def decode_job(body: bytes) -> Job | None:
    """The job of a text that holds nothing else; None for null."""
    job: Job | None = decode(_JOB, body)
    return job


def decode_base64(text: str) -> bytes:
    """What the client answers to a login method, still as that method's own JSON."""
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        # Where only the end is missing, Go names the group of four that lacks it.
        place = next((i for i, byte in enumerate(text.encode()) if byte not in alphabet), len(text) // 4 * 4)
        raise UnreadableError(f"illegal base64 data at input byte {place}") from None
