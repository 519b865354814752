"""Numbers, sizes and times as Bacalhau prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.models.gotext import (
    ZERO_TIME,
    cpu_text,
    duration_text,
    human_bytes,
    map_text,
    parse_duration_ns,
    parse_rfc3339_ns,
    rfc3339,
)

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("millis", "text"), [(0, "0"), (2000, "2"), (500, "0.5"), (1, "0.001"), (1600, "1.6"), (12_345_678, "12345.678")]
)
def test_cpu_in_shortest_form(millis, text):
    """No digit too many, none too few."""
    assert text == cpu_text(millis)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (7, "7 B"),
        (10, "10 B"),
        (512, "512 B"),
        (1000, "1.0 kB"),
        (1949, "1.9 kB"),
        (1950, "2.0 kB"),
        (82_000, "82 kB"),
        (999_949, "1000 kB"),
        (10**9, "1.0 GB"),
        (12 * 10**9, "12 GB"),
        (2**63, "9.2 EB"),
    ],
)
def test_sizes_for_people(count, text):
    """One digit after the point below ten, none above; halves are rounded up."""
    assert text == human_bytes(count)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5µs"),
        (500_000_000, "500ms"),
        (SECOND, "1s"),
        (1_500_000_000, "1.5s"),
        (90 * SECOND, "1m30s"),
        (3600 * SECOND, "1h0m0s"),
        (-60 * SECOND, "-1m0s"),
        (9_223_372_036 * SECOND, "2562047h47m16s"),
    ],
)
def test_durations(ns, text):
    """As Go prints a duration."""
    assert text == duration_text(ns)


@given(st.integers(-(2**62), 2**62))
def test_durations_can_be_read_back(ns):
    """What is printed as a duration is read as the same duration."""
    assert ns == parse_duration_ns(duration_text(ns))


@pytest.mark.parametrize(("text", "ns"), [("1.5h", 5400 * SECOND), ("+2m", 120 * SECOND), ("0", 0), ("1us", 1000)])
def test_durations_people_write(text, ns):
    """Fractions, signs and all units."""
    assert ns == parse_duration_ns(text)


@pytest.mark.parametrize("text", ["", "10", "s", "1 s", "1d", "1s2"])
def test_texts_that_are_no_durations(text):
    """A number needs a unit, and nothing else may stand around."""
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration_ns(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, ZERO_TIME),
        (1_704_067_200 * SECOND, "2024-01-01T00:00:00Z"),
        (1_704_067_200 * SECOND + 120_000_000, "2024-01-01T00:00:00.12Z"),
        (1_704_067_200 * SECOND + 1, "2024-01-01T00:00:00.000000001Z"),
    ],
)
def test_points_in_time(ns, text):
    """UTC, without trailing zeros; zero is Go's zero time."""
    assert text == rfc3339(ns)


def test_maps_are_sorted_by_key():
    """As Go prints a map."""
    assert "map[a:1 b:2]" == map_text({"b": "2", "a": "1"})
    assert "map[]" == map_text({})


@given(ns=st.integers(1, 4_000_000_000 * SECOND))
def test_a_time_is_read_as_it_is_written(ns):
    """To the nanosecond."""
    assert ns == parse_rfc3339_ns(rfc3339(ns))


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01t01:00:00+01:00", 0),
        ("1970-01-01T00:00:00-00:30", 1800 * SECOND),
    ],
)
def test_times_of_other_zones(text, ns):
    """In either case of the letters."""
    assert ns == parse_rfc3339_ns(text)


@pytest.mark.parametrize(
    "text", ["", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-01-01 00:00:00Z"]
)
def test_what_is_no_time_is_refused(text):
    """A zone is needed."""
    with pytest.raises(ValueError):
        parse_rfc3339_ns(text)
