"""Simulated inputs: how they are read, and how long they are on their way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.object_store import StoredObject, objects_of, transfer_ns
from devstack.errors import AdapterError, UsageError
from devstack.models.gotext import SECOND_NS
from devstack.models.job import InputSource, SpecConfig, Task
from devstack.scenario.builders import inline, stored

sizes = st.integers(0, 10**15)


def task(*inputs: InputSource, engine: str = "noop") -> Task:
    return Task(name="main", engine=SpecConfig(engine), input_sources=inputs)


def test_objects_have_a_size_and_places():
    """Other inputs are none."""
    inputs = (stored("2gb", "/a", on=["node-2"]), inline("x", "/b"), stored(7, "/c"))
    assert [StoredObject(2_000_000_000, ("node-2",)), StoredObject(7)] == objects_of(task(*inputs))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "the SizeBytes of a simulated input cannot be None"),
        ({"SizeBytes": -1}, "the SizeBytes of a simulated input cannot be -1"),
        ({"SizeBytes": True}, "cannot be True"),
        ({"SizeBytes": 2**63}, "cannot be 9223372036854775808"),
        ({"SizeBytes": 1, "HeldBy": "node-1"}, "the HeldBy of a simulated input cannot be 'node-1'"),
        ({"SizeBytes": 1, "HeldBy": [1]}, "cannot be"),
    ],
)
def test_what_is_no_object_is_refused(params: dict[str, Any], words: str):
    """By the name of what is wrong."""
    with pytest.raises(AdapterError, match=words):
        objects_of(task(InputSource(SpecConfig("simulated", params), target="/a")))


def test_an_engine_that_reads_bytes_cannot_have_them():
    """There are none."""
    with pytest.raises(AdapterError, match="an input of type 'simulated' has no bytes that the engine 'docker' could"):
        objects_of(task(stored(1, "/a"), engine="docker"))


def test_a_size_that_is_none_is_told():
    """Where it is written."""
    with pytest.raises(UsageError, match="'much' is no size"):
        stored("much", "/a")


@given(sizes, st.integers(0, 10**12), st.integers(1, 2**31))
def test_a_transfer_takes_its_latency_and_its_size_over_the_bandwidth(size: int, latency_ns: int, bytes_per_s: int):
    """Rounded up to a nanosecond."""
    on_the_wire_ns = transfer_ns(size, latency_ns, bytes_per_s) - latency_ns
    assert (on_the_wire_ns - 1) * bytes_per_s < size * SECOND_NS <= on_the_wire_ns * bytes_per_s


@given(sizes, st.integers(0, 10**12))
def test_a_way_without_a_limit_takes_its_latency(size: int, latency_ns: int):
    """However much is fetched."""
    assert latency_ns == transfer_ns(size, latency_ns, 0)
