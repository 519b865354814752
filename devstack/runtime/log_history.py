"""What is kept of one execution's log: a row of segments in the order in which they were written.

Every byte has a position, the count of all bytes before it, so a reader needs no more than a number, and what it has
not read yet may vanish under it. Nothing here waits or locks.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import attrs

from devstack.runtime.ports import STDERR, STDOUT

__all__ = ["LogHistory", "Piece"]

_SEGMENT_BYTES: Final = 32 * 1024
# Of one stream. It is reached only where both streams take turns in tiny writes, for each turn begins a segment.
_MAX_SEGMENTS: Final = 64 * 1024
SEGMENT_COST_BYTES: Final = 192  # What a segment takes beside its bytes, roughly.


@attrs.frozen
class Piece:
    """Some bytes of one stream, and the position after them."""

    stream: int
    data: bytes
    end: int


@attrs.define(eq=False)
class _Segment:
    start: int
    data: bytearray

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class LogHistory:
    """Bytes come at the end, and are dropped at the head of their stream."""

    def __init__(self) -> None:
        self.end = 0
        self._segments: dict[int, list[_Segment]] = {STDOUT: [], STDERR: []}
        self._sizes = {STDOUT: 0, STDERR: 0}
        self._last_stream = 0

    @property
    def size_bytes(self) -> int:
        """The bytes, and what all segments but each stream's first take beside them."""
        more = sum(max(0, len(segments) - 1) for segments in self._segments.values())
        return sum(self._sizes.values()) + more * SEGMENT_COST_BYTES

    def append(self, stream: int, data: bytes) -> None:
        for start in range(0, len(data), _SEGMENT_BYTES):
            self._append(stream, data[start : start + _SEGMENT_BYTES])

    def _append(self, stream: int, data: bytes) -> None:
        segments = self._segments[stream]
        if stream == self._last_stream and segments and len(segments[-1].data) + len(data) <= _SEGMENT_BYTES:
            segments[-1].data += data
        else:
            segments.append(_Segment(self.end, bytearray(data)))
        self.end += len(data)
        self._sizes[stream] += len(data)
        self._last_stream = stream

    def trim(self, stream_bytes: int) -> None:
        """Keep no more than the last bytes of each stream."""
        for stream, segments in self._segments.items():
            self._drop(stream, self._sizes[stream] - stream_bytes)
            while len(segments) > _MAX_SEGMENTS:
                self._drop(stream, len(segments[0].data))

    def drop_oldest(self, count: int) -> None:
        """Become smaller by so much, or a little more, whatever the streams of the bytes."""
        goal = max(0, self.size_bytes - count)
        while self.size_bytes > goal:
            stream = min((s for s in self._segments if self._segments[s]), key=lambda s: self._segments[s][0].start)
            self._drop(stream, min(self.size_bytes - goal, len(self._segments[stream][0].data)))

    def _drop(self, stream: int, count: int) -> None:
        segments = self._segments[stream]
        while count > 0 and segments:
            oldest = segments[0]
            part = min(count, len(oldest.data))
            if part == len(oldest.data):
                del segments[0]
            else:
                del oldest.data[:part]
                oldest.start += part
            self._sizes[stream] -= part
            count -= part

    def piece(self, position: int, end: int) -> Piece | None:
        """The first bytes that are kept at or after a position and before an end; None if there are none."""
        found = [(segment, s) for s in self._segments if (segment := _first_after(self._segments[s], position))]
        if not found:
            return None
        segment, stream = min(found, key=lambda pair: pair[0].start)
        start = max(position, segment.start)
        data = bytes(segment.data[start - segment.start : max(0, end - segment.start)])
        return Piece(stream, data, start + len(data)) if data else None

    def stream_bytes(self, stream: int) -> bytes:
        """All that is kept of a stream."""
        return b"".join(segment.data for segment in self._segments[stream])


def _first_after(segments: list[_Segment], position: int) -> _Segment | None:
    """The first segment with bytes at or after the position."""
    index = bisect_right(segments, position, key=lambda segment: segment.end)
    return segments[index] if index < len(segments) else None
