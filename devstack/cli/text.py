"""Ids, times and sizes as people read them. Source: command line reference 2.2 to 2.4."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

__all__ = [
    "clock",
    "elapsed",
    "harmless",
    "history_time",
    "human_size",
    "is_text",
    "moment",
    "parse_moment",
    "short_id",
    "short_node_id",
    "state",
]

_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
SECOND_NS: Final = 1_000_000_000
_UUID: Final = re.compile(r"([A-Za-z]-)?([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SIZE_UNITS: Final = ("TB", "GB", "MB", "KB")


def is_text(text: str) -> bool:
    """Whether it can be sent: bytes of an argument that were no UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def harmless(text: str) -> str:
    """Fit for a terminal: what others have written does not move the cursor or change colours."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def short_id(full: str) -> str:
    """`j-` and eight digits of a UUID id; anything else unchanged."""
    match = _UUID.match(full)
    return f"{match[1] or ''}{match[2]}" if match else full


def short_node_id(full: str) -> str:
    """As `short_id`, and eight characters of a libp2p id; names such as `node-3` unchanged."""
    return full[:8] if len(full) == 46 and full.startswith("Qm") else short_id(full)


def moment(ns: int) -> str:
    """`2024-08-01 08:13:20` of nanoseconds since the epoch, in UTC."""
    return f"{datetime.fromtimestamp(ns // SECOND_NS, UTC):%Y-%m-%d %H:%M:%S}"


def parse_moment(text: str) -> datetime:
    """The instant of an RFC 3339 text with up to nine digits of fraction."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d+))?(.*)", text)
    if match is None:
        return datetime.fromtimestamp(0, UTC)
    zone = match[3].upper().replace("Z", "+00:00") or "+00:00"
    return datetime.fromisoformat(f"{match[1]}.{(match[2] or '0')[:6]:0<6}{zone}").astimezone(UTC)


def history_time(text: str) -> str:
    """`Aug  1 08:13:20.123` of an RFC 3339 text, in UTC."""
    at = parse_moment(text)
    return f"{at:%b} {at.day:2d} {at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def clock(seconds: float) -> str:
    """How long something took: `0.3s`, `01m05.2s`."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}m{rest:04.1f}s" if minutes else f"{rest:.1f}s"


def elapsed(since_ns: int, now_ns: int) -> str:
    """`2h5m ago`: the two largest units, whole; a second one of zero is dropped."""
    left = max(0, now_ns - since_ns) // SECOND_NS
    amounts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, left = divmod(left, size)
        amounts.append((amount, unit))
    first = next((index for index, (amount, _) in enumerate(amounts) if amount), len(amounts) - 1)
    shown = amounts[first : first + 1] + [pair for pair in amounts[first + 1 : first + 2] if pair[0]]
    return "".join(f"{amount}{unit}" for amount, unit in shown) + " ago"


def human_size(count: int) -> str:
    """Bytes in steps of 1024: `11.7 GB`, `0 B`; a unit is used for more than one of it."""
    for power, unit in zip(range(4, 0, -1), _SIZE_UNITS, strict=True):
        if count > 1024**power:
            return f"{count / 1024**power:.1f} {unit}"
    return f"{count} B"


_COMPUTE_STATES: Final = (
    "Undefined", "New", "AskForBid", "AskForBidAccepted", "AskForBidRejected",
    "BidAccepted", "BidRejected", "Completed", "Failed", "Cancelled",
)  # fmt: skip
_DESIRED_STATES: Final = ("Pending", "Running", "Stopped")


def state(number: Any, *, desired: bool = False) -> str:
    """The name of an execution's state, which travels as a number."""
    names = _DESIRED_STATES if desired else _COMPUTE_STATES
    return names[number] if isinstance(number, int) and 0 <= number < len(names) else str(number or names[0])
