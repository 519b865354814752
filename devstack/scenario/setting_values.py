"""How one value of a cluster's description is read: each function takes what YAML has, and refuses what cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import attrs

from devstack.compute.config import EMBEDDED, PUBLISHERS, Locality
from devstack.errors import InvalidJobError, UsageError
from devstack.models import resources
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.job import ResourcesConfig, SpecConfig
from devstack.models.resources import MOST_GPUS, Gpu, Resources, simulated_gpus
from devstack.scenario.builders import duration_ns
from devstack.scenario.yaml_text import shown

__all__ = [
    "SIZES",
    "Read",
    "named",
    "read_command",
    "read_duration",
    "read_keys",
    "read_labels",
    "read_locality",
    "read_number",
    "read_publisher",
    "read_seconds",
    "read_size",
    "read_switch",
    "read_text",
    "read_texts",
    "read_url",
]

Read = Callable[[Any], Any]

SIZES: Final = ("cpu", "memory", "disk", "gpu")
_MOST_NS: Final = 2**63 - 1  # The longest duration that Bacalhau can count; it stands for none at all there.
_MOST_NUMBER: Final = 2**31 - 1
_LONGEST_TEXT: Final = 50  # of an amount or a duration


def named(word: str, read: Read, value: Any) -> Any:
    """The value; a mistake in it is told with the word it is for. Raises UsageError."""
    try:
        return read(value)
    except UsageError as exc:
        raise UsageError(f"{word}: {exc.message}", exc.hint) from None


def read_text(value: Any) -> str:
    """A text, or a number or truth value as YAML would have written it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise UsageError(f"{shown(value)} is no text", "write a text")


def read_command(value: Any) -> str:
    """A text that a program can be given. Raises UsageError."""
    if isinstance(value, str) and "\0" not in value:
        return value
    raise UsageError(f"{shown(value)} is no text", "write a text")


def read_url(value: Any) -> str:
    """An address on the web, or nothing. Raises UsageError."""
    text = read_command(value)
    if text and not text.startswith(("http://", "https://")):
        raise UsageError(f"{shown(value)} is no web page", "write http://... or https://...")
    return text


def read_switch(value: Any) -> bool:
    """True or false. Raises UsageError."""
    if isinstance(value, bool):
        return value
    raise UsageError(f"{shown(value)} is neither true nor false", "write true or false")


def read_number(value: Any, *, least: int = 0) -> int:
    """A whole number. Raises UsageError."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= _MOST_NUMBER:
        return value
    raise UsageError(f"{shown(value)} cannot be", f"write a whole number from {least} to {_MOST_NUMBER}")


def read_duration(value: Any, *, least_ns: int = 0) -> int:
    """Nanoseconds of `90s`, `2m` or a number of seconds. Raises UsageError."""
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > _LONGEST_TEXT:
            raise ValueError
        found_ns = duration_ns(value)
    except (OverflowError, ValueError):  # Also a number that is none, or has no end.
        raise UsageError(f"{shown(value)} is no duration", 'write "90s", "2m" or a number of seconds') from None
    if not least_ns <= found_ns <= _MOST_NS:
        least, most = duration_text(least_ns), duration_text(_MOST_NS)
        raise UsageError(f"{shown(value)} cannot be", f"write a duration from {least} to {most}")
    return found_ns


def read_seconds(value: Any) -> int:
    """Whole seconds of a duration. Raises UsageError."""
    found_ns = read_duration(value)
    if found_ns % SECOND_NS:
        raise UsageError(f"{shown(value)} has parts of a second", "jobs count their timeouts in whole seconds")
    return found_ns // SECOND_NS


def read_texts(value: Any) -> tuple[str, ...]:
    """A list of texts. Raises UsageError."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{shown(value)} is no list of texts", "write [one, two]")
    return tuple(value)


