"""Single values of a cluster's description."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.compute.config import ENGINES, Locality
from devstack.errors import UsageError
from devstack.models.job import SpecConfig
from devstack.models.resources import NO_RESOURCES, Resources
from devstack.scenario import setting_values as values

READERS = [
    values.read_text, values.read_command, values.read_url, values.read_switch, values.read_number,
    values.read_duration, values.read_seconds, values.read_texts, values.read_labels, values.read_locality,
    values.read_size, values.read_publisher, lambda value: values.read_keys(value, known=ENGINES),
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(ANYTHING)
def test_whatever_it_is_it_is_read_or_refused_in_one_line(value):
    """No reader stumbles."""
    for read in READERS:
        try:
            read(value)
        except UsageError as exc:
            assert "\n" not in exc.message
            assert len(exc.message) < 200


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (values.read_text, True, "true"),
        (values.read_text, 2.5, "2.5"),
        (values.read_url, "", ""),
        (values.read_duration, "1m30s", 90 * 10**9),
        (values.read_duration, 1.5, 15 * 10**8),
        (values.read_seconds, "30m", 1800),
        (values.read_texts, ["a"], ("a",)),
        (values.read_labels, {"zone": 1, "spot": True}, {"zone": "1", "spot": "true"}),
        (values.read_locality, "local", Locality.LOCAL),
        (values.read_size, {}, NO_RESOURCES),
        (values.read_size, {"cpu": "500m", "memory": "1Gi", "disk": 5, "gpu": None}, Resources(500, 2**30, 5)),
        (values.read_publisher, "local", SpecConfig("local")),
        (values.read_publisher, {"Type": "local", "Params": {"a": 1}}, SpecConfig("local", {"a": 1})),
        (values.read_publisher, "", SpecConfig()),
    ],
)
def test_what_a_value_becomes(read, value, result):
    """Units as in a job file, names in lower case."""
    assert result == read(value)


def test_providers_are_known_by_their_keys():
    """In any case; each once."""
    assert ("wasm", "docker") == values.read_keys([" Wasm ", "docker"], known=ENGINES)
    for wrong, words in [(["dokcer"], "unknown name 'dokcer'"), (["wasm", "WASM"], "'wasm' is there twice")]:
        with pytest.raises(UsageError, match=words):
            values.read_keys(wrong, known=ENGINES)


def test_gpus_may_be_of_a_kind():
    """A number of the usual ones, or count, name, vendor and memory."""
    assert Resources(gpu=2) == values.read_size({"gpu": 2})
    found = values.read_size({"gpu": {"count": 2, "name": "Instinct MI210", "vendor": "AMD/ATI", "memory": "64gib"}})
    assert 2 == found.gpu
    assert [(0, "Instinct MI210", "AMD/ATI", 65536, True), (1, "Instinct MI210", "AMD/ATI", 65536, True)] == [
        (gpu.index, gpu.name, gpu.vendor, gpu.memory_mib, gpu.is_simulated) for gpu in found.gpus
    ]
    assert 1 == values.read_size({"gpu": {"name": "Tesla T4"}}).gpu


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"gpu": 257}, "257 GPUs are more than a node can have"),
        ({"gpu": {"count": 257}}, "257 GPUs are more than a node can have"),
        ({"gpu": {"count": 0}}, "gpu: count: 0 cannot be"),
        ({"gpu": {"cuont": 1}}, "gpu: unknown key 'cuont'"),
        ({"gpu": 1.5}, "invalid GPU value: 1.5"),
        ({"cpus": 1}, "unknown resource 'cpus'"),
        ({"cpu": -1}, "invalid CPU value: -1"),
        ({"memory": "-1gb"}, "invalid memory value: -1gb"),
        ({"disk": "9zb"}, "invalid disk value: 9zb"),
    ],
)
def test_sizes_that_cannot_be(value, words):
    """Each is named."""
    with pytest.raises(UsageError, match=words):
        values.read_size(value)
