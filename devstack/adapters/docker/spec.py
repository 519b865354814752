"""What a docker task asks for: read from the engine's parameters and checked.

Source: compute reference 5, "Spec" (the texts are Bacalhau's own, clients read them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from devstack.errors import AdapterError
from devstack.models.job import SpecConfig

__all__ = ["DockerSpec", "check_even_environment", "decode"]

_PARAM: Final = "invalid docker engine param: "


@attrs.frozen
class DockerSpec:
    """The engine part of a docker task; empty means what the image says."""

    image: str
    entrypoint: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    working_directory: str = ""

    def to_params(self) -> Mapping[str, Any]:
        """The parameters that `decode` reads back as this value."""
        return {
            "Image": self.image,
            "Entrypoint": list(self.entrypoint),
            "Parameters": list(self.parameters),
            "EnvironmentVariables": list(self.environment),
            "WorkingDirectory": self.working_directory,
        }


def decode(engine: SpecConfig | None) -> DockerSpec:
    """The task's engine as a DockerSpec; unknown parameters are ignored, names are read in any case.

    Raises:
        AdapterError: a parameter that cannot be; the text is for the client.
    """
    if engine is None or engine.key != "docker":
        got = "" if engine is None else engine.type
        raise AdapterError(f"invalid docker engine type. expected docker, but received: {got}")
    if not engine.params:
        raise AdapterError("invalid docker engine params. cannot be nil")
    spec = DockerSpec(
        _text(engine, "Image"),
        _texts(engine, "Entrypoint"),
        _texts(engine, "Parameters"),
        _texts(engine, "EnvironmentVariables"),
        _text(engine, "WorkingDirectory"),
    )
    _check(spec)
    return spec


def _check(spec: DockerSpec) -> None:
    if not spec.image:
        raise AdapterError(f"{_PARAM}'Image' cannot be empty")
    if spec.working_directory and not spec.working_directory.startswith("/"):
        quoted = json.dumps(spec.working_directory, ensure_ascii=False)
        raise AdapterError(f"{_PARAM}'WorkingDirectory' ({quoted}) must contain absolute path")


def check_even_environment(spec: DockerSpec) -> None:
    """The rule of switch `docker-environment-even-count`.

    Raises:
        AdapterError: the number of environment variables is odd.
    """
    if len(spec.environment) % 2:
        listed = " ".join(spec.environment)
        raise AdapterError(
            f"{_PARAM}'EnvironmentVariables' ([{listed}]) must contain an even number of elements "
            "to represent environment variable key-value pairs"
        )


def _text(engine: SpecConfig, name: str) -> str:
    value = engine.param(name, "")
    if not isinstance(value, str):
        raise AdapterError(f"{_PARAM}'{name}' must be a text, not {value!r}")
    return value


def _texts(engine: SpecConfig, name: str) -> tuple[str, ...]:
    value = engine.param(name, ())
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise AdapterError(f"{_PARAM}'{name}' must be a list of texts, not {value!r}")
    return tuple(value)
