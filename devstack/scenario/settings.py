"""Settings of nodes and of the requester in the words of a file: `cpu: 2`, `heartbeat_interval: 5s`.

One table each: the word, and how its value is read. Whatever is not in the table is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import attrs

from devstack.cluster import SIMULATED_CAPACITY
from devstack.compute.config import (
    DEFAULT_JOB,
    EMBEDDED,
    ENGINES,
    PUBLISHERS,
    SIMULATED_SOURCES,
    SOURCES,
    ComputeConfig,
)
from devstack.errors import UsageError
from devstack.models.gotext import SECOND_NS
from devstack.models.resources import Resources, simulated_gpus
from devstack.scenario.setting_values import (
    SIZES,
    Read,
    named,
    read_command,
    read_duration,
    read_keys,
    read_labels,
    read_locality,
    read_number,
    read_publisher,
    read_seconds,
    read_size,
    read_switch,
    read_text,
    read_texts,
    read_url,
)

__all__ = ["NODE_WORDS", "REQUESTER_WORDS", "check_shapes", "read_requester", "read_shape", "shaped"]

_SPECIAL: Final = (*SIZES, "region")  # Words that are no setting of their own.


def read_shape(words: Mapping[str, Any], capacity: Resources = SIMULATED_CAPACITY) -> dict[str, Any]:
    """Settings of `ComputeConfig` as the words have them; `capacity` fills the gaps of a size that is given in part.

    Raises:
        UsageError: an unknown word, or a value that it cannot have.
    """
    found = {word: value for word, value in words.items() if word not in _SPECIAL}
    settings = _read(found, NODE_WORDS)
    sizes = {word: words[word] for word in SIZES if words.get(word) is not None}
    if sizes:
        settings["total"] = read_size(sizes).or_default(capacity)
    for name in ("max_job", "default_job"):
        if name in settings:
            usual = settings.get("total", capacity) if name == "max_job" else DEFAULT_JOB
            settings[name] = settings[name].or_default(usual)
    if words.get("region") is not None:
        settings["labels"] = {"region": named("region", read_text, words["region"]), **settings.get("labels", {})}
    return settings


def read_requester(words: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of `RequesterConfig` as the words have them. Raises UsageError."""
    return _read(words, REQUESTER_WORDS)


def check_shapes(shapes: Mapping[str, Any], count: int) -> None:
    """Raises UsageError: a shape is for none of so many nodes."""
    unknown = sorted(set(shapes) - {f"node-{number}" for number in range(1, count + 1)})
    if unknown:
        raise UsageError(f"shapes for unknown nodes: {', '.join(unknown)}", f"there are {count} nodes, from node-1 on")


def shaped(config: ComputeConfig, shapes: Mapping[str, Mapping[str, Any]]) -> ComputeConfig:
    """The configuration as the shape of its node changes it."""
    shape = dict(shapes.get(config.node_id, {}))
    if "labels" in shape:
        shape["labels"] = {**config.labels, **shape["labels"]}
    if "total" in shape:
        total = shape["total"]
        if total.gpu and not total.gpus:  # A count alone has no devices that could be handed out.
            total = shape["total"] = attrs.evolve(total, gpus=simulated_gpus(total.gpu))
        shape.setdefault("max_job", total)
        # A small node is no mistake: what its jobs get when they say nothing is what it has.
        shape.setdefault("default_job", _at_most(config.default_job, shape["max_job"]))
    return attrs.evolve(config, **shape)


def _at_most(wanted: Resources, limit: Resources) -> Resources:
    if wanted.fits(limit):
        return wanted
    return Resources(
        min(wanted.cpu_millis, limit.cpu_millis),
        min(wanted.memory_bytes, limit.memory_bytes),
        min(wanted.disk_bytes, limit.disk_bytes),
        min(wanted.gpu, limit.gpu),
    )


def _read(words: Mapping[str, Any], table: Mapping[str, tuple[str, Read]]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for word, value in words.items():
        if word not in table:
            known = ", ".join([*(_SPECIAL if table is NODE_WORDS else ()), *table])
            raise UsageError(f"unknown setting {word!r}", f"known are {known}")
        name, read = table[word]
        settings[name] = named(word, read, value)
    return settings


# ---- the tables ----------------------------------------------------------------------------------------------

_interval: Final = partial(read_duration, least_ns=SECOND_NS // 1000)  # Less would keep a core busy with timers.


def _words(readers: Mapping[str, Read]) -> dict[str, tuple[str, Read]]:
    """The word of each setting, which is its name without the unit; the setting's name, and how it is read."""
    return {name.removesuffix("_ns"): (name, read) for name, read in readers.items()}


NODE_WORDS: Final[Mapping[str, tuple[str, Read]]] = _words({
    "labels": read_labels,
    "engines": partial(read_keys, known=(*ENGINES, "noop")),
    "publishers": partial(read_keys, known=(*PUBLISHERS, *EMBEDDED)),
    "sources": partial(read_keys, known=(*SOURCES, *EMBEDDED)),
    "max_job": read_size,
    "default_job": read_size,
    "latency_ns": read_duration,
    "storage_latency_ns": read_duration,
    "storage_bytes_per_s": read_number,
    "accept_networked": read_switch,
    "reject_stateless": read_switch,
    "locality": read_locality,
    "probe_exec": read_command,
    "probe_http": read_url,
    "min_timeout_ns": read_duration,
    "max_timeout_ns": read_duration,
    "default_timeout_ns": read_duration,
    "bypass_namespaces": read_texts,
    "wait_on_bid": read_switch,
    "wait_on_refusal": read_switch,
    "is_bad_actor": read_switch,
    "heartbeat_interval_ns": _interval,
    "resources_interval_ns": _interval,
    "info_interval_ns": _interval,
    "register_timeout_ns": _interval,
    "engine_start_ns": read_duration,
    "kept_executions": partial(read_number, least=1),
    "with_history": read_switch,
    "hidden_engines": partial(read_keys, known=(*ENGINES, "noop")),
    "hidden_publishers": partial(read_keys, known=(*PUBLISHERS, *EMBEDDED)),
    "hidden_sources": partial(read_keys, known=(*SOURCES, *EMBEDDED, *SIMULATED_SOURCES)),
})  # fmt: skip

REQUESTER_WORDS: Final[Mapping[str, tuple[str, Read]]] = {
    "default_total_timeout": ("default_total_timeout_s", read_seconds),
    "default_execution_timeout": ("default_execution_timeout_s", read_seconds),
    "default_queue_timeout": ("default_queue_timeout_s", read_seconds),
} | _words({
    "default_publisher": read_publisher,
    "manual_approval": read_switch,
    "labels": read_labels,
    "default_total_timeout_s": read_number,
    "default_execution_timeout_s": read_number,
    "default_queue_timeout_s": read_number,
    "queue_backoff_ns": read_duration,
    "over_subscription_millis": partial(read_number, least=1000),
    "rank_randomness": read_number,
    "always_retry": read_switch,
    "housekeeping_interval_ns": _interval,
    "housekeeping_buffer_ns": read_duration,
    "broker_visibility_ns": _interval,
    "broker_initial_retry_ns": read_duration,
    "broker_subsequent_retry_ns": read_duration,
    "broker_max_receive": partial(read_number, least=1),
    "heartbeat_check_ns": _interval,
    "disconnect_after_ns": _interval,
    "request_timeout_ns": _interval,
})  # fmt: skip
