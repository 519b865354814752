"""What is kept of one log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devstack.runtime.log_history import SEGMENT_COST_BYTES, LogHistory
from devstack.runtime.ports import STDERR, STDOUT

WRITES = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(min_size=1, max_size=30)), max_size=25)


def history_of(writes: list[tuple[int, bytes]]) -> LogHistory:
    history = LogHistory()
    for stream, data in writes:
        history.append(stream, data)
    return history


def bytes_with_streams(writes: list[tuple[int, bytes]]) -> list[tuple[int, int]]:
    return [(stream, byte) for stream, data in writes for byte in data]


def read_all(history: LogHistory, position: int = 0) -> list[tuple[int, int]]:
    found = []
    while (piece := history.piece(position, history.end)) is not None:
        found += [(piece.stream, byte) for byte in piece.data]
        position = piece.end
    return found


@given(WRITES, st.integers(0, 400))
def test_from_any_position_the_rest_comes_in_order(writes, position):
    """A position is a count of bytes; what follows comes once, in the order in which it was written."""
    assert bytes_with_streams(writes)[position:] == read_all(history_of(writes), position)


@given(WRITES, st.integers(0, 400))
def test_a_stream_keeps_its_last_bytes(writes, limit):
    """Trimming drops each stream's oldest bytes and leaves the others where they are."""
    history = history_of(writes)
    history.trim(limit)
    everything = bytes_with_streams(writes)
    for stream in (STDOUT, STDERR):
        kept = [byte for of, byte in everything if of == stream]
        assert bytes(kept[max(0, len(kept) - limit) :]) == history.stream_bytes(stream)
    remaining = iter(everything)
    assert all(byte in remaining for byte in read_all(history))  # A subsequence: the order is kept.


@given(WRITES, st.integers(-3, 400))
def test_the_oldest_bytes_go_whatever_their_stream(writes, count):
    """The newest stay, and no more goes than must: another byte would be too much, or one more segment."""
    history = history_of(writes)
    goal = max(0, history.size_bytes - max(0, count))
    history.drop_oldest(count)
    kept = read_all(history)
    assert kept == bytes_with_streams(writes)[len(bytes_with_streams(writes)) - len(kept) :]
    assert goal - SEGMENT_COST_BYTES <= history.size_bytes <= goal


def test_a_piece_ends_where_it_is_asked_to():
    """What came later than the end is not told."""
    history = history_of([(STDOUT, b"abc"), (STDERR, b"x"), (STDOUT, b"d")])
    piece = history.piece(1, 2)
    assert piece is not None
    assert (STDOUT, b"b", 2) == (piece.stream, piece.data, piece.end)
    assert None is history.piece(4, 4)


def test_small_writes_share_their_room():
    """A million single bytes do not take a million objects, not even of alternating streams."""
    history = LogHistory()
    for _ in range(50_000):
        history.append(STDOUT, b"x")
    piece = history.piece(0, history.end)
    assert piece is not None
    assert 32 * 1024 == len(piece.data)
    for number in range(140_000):
        history.append(STDOUT + number % 2, b"y")
    history.trim(10**9)
    assert 64 * 1024 == len(history.stream_bytes(STDERR))


def test_a_hundred_thousand_lines_of_two_streams_in_turn_are_kept():
    """The order of the streams is kept with them."""
    history = history_of([(STDOUT + number % 2, b"%d\n" % number) for number in range(100_000)])
    history.trim(10**9)
    position = 0
    for number in range(100_000):
        piece = history.piece(position, history.end)
        assert piece is not None
        assert (STDOUT + number % 2, b"%d\n" % number) == (piece.stream, piece.data)
        position = piece.end
    assert history.end == position


def test_the_room_beside_the_bytes_counts():
    """Lines of two streams in turn take more room than their bytes, and are dropped for it."""
    history = history_of([(STDOUT + number % 2, b"line\n") for number in range(1000)])
    assert 1000 * 5 + 998 * SEGMENT_COST_BYTES == history.size_bytes
    history.drop_oldest(500 * SEGMENT_COST_BYTES)
    assert history.size_bytes <= 1000 * 5 + 498 * SEGMENT_COST_BYTES
