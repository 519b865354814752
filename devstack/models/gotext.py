"""Numbers, sizes and times as Bacalhau prints them, for its texts reach clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

__all__ = [
    "ZERO_TIME",
    "cpu_text",
    "duration_text",
    "human_bytes",
    "map_text",
    "parse_duration_ns",
    "parse_rfc3339_ns",
    "rfc3339",
]

SECOND_NS: Final = 1_000_000_000
ZERO_TIME: Final = "0001-01-01T00:00:00Z"


def cpu_text(millis: int) -> str:
    """Cores in shortest form: `2`, `0.5`."""
    return _decimal(millis, 1000) if millis < 10**9 else str(millis // 1000)


def human_bytes(count: int) -> str:
    """Decimal sizes with one digit after the point below ten: `7 B`, `1.0 kB`, `16 GB`. Source: reference 1.5."""
    if count < 10:
        return f"{count} B"
    power, scale = 0, 1
    while count >= scale * 1000 and power < 6:
        power, scale = power + 1, scale * 1000
    tenths = (count * 10 * 2 + scale) // (2 * scale)  # rounded half up
    unit = ("B", "kB", "MB", "GB", "TB", "PB", "EB")[power]
    if not power:
        return f"{count} B"
    return f"{tenths // 10}.{tenths % 10} {unit}" if tenths < 100 else f"{tenths / 10:.0f} {unit}"


def duration_text(ns: int) -> str:
    """A duration as Go prints it: `1h0m0s`, `1m30s`, `10s`, `500ms`, `0s`."""
    if ns < 0:
        return "-" + duration_text(-ns)
    if ns == 0:
        return "0s"
    if ns < SECOND_NS:
        scale, unit = (1_000_000, "ms") if ns >= 1_000_000 else (1_000, "µs") if ns >= 1_000 else (1, "ns")
        return f"{_decimal(ns, scale)}{unit}"
    minutes, rest_ns = divmod(ns, 60 * SECOND_NS)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return f"{text}{_decimal(rest_ns, SECOND_NS)}s"


def _decimal(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    if not rest:
        return str(whole)
    return f"{whole}.{rest:0{len(str(scale)) - 1}d}".rstrip("0")


_UNIT_NS: Final = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000,
    "s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3600 * SECOND_NS,
}  # fmt: skip


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of a Go duration such as `1h30m`, `500ms`, `0`.

    Raises:
        ValueError: the text is no duration.
    """
    rest, sign = (text[1:], -1 if text[0] == "-" else 1) if text[:1] in ("-", "+") else (text, 1)
    if rest == "0":
        return 0
    parts = re.findall(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", rest)
    if not parts or "".join(number + unit for number, unit in parts) != rest:
        raise ValueError(f"invalid duration {text!r}: use forms such as 30s, 1m30s, 500ms")
    return sign * sum(int(Decimal(number) * _UNIT_NS[unit]) for number, unit in parts)


def rfc3339(ns: int) -> str:
    """A point in time in UTC, trailing zeros of the fraction dropped; zero is Go's zero time."""
    if ns == 0:
        return ZERO_TIME
    seconds, fraction = divmod(ns, SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}".rstrip("0") + "Z" if fraction else text + "Z"


_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_rfc3339_ns(text: str) -> int:
    """Nanoseconds since 1970 of a point in time such as `2024-01-01T00:00:30.5Z`.

    Raises:
        ValueError: the text is no such point.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"invalid time {text!r}: use forms such as 2024-01-01T00:00:30Z")
    seconds = round(datetime.fromisoformat(match[1].upper() + match[3].upper()).timestamp())
    return seconds * SECOND_NS + int((match[2] or "").ljust(9, "0"))


def map_text(mapping: Mapping[str, str]) -> str:
    """A map as Go prints it, sorted by key: `map[a:1 b:2]`."""
    return "map[" + " ".join(f"{key}:{mapping[key]}" for key in sorted(mapping)) + "]"
