"""Jobs and engines in one line each: `batch(noop(runs_for="2m"), count=3)`.

Durations are Go's texts (`90s`, `2m`) or whole seconds; resources are texts as in a job file.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devstack.errors import InvalidJobError, InvalidQueryError, UsageError
from devstack.models.gotext import SECOND_NS, duration_text, parse_duration_ns
from devstack.models.job import (
    Constraint,
    InputSource,
    Job,
    JobType,
    Network,
    NetworkType,
    ResourcesConfig,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)
from devstack.models.resources import normalise, parse

__all__ = ["batch", "daemon", "docker", "duration_ns", "inline", "noop", "ops", "service", "stored", "wasm"]

Duration = str | int | float


def duration_ns(value: Duration) -> int:
    """Nanoseconds of `90s`, `2m` or a number of seconds.

    Raises:
        UsageError: neither of them.
    """
    if isinstance(value, str):
        try:
            return parse_duration_ns(value)
        except ValueError as exc:
            raise UsageError(str(exc)) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{value!r} is no duration", 'write "90s", "2m" or a number of seconds')
    return round(value * SECOND_NS)


def noop(
    runs_for: Duration = 0, *, exit_code: int = 0, stdout: str = "", stderr: str = "", fails: str = "",
    fails_on: str | Sequence[str] = (),
) -> SpecConfig:  # fmt: skip
    """The simulated engine: takes `runs_for` of virtual time, then ends as told."""
    nodes = [fails_on] if isinstance(fails_on, str) else list(fails_on)
    params: dict[str, Any] = {
        "RunsFor": duration_text(duration_ns(runs_for)) if runs_for else "",
        "ExitCode": exit_code,
        "Stdout": stdout,
        "Stderr": stderr,
        "Fails": fails,
        "FailsOn": nodes,
    }
    return SpecConfig("noop", {key: value for key, value in params.items() if value})


def docker(
    image: str, *parameters: str, entrypoint: Sequence[str] = (), env: Sequence[str] = (), workdir: str = ""
) -> SpecConfig:
    """A container of the image."""
    params: dict[str, Any] = {
        "Image": image,
        "Parameters": list(parameters),
        "Entrypoint": list(entrypoint),
        "EnvironmentVariables": list(env),
        "WorkingDirectory": workdir,
    }
    return SpecConfig("docker", {key: value for key, value in params.items() if value})


def wasm(
    module: str | bytes | Path, *parameters: str, entry_point: str = "_start", env: Mapping[str, str] | None = None
) -> SpecConfig:
    """A WebAssembly module: its bytes, a file, or text in WAT.

    Raises:
        UsageError: the file cannot be read, or the text is no module.
    """
    url = "data:application/wasm;base64," + base64.b64encode(_module_bytes(module)).decode()
    entry = {"Source": {"Type": "inline", "Params": {"URL": url}}, "Alias": "module", "Target": "/module.wasm"}
    params: dict[str, Any] = {"EntryModule": entry, "EntryPoint": entry_point}
    if parameters:
        params["Parameters"] = list(parameters)
    if env:
        params["EnvironmentVariables"] = dict(env)
    return SpecConfig("wasm", params)


def _module_bytes(module: str | bytes | Path) -> bytes:
    if isinstance(module, bytes):
        return module
    try:
        text = module if isinstance(module, str) and "(" in module else Path(module).read_bytes()
    except OSError as exc:
        raise UsageError(f"cannot read the module {module}: {exc.strerror}") from None
    if isinstance(text, bytes) and text.startswith(b"\0asm"):
        return text
    import wasmtime

    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError as exc:
        raise UsageError(f"this is no WebAssembly module: {str(exc).splitlines()[0]}") from None


def inline(content: str | bytes, target: str) -> InputSource:
    """An input that the job itself carries: a file at `target`."""
    data = content.encode() if isinstance(content, str) else content
    url = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    return InputSource(SpecConfig("inline", {"URL": url}), target=target)


def stored(size: str | int, target: str, *, on: Sequence[str] = ()) -> InputSource:
    """A simulated input: so many bytes (`2gb`), which the nodes `on` hold and others have to fetch.

    Raises:
        UsageError: that is no size.
    """
    try:
        size_bytes = size if isinstance(size, int) else parse(normalise(ResourcesConfig(memory=size))).memory_bytes
    except InvalidJobError:
        raise UsageError(f"{size!r} is no size", 'write "512mb", "2gb" or a number of bytes') from None
    return InputSource(SpecConfig("simulated", {"SizeBytes": size_bytes, "HeldBy": list(on)}), target=target)


def batch(engine: SpecConfig, *, count: int = 1, **more: Any) -> Job:
    """A job that ends when `count` executions have completed."""
    return _job(JobType.BATCH, engine, count, **more)


def ops(engine: SpecConfig, **more: Any) -> Job:
    """A job that runs once on every fitting node."""
    return _job(JobType.OPS, engine, None, **more)


def service(engine: SpecConfig, *, count: int = 1, **more: Any) -> Job:
    """A job with `count` executions that run until it is stopped."""
    return _job(JobType.SERVICE, engine, count, **more)


def daemon(engine: SpecConfig, **more: Any) -> Job:
    """A job that runs on every fitting node, also on those that join later, until it is stopped."""
    return _job(JobType.DAEMON, engine, None, **more)


def _job(
    type: str,
    engine: SpecConfig,
    count: int | None,
    *,
    name: str = "",
    priority: int = 0,
    where: str | Sequence[str] = (),
    cpu: str = "",
    memory: str = "",
    disk: str = "",
    gpu: str = "",
    execution_timeout: Duration = 0,
    queue_timeout: Duration = 0,
    total_timeout: Duration = 0,
    inputs: Sequence[InputSource] = (),
    results: Mapping[str, str] | None = None,
    publisher: SpecConfig | str = "",
    env: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    network: str = "None",
    id: str = "",
) -> Job:
    """A job of one task. `where` are label selectors such as `region=eu` or `zone in (a,b)`."""
    task = Task(
        name="main",
        engine=engine,
        publisher=SpecConfig(publisher) if isinstance(publisher, str) else publisher,
        env=dict(env or {}),
        input_sources=tuple(inputs),
        result_paths=tuple(ResultPath(name, path) for name, path in (results or {}).items()),
        resources=ResourcesConfig(cpu, memory, disk, gpu),
        network=Network(_network_type(network)),
        timeouts=Timeouts(_seconds(execution_timeout), _seconds(queue_timeout), _seconds(total_timeout)),
    )
    return Job(
        id=id,
        name=name,
        type=type,
        priority=priority,
        count=count,
        constraints=_constraints(where),
        labels=dict(labels or {}),
        tasks=(task,),
    )


def _network_type(name: str) -> NetworkType:
    try:
        return NetworkType(name)
    except ValueError:
        raise UsageError(f"unknown network {name!r}", "use None, Full or HTTP") from None


def _seconds(value: Duration) -> int:
    return -(-duration_ns(value) // SECOND_NS)


def _constraints(where: str | Sequence[str]) -> tuple[Constraint, ...]:
    from devstack.models.selectors import parse_selector

    texts = [where] if isinstance(where, str) else list(where)
    whole = ",".join(text for text in texts if text)
    try:
        requirements = parse_selector(whole).requirements
    except InvalidQueryError as exc:
        raise UsageError(f"where={whole!r}: {exc.message}", 'write "region=eu", "!gpu" or "zone in (a,b)"') from None
    return tuple(Constraint(found.key, found.operator, tuple(found.values)) for found in requirements)
