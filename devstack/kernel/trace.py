"""The trace: everything that happened, in order, and one digest over all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum
from hashlib import sha256
from typing import Final

__all__ = ["Keep", "Record", "Trace"]

Record = tuple[int, str, str, str]
"""(time_ns, kind, subject, detail): integers and short texts only, the same in every process."""

_BATCH: Final = 512


class Keep(Enum):
    """How much of a trace stays in memory; the digest always covers all of it."""

    ALL = "all"
    TAIL = "tail"
    NONE = "none"


class Trace:
    """Append-only records with a streaming digest."""

    def __init__(self, keep: Keep = Keep.ALL, tail: int = 10_000) -> None:
        self._records: deque[Record] | None = None
        if keep is not Keep.NONE:
            self._records = deque(maxlen=tail if keep is Keep.TAIL else None)
        # The digest is a chain over batches: a running sha256 object could not be pickled, and a world must be.
        self._chain = b""
        self._batch: list[str] = []
        self._linked = 0  # Records in the chain already.

    @property
    def count(self) -> int:
        """How many records there were so far."""
        return self._linked + len(self._batch)

    def add(self, time_ns: int, kind: str, subject: str, detail: str) -> None:
        """Record one thing that happened."""
        batch = self._batch
        batch.append(f"{time_ns} {kind} {subject} {detail}")
        if self._records is not None:
            self._records.append((time_ns, kind, subject, detail))
        if len(batch) >= _BATCH:
            self._chain = self._link()
            self._linked += len(batch)
            batch.clear()

    def records(self) -> Iterable[Record]:
        """What was kept, oldest first."""
        return self._records or ()

    def copy(self) -> Trace:
        """The same so far; what is added to one is not in the other."""
        copy = Trace.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._records, copy._batch = None if self._records is None else self._records.copy(), self._batch.copy()
        return copy

    def digest(self) -> str:
        """64 hex digits over every record so far; the same records give the same digest anywhere."""
        return self._link().hex()

    def _link(self) -> bytes:
        text = "\n".join(self._batch)
        if text.count("\n") >= len(self._batch) > 0:
            # A record begins with a digit, so that a tab marks a line as the one before's: else two records could
            # be taken for one that has a line break in it.
            text = "\n".join(record.replace("\n", "\n\t") for record in self._batch)
        # What programs and people write may hold half of a surrogate pair, and is traced as it is.
        return sha256(self._chain + text.encode("utf-8", "surrogatepass")).digest()
