"""How time passes for guests: the port that the executor waits on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import attrs
import trio

__all__ = ["Pace", "TrioPace", "aside"]

_NS_PER_S: Final = 1_000_000_000
_T = TypeVar("_T")


class Pace(Protocol):
    @property
    def is_virtual(self) -> bool:
        """Whether time stands still while a guest runs, so that nothing else may happen until its next step."""

    def now_ns(self) -> int: ...

    async def sleep_until(self, instant_ns: int) -> None: ...


@attrs.frozen
class TrioPace:
    """The clock of the trio loop, whose zero is `epoch_ns`."""

    epoch_ns: int = 0
    is_virtual: bool = False

    def now_ns(self) -> int:
        return self.epoch_ns + round(trio.current_time() * _NS_PER_S)

    async def sleep_until(self, instant_ns: int) -> None:
        await trio.sleep_until((instant_ns - self.epoch_ns) / _NS_PER_S)


async def aside(pace: Pace, work: Callable[[], _T]) -> _T:
    """Do blocking work: in a thread in real time; here and now in virtual time, which must not pass meanwhile."""
    return work() if pace.is_virtual else await trio.to_thread.run_sync(work)
