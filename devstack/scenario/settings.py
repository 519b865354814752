"""Settings of nodes and of the requester in the words of a scenario file: `cpu: 2`, `heartbeat_interval: 5s`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from devstack.cluster import SIMULATED_CAPACITY
from devstack.compute.config import ComputeConfig
from devstack.errors import InvalidJobError, UsageError
from devstack.models import resources
from devstack.models.job import ResourcesConfig
from devstack.orchestrator.config import RequesterConfig
from devstack.scenario.builders import duration_ns

__all__ = ["read_requester", "read_shape"]

_SIZES = ("cpu", "memory", "disk", "gpu")
_NOT_SETTABLE = ("node_id", "requester_id", "behaviour", "check_simulated")


def read_shape(words: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of `ComputeConfig` as the words have them.

    Raises:
        UsageError: an unknown word, or a value that it cannot have.
    """
    sizes = {name: str(words[name]) for name in _SIZES if words.get(name) is not None}
    found = {name: value for name, value in words.items() if name not in _SIZES}
    settings = _read(found, ComputeConfig, (*_SIZES, "labels"))
    if sizes:
        try:
            given = resources.parse(resources.normalise(ResourcesConfig(**sizes)))
        except InvalidJobError as exc:
            raise UsageError(exc.message.splitlines()[0], "write 0.5 or 500m for cpu, 512mb or 1gb for sizes") from None
        settings["total"] = given.or_default(SIMULATED_CAPACITY)
    return settings


def read_requester(words: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of `RequesterConfig` as the words have them. Raises UsageError."""
    return _read(words, RequesterConfig, ())


def _read(words: Mapping[str, Any], owner: type[Any], more: tuple[str, ...]) -> dict[str, Any]:
    fields = {field.name: field for field in attrs.fields(owner) if field.name not in _NOT_SETTABLE}
    settings: dict[str, Any] = {}
    for name, value in words.items():
        if f"{name}_ns" in fields:
            settings[f"{name}_ns"] = duration_ns(value)
        elif name in fields:
            settings[name] = tuple(value) if isinstance(value, list) else value
        else:
            known = ", ".join([*more, *(known.removesuffix("_ns") for known in fields if known not in more)])
            raise UsageError(f"unknown setting {name!r}", f"known are {known}")
    return settings
