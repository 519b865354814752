"""What parameters of faults may be, and how each is read from and written to YAML, JSON and words.

Reading takes what people write (`30s`, 0.5, `50%`, `x10`, a handle of a scenario) and gives whole numbers and tuples
of texts; writing gives back the plainest form that reads as the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, Final

import attrs

from devstack.errors import UsageError
from devstack.faults.fault import CERTAIN_PPM
from devstack.messages import (
    AskForBid,
    BidAccepted,
    BidRejected,
    BidResult,
    CancelExecution,
    CancelResult,
    ComputeError,
    ExecutionReply,
    Heartbeat,
    ManagementReply,
    Reconcile,
    Register,
    RunResult,
    UpdateInfo,
    UpdateResources,
)
from devstack.models.gotext import SECOND_NS, duration_text, parse_duration_ns

__all__ = [
    "CHANCE",
    "COPIES",
    "COUNT",
    "DURATION",
    "FACTOR",
    "FLAG",
    "MESSAGES",
    "MESSAGE_NAMES",
    "MOST_COPIES",
    "NODES",
    "SKEW",
    "SLOWDOWN",
    "TEXT",
    "Kind",
    "choice",
    "unknown",
]

MESSAGE_NAMES: Final = tuple(
    message.__name__
    for message in (
        AskForBid, BidAccepted, BidRejected, CancelExecution, ExecutionReply, BidResult, RunResult, CancelResult,
        ComputeError, Register, UpdateInfo, UpdateResources, Heartbeat, ManagementReply, Reconcile,
    )
)  # fmt: skip


_MOST_NS: Final = 100 * 365 * 24 * 3600 * SECOND_NS  # Instants beyond the year 2262 cannot be written by the API.
MOST_COPIES: Final = 100  # At one instant, and each may be answered, with as many copies again.
_MOST_DIGITS: Final = 30


@attrs.frozen
class Kind:
    """A kind of parameter: `what` it is in words; `read` raises ValueError for anything else."""

    what: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    is_list: bool = False


def unknown(what: str, name: object, known: Iterable[str]) -> UsageError:
    """The error for a name that nothing has; it says which there are, and which was probably meant."""
    names = list(known)
    close = get_close_matches(str(name), names, 1)
    guess = f"did you mean {close[0]}? " if close else ""
    return UsageError(f"unknown {what} {str(name)!r}", f"{guess}known are {', '.join(names)}")


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError from None
    if not number.is_finite() or number.adjusted() > _MOST_DIGITS:
        raise ValueError
    return number


def _skew_ns(value: Any) -> int:
    skew_ns = parse_duration_ns(value) if isinstance(value, str) else int(_number(value) * SECOND_NS)
    if not -_MOST_NS <= skew_ns <= _MOST_NS:
        raise ValueError
    return skew_ns


def _duration_ns(value: Any) -> int:
    if (duration_ns := _skew_ns(value)) < 0:
        raise ValueError
    return duration_ns


def _short_duration(ns: int) -> str:
    """As Go reads it, without Go's zeros at the end: `1m`, not `1m0s`."""
    text = duration_text(ns)
    for zeros, kept in (("h0m0s", "h"), ("m0s", "m")):
        if text.endswith(zeros):
            return text.removesuffix(zeros) + kept
    return text


def _chance_ppm(value: Any) -> int:
    is_percent = isinstance(value, str) and value.endswith("%")
    ppm = _number(value[:-1]) * 10_000 if is_percent else _number(value) * CERTAIN_PPM
    if not 0 <= ppm <= CERTAIN_PPM:
        raise ValueError
    return int(ppm)


def _factor_ppm(value: Any) -> int:
    ppm = _number(value.removeprefix("x") if isinstance(value, str) else value) * CERTAIN_PPM
    if not 0 <= ppm <= 10**15:
        raise ValueError
    return int(ppm)


def _slowdown_ppm(value: Any) -> int:
    if (ppm := _factor_ppm(value)) < CERTAIN_PPM:
        raise ValueError
    return ppm


def _of_ppm(ppm: int) -> int | float:
    return ppm // CERTAIN_PPM if ppm % CERTAIN_PPM == 0 else ppm / CERTAIN_PPM


def _count(value: Any) -> int:
    count = int(value) if isinstance(value, str) else value
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError
    return count


def _copies(value: Any) -> int:
    if (copies := _count(value)) > MOST_COPIES:
        raise ValueError
    return copies


def _text(value: Any) -> str:
    if not isinstance(value, str):
        value = getattr(value, "id", value)  # A job of a scenario.
    if not isinstance(value, str):
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    texts = {"true": True, "yes": True, "false": False, "no": False}
    found = texts.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise ValueError
    return found


_SELECTOR_LETTERS: Final = frozenset("=!()<> ")


def _texts(value: Any) -> tuple[str, ...]:
    """One text, a comma list of plain ones, or a list."""
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        found = tuple(text for item in items for text in _texts(item))
    elif isinstance(value, str) and not _SELECTOR_LETTERS & set(value):
        found = tuple(part.strip() for part in value.split(","))
    else:
        found = (_target(value),)
    if not all(found):
        raise ValueError
    return found


def _target(value: Any) -> str:
    """A target's text; scenarios may give what they hold in their hands instead."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(node := getattr(value, "node", None), str):  # An execution.
        return node
    text = _text(value)
    return f"job:{text}" if text.startswith("j-") else text


def _write_texts(texts: tuple[str, ...]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else list(texts)


def _messages(value: Any) -> tuple[str, ...]:
    known = {name.lower(): name for name in MESSAGE_NAMES}
    names = _texts(value)
    for name in names:
        if name.lower().replace("_", "").replace("-", "") not in known:
            raise unknown("message", name, MESSAGE_NAMES)
    return tuple(known[name.lower().replace("_", "").replace("-", "")] for name in names)


def choice(*words: str) -> Kind:
    """One of some words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return Kind(f"one of {', '.join(words)}", read, str)


_DURATION_TEXT: Final = 'a duration such as "30s", "1m30s" or a number of seconds, up to 100 years'

DURATION: Final = Kind(_DURATION_TEXT, _duration_ns, _short_duration)
SKEW: Final = Kind(f"{_DURATION_TEXT}, negative for a clock that is late", _skew_ns, _short_duration)
CHANCE: Final = Kind('a chance from 0 to 1, or a text such as "50%"', _chance_ppm, _of_ppm)
FACTOR: Final = Kind("a factor of zero or more", _factor_ppm, _of_ppm)
SLOWDOWN: Final = Kind("a factor of one or more, such as 10 or x10", _slowdown_ppm, _of_ppm)
COUNT: Final = Kind("a whole number, zero or more", _count, int)
COPIES: Final = Kind(f"a whole number up to {MOST_COPIES}", _copies, int)
TEXT: Final = Kind("a text", _text, str)
FLAG: Final = Kind("true or false", _flag, bool)
MESSAGES: Final = Kind(f"messages ({', '.join(MESSAGE_NAMES)})", _messages, _write_texts, is_list=True)
NODES: Final = Kind(
    'a node id, "requester", "all", a label selector such as "region=eu", a share such as "50%", "job:NAME", '
    '"execution:ID", or a list of them',
    _texts,
    _write_texts,
    is_list=True,
)
