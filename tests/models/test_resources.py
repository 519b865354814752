"""Resources as numbers, and as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import InvalidJobError
from devstack.models.job import ResourcesConfig
from devstack.models.resources import MOST_GPUS, NO_RESOURCES, Gpu, Resources, normalise, parse, simulated_gpus

amounts = st.builds(Resources, *[st.integers(0, 10**6)] * 4)


def read(**texts: str) -> Resources:
    return parse(normalise(ResourcesConfig(**texts)))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("42", 42),
        ("42MB", 42_000_000),
        ("42MiB", 44_040_192),
        ("42mb", 42_000_000),
        ("42mib", 44_040_192),
        ("1Gb", 10**9),
        ("100MB", 10**8),
        ("100Mi", 104_857_600),
        ("1m", 10**6),
        ("1k", 1000),
        ("1.5 KB", 1500),
        ("1,024", 1024),
        ("0.5b", 0),
        ("2Ei", 2**61),
        ("", 0),
    ],
)
def test_sizes(text, count):
    """T235: decimal and binary units in any case, fractions cut off; memory and disk alike."""
    assert Resources(0, count, count) == read(memory=text, disk=text)


@pytest.mark.parametrize(
    ("text", "millis"),
    [("250m", 250), ("0.25", 250), ("2", 2000), ("0.0005", 0), (" 1 . 5\n", 1500), ("1e1", 10_000), ("", 0)],
)
def test_cpu(text, millis):
    """Millicores or cores; what is less than a millicore is cut off."""
    assert millis == read(cpu=text).cpu_millis


def test_gpus():
    """A whole number; zeros in front do not matter."""
    assert 2 == read(gpu="0" * 30 + "2").gpu


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"cpu": "much"}, "invalid CPU value: much"),
        ({"cpu": "1.5m"}, "invalid CPU value: 1.5m"),
        ({"cpu": "1_0"}, "invalid CPU value: 1_0"),
        ({"cpu": "٣"}, "invalid CPU value: ٣"),
        ({"cpu": "inf"}, "invalid CPU value: inf"),
        ({"cpu": "1e999999999"}, "invalid CPU value: 1e999999999"),
        ({"gpu": "9" * 5000}, "invalid GPU value: " + "9" * 5000),
        ({"cpu": "-0.1"}, "invalid CPU value: -0.100000"),
        ({"memory": "1 XB"}, "invalid memory value: 1xb"),
        ({"memory": "-1"}, "invalid memory value: -1"),
        ({"memory": "1.2.3"}, "invalid memory value: 1.2.3"),
        ({"memory": "mb"}, "invalid memory value: mb"),
        ({"disk": "99999eb"}, "invalid disk value: 99999eb"),
        ({"gpu": "-1"}, "invalid GPU value: -1"),
        ({"gpu": "0.5"}, "invalid GPU value: 0.5"),
        ({"cpu": "x", "memory": "y"}, "invalid CPU value: x\ninvalid memory value: y"),
        ({"cpu": "x", "gpu": "y"}, "invalid GPU value: y"),
    ],
)
def test_texts_that_are_no_resources(texts, message):
    """Each value that cannot be read has its line; a bad GPU value is told alone."""
    with pytest.raises(InvalidJobError) as error:
        read(**texts)
    assert message == error.value.message


def test_the_text_of_resources():
    """CPU in shortest form, sizes for people."""
    text = "{CPU: 1.6, Memory: 20 GB, Disk: 204 GB, GPU: 0}"
    assert text == str(Resources(1600, 20 * 10**9, 204 * 10**9))


def test_empty_dimensions_are_filled_from_the_default():
    """Own values win."""
    default = Resources(500, 10**9, 5, 1, (Gpu(0),))
    assert Resources(250, 10**9, 5, 1, (Gpu(0),)) == Resources(cpu_millis=250).or_default(default)


def test_devices_are_added_and_taken_away():
    """The device lists are joined; subtracting takes the listed devices out."""
    one, other = Resources(gpu=1, gpus=(Gpu(0),)), Resources(gpu=1, gpus=(Gpu(1),))
    assert Resources(gpu=2, gpus=(Gpu(0), Gpu(1))) == one + other
    assert other == one + other - one


@given(amounts, amounts)
def test_adding_and_taking_away(one, other):
    """What is added and taken away leaves what was there; no dimension is ever negative."""
    assert one == one + other - other
    assert (one - other).fits(one)
    assert (one - one).is_zero
    assert one.fits(one + other)


def test_nothing_is_zero():
    """Only the four amounts count."""
    assert NO_RESOURCES.is_zero
    assert not Resources(gpu=1).is_zero


def test_simulated_devices_say_what_they_are():
    """Each has an index and an address of its own; no bus has more than 256."""
    first, second = simulated_gpus(2, "Tesla T4", memory_mib=15360)
    assert (0, "Tesla T4", "NVIDIA", 15360, True) == (
        first.index, first.name, first.vendor, first.memory_mib, first.is_simulated
    )  # fmt: skip
    assert first.pci_address != second.pci_address
    assert MOST_GPUS == len(simulated_gpus(10**9))
