"""A job as the plain values that travel: field names put right, defaults filled in, rules checked.

The checks here only save a round trip; the server makes them again. Source: command line reference 3.3 and 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from devstack.errors import InvalidJobError

__all__ = ["SYSTEM_FIELDS", "normalise", "sanitise", "unknown_fields", "validate"]

Spec = dict[str, Any]


@attrs.frozen
class _Record:
    """An object with known fields; their names are read in any case."""

    name: str
    fields: Mapping[str, Any]


@attrs.frozen
class _ListOf:
    item: Any


_TEXT: Final = "string"
_INT: Final = "int"
_MAP: Final = "map"
_ANY: Final = "any"

_SPEC_CONFIG: Final = _Record("SpecConfig", {"Type": _TEXT, "Params": _ANY})
_TASK: Final = _Record(
    "Task",
    {
        "Name": _TEXT,
        "Engine": _SPEC_CONFIG,
        "Publisher": _SPEC_CONFIG,
        "Env": _MAP,
        "Meta": _MAP,
        "InputSources": _ListOf(_Record("InputSource", {"Source": _SPEC_CONFIG, "Alias": _TEXT, "Target": _TEXT})),
        "ResultPaths": _ListOf(_Record("ResultPath", {"Name": _TEXT, "Path": _TEXT})),
        "Resources": _Record("ResourcesConfig", dict.fromkeys(("CPU", "Memory", "Disk", "GPU"), _TEXT)),
        "Network": _Record("NetworkConfig", {"Type": _TEXT, "Domains": _ListOf(_TEXT)}),
        "Timeouts": _Record("TimeoutConfig", dict.fromkeys(("ExecutionTimeout", "QueueTimeout", "TotalTimeout"), _INT)),
    },
)
_CONSTRAINT: Final = _Record("LabelSelectorRequirement", {"Key": _TEXT, "Operator": _TEXT, "Values": _ListOf(_TEXT)})
_JOB: Final = _Record(
    "Job",
    {
        "Name": _TEXT,
        "Namespace": _TEXT,
        "Type": _TEXT,
        "Priority": _INT,
        "Count": _INT,
        "Constraints": _ListOf(_CONSTRAINT),
        "Meta": _MAP,
        "Labels": _MAP,
        "Tasks": _ListOf(_TASK),
    },
)
SYSTEM_FIELDS: Final = ("ID", "State", "Version", "Revision", "CreateTime", "ModifyTime")
_NETWORK_TYPES: Final = {"none": "None", "http": "HTTP", "full": "Full", "": "None"}
_JOB_TYPES: Final = ("batch", "ops", "service", "daemon")


def normalise(content: Mapping[str, Any]) -> Spec:
    """The job with Bacalhau's field names in Bacalhau's order, and its defaults.

    Raises:
        InvalidJobError: fields that do not exist or hold the wrong kind of value, one line each.
    """
    problems = [problem for name in content if (problem := _root_problem(str(name)))]
    if problems:
        raise InvalidJobError("\n".join(problems))
    job: Spec = _read(content, _JOB, "Job", "")
    kind = (job.get("Type") or "").strip()
    count = job.get("Count")
    return {
        "Name": (job.get("Name") or "").strip(),
        "Namespace": (job.get("Namespace") or "").strip() or "default",
        "Type": kind,
        "Priority": job.get("Priority") or 0,
        "Count": (count or 1) if kind in ("ops", "daemon") or count is None else count,
        "Constraints": [constraint or {} for constraint in job.get("Constraints") or []],
        "Meta": job.get("Meta") or {},
        "Labels": job.get("Labels") or {},
        "Tasks": [_task(task or {}) for task in job.get("Tasks") or []],
    }


def sanitise(job: Spec) -> list[str]:
    """Takes out of a normalised job what the server would ignore; the warnings that it would give."""
    warnings = []
    if len(job["Tasks"]) > 1:
        job["Tasks"] = job["Tasks"][:1]
        warnings.append("only one task is supported per job")
    for key in [key for key in job["Meta"] if key.startswith("bacalhau.org/")]:
        del job["Meta"][key]
        warnings.append(f'job meta key "{key}" is reserved and will be ignored')
    return warnings


def validate(job: Spec) -> None:
    """Raises InvalidJobError with one line for each rule that a normalised job breaks."""
    problems = [] if job["Type"] else ["missing job type"]
    if job["Type"] and job["Type"] not in _JOB_TYPES:
        problems.append(f'invalid job type: "{job["Type"]}" (it is one of {", ".join(_JOB_TYPES)})')
    if job["Count"] < 0:
        problems.append("job count must be >= 0")
    if not job["Tasks"]:
        problems.append("missing job tasks")
    for number, constraint in enumerate(job["Constraints"], 1):
        problems += [f"constraint {number} validation failed: {text}" for text in _constraint_problems(constraint)]
    for task in job["Tasks"]:
        problems += [f"task {task['Name']} validation failed: {text}" for text in _task_problems(task)]
    if problems:
        raise InvalidJobError("\n".join(problems))


def _root_problem(name: str) -> str:
    known = {field.lower() for field in _JOB.fields}
    if name.lower() in known:
        return ""
    system = next((field for field in SYSTEM_FIELDS if field.lower() == name.lower()), None)
    return f"field: '{system}' in 'Job' is not allowed" if system else f"unknown field: '{name}' in 'Job'"


def unknown_fields(content: Mapping[str, Any]) -> list[str]:
    """A warning for each field below the root that the server would not read either."""
    return [f"unknown field: '{name}' is ignored" for name in _unknown(content, _JOB, "")]


def _unknown(value: Any, shape: Any, path: str) -> list[str]:
    if isinstance(shape, _ListOf) and isinstance(value, list):
        return [name for index, item in enumerate(value) for name in _unknown(item, shape.item, f"{path}[{index}]")]
    if not (isinstance(shape, _Record) and isinstance(value, Mapping)):
        return []
    shapes = {name.lower(): (name, inner) for name, inner in shape.fields.items()}
    found: list[str] = []
    for key, item in value.items():
        name, inner = shapes.get(str(key).lower(), (str(key), None))
        inside = f"{path}.{name}".lstrip(".")
        found += _unknown(item, inner, inside) if inner is not None else [inside] * bool(path)
    return found


def _read(value: Any, shape: Any, where: str, owner: str) -> Any:
    """The value in its shape; unknown fields below the root are kept, the server ignores them."""
    if value is None:
        return None
    match shape:
        case _Record():
            if not isinstance(value, Mapping):
                raise _wrong_type(where, owner, value, "object")
            names = {field.lower(): field for field in shape.fields}
            given = {names.get(str(key).lower(), str(key)): content for key, content in value.items()}
            if len(given) < len(value):
                raise InvalidJobError(f"a field of '{shape.name}' is there twice, in different case")
            return {
                name: _read(content, shape.fields.get(name, _ANY), name, shape.name) for name, content in given.items()
            }
        case _ListOf():
            if not isinstance(value, Sequence) or isinstance(value, str):
                raise _wrong_type(where, owner, value, "list")
            filler = "" if shape.item == _TEXT else None
            return [filler if item is None else _read(item, shape.item, where, owner) for item in value]
    return _scalar(value, shape, where, owner)


def _scalar(value: Any, shape: str, where: str, owner: str) -> Any:
    if shape == _MAP:
        if not isinstance(value, Mapping):
            raise _wrong_type(where, owner, value, "object")
        return {str(key): _scalar("" if item is None else item, _TEXT, where, owner) for key, item in value.items()}
    if shape == _TEXT and not isinstance(value, str):
        raise _wrong_type(where, owner, value, _TEXT)
    if shape == _INT and (isinstance(value, bool) or not isinstance(value, int)):
        raise _wrong_type(where, owner, value, _INT)
    return value


_GO_KINDS: Final = {str: "string", bool: "bool", int: "int", float: "float", list: "list", dict: "object"}


def _wrong_type(where: str, owner: str, value: Any, expected: str) -> InvalidJobError:
    kind = _GO_KINDS.get(type(value), type(value).__name__)
    advice = " (put it in quotes)" if expected == _TEXT and not isinstance(value, list | dict) else ""
    return InvalidJobError(
        f"field: '{where}' in '{owner or 'Job'}' is invalid type: '{kind}' expected: '{expected}'{advice}"
    )


def _task(task: Spec) -> Spec:
    """A task in wire order; empty optional parts are left out, as in the server's answers."""
    network, publisher = task.get("Network") or {}, task.get("Publisher") or {}
    optional = {
        "Env": task.get("Env"),
        "Meta": task.get("Meta"),
        "InputSources": [_input(source) for source in task.get("InputSources") or [] if source],
        "ResultPaths": [result or {} for result in task.get("ResultPaths") or []],
    }
    return {
        "Name": (task.get("Name") or "").strip(),
        "Engine": _spec_config(task.get("Engine") or {}),
        "Publisher": _spec_config(publisher),
        **{name: content for name, content in optional.items() if content},
        "Resources": {
            name: text
            for name in ("CPU", "Memory", "Disk", "GPU")
            if (text := "".join(((task.get("Resources") or {}).get(name) or "").lower().split()))
        },
        "Network": _network(network),
        "Timeouts": {name: seconds for name, seconds in (task.get("Timeouts") or {}).items() if seconds},
    }


