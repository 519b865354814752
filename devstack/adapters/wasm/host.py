"""What our host functions ask of the guest that calls them.

The linker and its functions are shared by all guests (making them anew costs more than a small run), so a host
function has to find out who called. Each guest has a thread of its own, hence a thread-local variable.
"""

from __future__ import annotations

import threading
from typing import Final, Protocol

__all__ = ["Host", "active_host", "set_active_host"]


class Host(Protocol):
    """The outside of one running module."""

    @property
    def is_killed(self) -> bool: ...

    def now_ns(self) -> int:
        """The guest's time: its start, and since then the fuel it burnt and the time it slept."""

    def cpu_ns(self) -> int:
        """Fuel burnt so far, as time."""

    def sleep_until(self, instant_ns: int) -> None:
        """Block until the guest's time is `instant_ns`, or until it is killed."""

    def random_bytes(self, count: int) -> bytes: ...

    def exited(self, code: int) -> None:
        """The guest called proc_exit."""

    def failed(self, error: Exception) -> None:
        """One of our own functions broke: end the guest."""


_THREAD: Final = threading.local()


def active_host() -> Host:
    """The host of the guest that runs in this thread."""
    host: Host = _THREAD.host
    return host


def set_active_host(host: Host | None) -> None:
    _THREAD.host = host
