"""Jobs written down: as the call of a builder where that makes the very same job, and as a specification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from devstack.adapters.wire import encode_job
from devstack.errors import DevstackError
from devstack.models.gotext import SECOND_NS, duration_text, parse_duration_ns
from devstack.models.job import Job, JobState, JobType, SpecConfig, Task
from devstack.scenario import builders

__all__ = ["call_text", "duration_word", "python_of_job", "spec_of"]

_BUILDERS: Final = {name: getattr(builders, name) for name in builders.__all__}
_SYSTEM_FIELDS: Final = ("State", "Version", "Revision", "CreateTime", "ModifyTime")


def duration_word(ns: int) -> str:
    """As Go reads it, without Go's zeros at the end: `1m`, not `1m0s`."""
    text = duration_text(ns)
    for zeros, kept in (("h0m0s", "h"), ("m0s", "m")):
        if text.endswith(zeros):
            return text.removesuffix(zeros) + kept
    return text


def call_text(called: str, /, *arguments: Any, **named: Any) -> str:
    """A call as Python writes it; arguments that are False, empty or None are left out."""
    parts = [repr(argument) for argument in arguments]
    parts += [f"{key}={value!r}" for key, value in named.items() if value or value is False]
    return f"{called}({', '.join(parts)})"


class _Code(str):
    """Text that stands for itself."""

    def __repr__(self) -> str:
        return str(self)


def python_of_job(job: Job) -> tuple[str, str]:
    """The expression that makes the job, and the name that it has to import.

    It is a builder's call wherever that makes the very same job, and else the specification.
    """
    text, name = _builder_call(job)
    if text and _makes(text, job):
        return text, name
    return f"job_of({spec_of(job)!r})", "job_of"


def _makes(text: str, job: Job) -> bool:
    try:
        made = eval(text, {"__builtins__": {}}, dict(_BUILDERS))  # Of our own making, a line above.
        return bool(_told(made) == _told(job))
    except DevstackError:
        return False


def _told(job: Job) -> Job:
    """The job with no publisher at all as an empty one, which says the same."""
    tasks = [task and attrs.evolve(task, publisher=task.publisher or SpecConfig()) for task in job.tasks]
    return attrs.evolve(job, tasks=tuple(tasks))


def _builder_call(job: Job) -> tuple[str, str]:
    task = job.tasks[0] if job.tasks else None
    engine = _engine_call(task.engine) if task is not None and task.engine is not None else ""
    if task is None or not engine or job.type not in JobType.ALL:
        return "", ""
    counted = job.type in (JobType.BATCH, JobType.SERVICE) and job.count != 1
    named = {"count": job.count if counted else None, **_job_arguments(job), **_task_arguments(task)}
    return call_text(job.type, _Code(engine), **named), job.type


def _job_arguments(job: Job) -> dict[str, Any]:
    where = [str(_selector(one)) for one in job.constraints]
    return {
        "name": job.name,
        "priority": job.priority,
        "where": where[0] if len(where) == 1 else where,
        "labels": dict(job.labels),
        "id": job.id,
    }


def _selector(constraint: Any) -> str:
    """The constraint as a label selector."""
    values = ",".join(constraint.values)
    match constraint.operator:
        case "in" | "notin":
            return f"{constraint.key} {constraint.operator} ({values})"
        case "exists":
            return str(constraint.key)
        case "!":
            return f"!{constraint.key}"
        case operator:
            return f"{constraint.key}{operator}{values}"


def _task_arguments(task: Task) -> dict[str, Any]:
    wanted, limits = task.resources, task.timeouts
    publisher = task.publisher or SpecConfig()
    return {
        "cpu": wanted.cpu,
        "memory": wanted.memory,
        "disk": wanted.disk,
        "gpu": wanted.gpu,
        "execution_timeout": _seconds_word(limits.execution_s),
        "queue_timeout": _seconds_word(limits.queue_s),
        "total_timeout": _seconds_word(limits.total_s),
        "results": {one.name: one.path for one in task.result_paths},
        "publisher": publisher.type,
        "env": dict(task.env),
        "network": "" if task.network.type.value == "None" else task.network.type.value,
    }


def _seconds_word(seconds: int) -> str:
    return duration_word(seconds * SECOND_NS) if seconds else ""


def _engine_call(engine: SpecConfig) -> str:
    params = dict(engine.params)
    match engine.type:
        case "noop":
            return call_text("noop", **_noop_arguments(params))
        case "docker":
            rest = {"entrypoint": params.get("Entrypoint"), "env": params.get("EnvironmentVariables")}
            rest["workdir"] = params.get("WorkingDirectory")
            return call_text("docker", params.get("Image", ""), *(params.get("Parameters") or ()), **rest)
        case _:
            return ""


_NOOP: Final = {
    "RunsFor": "runs_for", "ExitCode": "exit_code", "Stdout": "stdout", "Stderr": "stderr", "Fails": "fails",
    "FailsOn": "fails_on",
}  # fmt: skip


def _noop_arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    found = {_NOOP.get(key, key): value for key, value in params.items()}
    try:
        if isinstance(found.get("runs_for"), str):
            found["runs_for"] = duration_word(parse_duration_ns(found["runs_for"]))
    except ValueError:
        return found  # The builder refuses it as well, and then the specification is written.
    return found


@attrs.define
class _Unsubmitted:
    """A job that no requester has seen, for the encoder."""

    job: Job
    state: JobState = JobState.UNDEFINED
    message: str = ""
    revision: int = 0
    create_time_ns: int = 0
    modify_time_ns: int = 0


def spec_of(job: Job, *, full: bool = False) -> dict[str, Any]:
    """The job in Bacalhau's spelling; what says nothing is left out unless it is to be `full`."""
    spec: dict[str, Any] = {**encode_job(_Unsubmitted(job))}
    if job.count is None:
        del spec["Count"]
    if full:
        return spec
    kept = {key: value for key, value in spec.items() if key not in _SYSTEM_FIELDS}
    return {key: _trimmed(value) for key, value in kept.items() if _trimmed(value) not in ("", {}, [], 0)}


def _trimmed(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_trimmed(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    trimmed = {key: item if key == "Params" else _trimmed(item) for key, item in value.items()}
    without = {key: item for key, item in trimmed.items() if item not in ("", {}, [], {"Type": "None"})}
    return {key: item for key, item in without.items() if item is not None}