def _spec_config(config: Mapping[str, Any]) -> Spec:
    params = config.get("Params")
    return {"Type": (config.get("Type") or "").strip()} | ({"Params": params} if params else {})


def _input(source: Mapping[str, Any]) -> Spec:
    return {
        "Source": _spec_config(source.get("Source") or {}),
        "Alias": (source.get("Alias") or "").strip(),
        "Target": (source.get("Target") or "").strip(),
    }


def _network(network: Mapping[str, Any]) -> Spec:
    given = (network.get("Type") or "").strip()
    if given.lower() not in _NETWORK_TYPES:
        raise InvalidJobError(f"unknown type '{given}' of network: it is None, HTTP or Full")
    domains = [domain.strip().lower() for domain in network.get("Domains") or []]
    return {"Type": _NETWORK_TYPES[given.lower()]} | ({"Domains": domains} if domains else {})


def _constraint_problems(constraint: Mapping[str, Any]) -> list[str]:
    operator, values = constraint.get("Operator") or "", constraint.get("Values") or []
    problems = [] if (constraint.get("Key") or "").strip() else ["selector key cannot be blank"]
    if operator in ("in", "notin"):
        return problems + ([] if values else ["selector values cannot be empty for In or NotIn operators"])
    if operator in ("exists", "!"):
        return problems + (["selector values must be empty for Exists or DoesNotExist operators"] if values else [])
    return problems + ([] if len(values) == 1 else ["selector values must have exactly one value for other operators"])


def _task_problems(task: Spec) -> list[str]:
    problems = [] if task["Name"] else ["missing task name"]
    if not task["Engine"]["Type"]:
        problems.append("engine validation failed: missing spec type")
    seen: set[str] = set()
    for source in task.get("InputSources", []):
        if not source["Source"]["Type"]:
            problems.append("artifact validation failed: invalid artifact source: missing spec type")
        if not source["Target"]:
            problems.append("artifact validation failed: missing artifact target")
        if source["Alias"] and source["Alias"] in seen:
            problems.append(f"input source with alias {source['Alias']} already exist")
        seen.add(source["Alias"])
    for result in task.get("ResultPaths", []):
        problems += [] if (result.get("Path") or "").strip() else ["output validation failed: path is blank"]
        problems += [] if (result.get("Name") or "").strip() else ["output validation failed: resultpath name is blank"]
    if task.get("ResultPaths") and not task["Publisher"]["Type"]:
        problems.append("publisher must be set if result paths are set (add -p local, or Publisher: {Type: local})")
    return problems
