"""The container made of a task: settings in the form of the engine API's `POST /containers/create`.

Source: compute reference 5, tables "Create", "Mounts" and "Network".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from devstack.adapters.docker.spec import DockerSpec
from devstack.errors import AdapterError
from devstack.models.job import Network, NetworkType
from devstack.models.resources import Gpu, Resources
from devstack.runtime.ports import RunRequest

__all__ = [
    "INSTANCE_LABEL",
    "STACK_LABEL",
    "container_name",
    "environment",
    "make_result_dirs",
    "settings",
]

STACK_LABEL: Final = "devstack.stack"
INSTANCE_LABEL: Final = "devstack.instance"
_SYSTEM_PREFIX: Final = "BACALHAU_"
_DRI: Final = Path("/dev/dri/by-path")


def settings(request: RunRequest, spec: DockerSpec, instance: str, *, task_env: bool) -> dict[str, Any]:
    """Everything the engine has to know to make the container.

    Args:
        instance: Tells the executors of one stack apart.
        task_env: Whether Task.Env and the system's variables reach the program.

    Raises:
        AdapterError: the task wants something that containers here cannot have.
    """
    host = {
        "Mounts": [*_input_mounts(request), *_result_mounts(request)],
        "LogConfig": {"Type": "none", "Config": {}},  # Output is streamed; a second copy on disk would grow unseen.
        **_limits(request.resources),
        **_network(request.task.network),
    }
    body: dict[str, Any] = {
        "Image": spec.image,
        "Env": environment(spec, request.environment if task_env else {}),
        "WorkingDir": spec.working_directory,
        "Labels": _labels(request, instance),
        "AttachStdout": True,
        "AttachStderr": True,
        "NetworkDisabled": request.task.network.type is NetworkType.NONE,
        "HostConfig": host,
    }
    if spec.entrypoint:
        body["Entrypoint"] = list(spec.entrypoint)
    if spec.parameters:
        body["Cmd"] = list(spec.parameters)
    return body


def environment(spec: DockerSpec, task_and_system: Mapping[str, str]) -> list[str]:
    """`KEY=value` entries: the engine's win over the task's, the system's over both."""
    merged = {key: f"{key}={value}" for key, value in task_and_system.items()}
    for entry in spec.environment:
        key = entry.partition("=")[0]
        if not (key.startswith(_SYSTEM_PREFIX) and key in task_and_system):
            merged[key] = entry
    return list(merged.values())


def _executor_id(request: RunRequest) -> str:
    # Bacalhau's has the node's name alone, so an orderly end of one devstack took away another one's containers.
    return f"bacalhau-{request.stack_id}-{request.node_id}"


def _labels(request: RunRequest, instance: str) -> dict[str, str]:
    executor_id = _executor_id(request)
    return {
        "bacalhau-executor": executor_id,
        "bacalhau-jobID": executor_id + request.job.id,
        "bacalhau-executionID": executor_id + request.execution_id,
        STACK_LABEL: request.stack_id,
        INSTANCE_LABEL: instance,
        "devstack.execution": request.execution_id,
    }


def container_name(request: RunRequest, run_number: int) -> str:
    """A name for people; the number keeps two runs of one seed in one process apart."""
    name = f"bacalhau-{_executor_id(request)}-{request.job.id}-{request.execution_id}-{run_number}-executor"
    return re.sub(r"[^a-zA-Z0-9_.-]", "-", name)


# ---- mounts ------------------------------------------------------------------------------------------------


def _bind(source: Path, target: str, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source.resolve()), "Target": target, "ReadOnly": read_only}


def _input_mounts(request: RunRequest) -> list[dict[str, Any]]:
    return [_bind(item.path, item.target, item.read_only) for item in request.inputs]


def _result_mounts(request: RunRequest) -> list[dict[str, Any]]:
    return [_bind(_result_dir(request, item.name), item.path, False) for item in request.task.result_paths]


def _result_dir(request: RunRequest, name: str) -> Path:
    """The folder of a result: always below the results, whatever dots and slashes its name has."""
    if "\0" in name:
        raise AdapterError(f"creating container mounts: output volume has a zero byte in its name: {name!r}")
    return request.results_dir / posixpath.normpath("/" + name).lstrip("/")


def make_result_dirs(request: RunRequest) -> None:
    """One folder in the results for each result path.

    Raises:
        AdapterError: a result path without name or place, or a name that cannot be a new folder.
    """
    for item in request.task.result_paths:
        if not item.name:
            raise AdapterError(f"creating container mounts: output volume has no name: {{Name: Path:{item.path}}}")
        if not item.path:
            raise AdapterError(f"creating container mounts: output volume has no Location: {{Name:{item.name} Path:}}")
        _make_dir(_result_dir(request, item.name))


def _make_dir(path: Path) -> None:
    try:
        path.mkdir()
        path.chmod(0o755)  # whatever the umask
    except OSError as exc:
        why = (exc.strerror or str(exc)).lower()
        text = f"failed to create results dir for execution: mkdir {path}: {why}"
        raise AdapterError(f"creating container mounts: {text}") from exc


# ---- limits, devices, network ------------------------------------------------------------------------------


def _limits(resources: Resources) -> dict[str, Any]:
    limits: dict[str, Any] = {"Memory": resources.memory_bytes, "NanoCpus": resources.cpu_millis * 1_000_000}
    gpus = [gpu for gpu in resources.gpus if not gpu.is_simulated]
    nvidia = [str(gpu.index) for gpu in gpus if _vendor(gpu) == "nvidia"]
    if nvidia:
        limits["DeviceRequests"] = [{"Driver": "", "DeviceIDs": nvidia, "Capabilities": [["gpu"]]}]
    devices = list(_devices(gpus))
    if devices:
        limits["Devices"] = devices
    return limits


def _vendor(gpu: Gpu) -> str:
    vendor = gpu.vendor.lower()
    for known in ("nvidia", "amd", "intel"):
        if vendor.startswith(known):
            return known
    raise AdapterError(f'creating container devices: job requires GPU from unsupported vendor "{gpu.vendor}"')


def _devices(gpus: Iterable[Gpu]) -> Iterable[dict[str, str]]:
    """Device files of the GPUs that have no request of their own in the engine's API."""
    with_files = [gpu for gpu in gpus if _vendor(gpu) != "nvidia"]
    paths = [Path("/dev/kfd")] if any(_vendor(gpu) == "amd" for gpu in with_files) else []
    for gpu in with_files:
        paths += [(_DRI / f"pci-{gpu.pci_address}-{kind}").resolve() for kind in ("card", "render")]
    for path in paths:
        yield {"PathOnHost": str(path), "PathInContainer": str(path), "CgroupPermissions": "rwm"}


def _network(network: Network) -> dict[str, Any]:
    if network.type is NetworkType.NONE:
        return {"NetworkMode": "none"}
    if network.type is NetworkType.FULL:
        return {"NetworkMode": "host", "ExtraHosts": ["host.docker.internal:host-gateway"]}
    if not network.domains:
        raise AdapterError(
            "setting up network: invalid networking configuration, "
            "at least one domain is required when HTTP networking is enabled"
        )
    return {"NetworkMode": "none"}  # `Gateway.settings` says which one it is.