def read_keys(value: Any, *, known: tuple[str, ...]) -> tuple[str, ...]:
    """A list of providers, in lower case. Raises UsageError."""
    keys = tuple(key.strip().lower() for key in read_texts(value))
    for at, key in enumerate(keys):
        if key not in known:
            raise UsageError(f"unknown name {shown(key)}", f"known are {', '.join(known)}")
        if key in keys[:at]:
            raise UsageError(f"{key!r} is there twice", "leave one of them out")
    return keys


def read_labels(value: Any) -> dict[str, str]:
    """Texts by their keys. Raises UsageError."""
    if not isinstance(value, Mapping):
        raise UsageError(f"{shown(value)} is no mapping", "write {zone: a, tier: gpu}")
    return {str(key): named(str(key), read_text, item) for key, item in value.items()}


def read_locality(value: Any) -> Locality:
    """Which jobs a node takes by where their inputs are. Raises UsageError."""
    try:
        return Locality(value)
    except ValueError:
        known = ", ".join(one.value for one in Locality)
        raise UsageError(f"{shown(value)} cannot be", f"use one of {known}") from None


def read_size(value: Any) -> Resources:
    """An amount of each resource, as in a job file; `gpu` may be a mapping with count, name, vendor and memory.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, Mapping):
        raise UsageError(f"{shown(value)} is no mapping", "write {cpu: 2, memory: 4gb}")
    unknown = next((word for word in value if word not in SIZES), None)
    if unknown is not None:
        raise UsageError(f"unknown resource {unknown!r}", f"known are {', '.join(SIZES)}")
    gpus = _read_gpus(value["gpu"]) if isinstance(value.get("gpu"), Mapping) else ()
    said = {**value, "gpu": len(gpus)} if gpus else value
    texts = {word: named(word, _read_amount, item) for word, item in said.items() if item is not None}
    try:
        found = resources.parse(resources.normalise(ResourcesConfig(**texts)))
    except InvalidJobError as exc:
        raise UsageError(exc.message.splitlines()[0], "write 0.5 or 500m for cpu, 512mb or 1gb for sizes") from None
    if found.gpu > MOST_GPUS:
        raise UsageError(f"{shown(found.gpu)} GPUs are more than a node can have", f"use {MOST_GPUS} or less")
    return attrs.evolve(found, gpus=gpus)


def _read_amount(value: Any) -> str:
    text = read_text(value)
    if len(text) > _LONGEST_TEXT:
        raise UsageError(f"{shown(value)} is no amount", "write 0.5 or 500m for cpu, 512mb or 1gb for sizes")
    return text


def _read_gpus(value: Mapping[str, Any]) -> tuple[Gpu, ...]:
    words = ("count", "name", "vendor", "memory")
    unknown = next((word for word in value if word not in words), None)
    if unknown is not None:
        raise UsageError(f"gpu: unknown key {unknown!r}", f"known are {', '.join(words)}")
    count = named("gpu: count", partial(read_number, least=1), value.get("count", 1))
    if count > MOST_GPUS:
        raise UsageError(f"{count} GPUs are more than a node can have", f"use {MOST_GPUS} or less")
    said = {word: named(f"gpu: {word}", read_text, value[word]) for word in ("name", "vendor") if word in value}
    if "memory" in value:
        said["memory_mib"] = read_size({"memory": value["memory"]}).memory_bytes // 2**20
    return simulated_gpus(count, **said)


def read_publisher(value: Any) -> SpecConfig:
    """A publisher by its name, or with parameters. Raises UsageError."""
    spec = {"Type": value} if isinstance(value, str) else value
    if not (isinstance(spec, Mapping) and isinstance(spec.get("Type"), str) and spec.keys() <= {"Type", "Params"}):
        raise UsageError(f"{shown(value)} is no publisher", "write its name, or {Type: ..., Params: {...}}")
    if spec["Type"]:
        read_keys([spec["Type"]], known=(*PUBLISHERS, *EMBEDDED))
    if not isinstance(params := spec.get("Params") or {}, Mapping):
        raise UsageError(f"Params: {shown(params)} is no mapping", "write {Key: value}")
    return SpecConfig(spec["Type"], dict(params))
