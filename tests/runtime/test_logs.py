"""The logs of executions and their readers."""

from __future__ import annotations

import gc
import threading
from itertools import groupby, pairwise

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.models.execution import RunCommandResult
from devstack.runtime.logs import ExecutionLog, LogBook, LogReader, finished_lines, result_lines
from devstack.runtime.ports import STDERR, STDOUT

Chunk = tuple[int, bytes]


def joined(chunks: list[Chunk]) -> list[Chunk]:
    """The same with what follows on one stream put together: where writes were cut is not kept."""
    return [(stream, b"".join(data for _, data in group)) for stream, group in groupby(chunks, lambda chunk: chunk[0])]


async def everything(reader: LogReader) -> list[Chunk]:
    return joined([chunk async for chunk in reader])


async def follow_into(log: ExecutionLog, found: list[Chunk], *, tail: bool = False) -> None:
    async for chunk in log.read(follow=True, tail=tail):
        found.append(chunk)


async def test_what_was_written_is_read_in_its_order():
    """The order of the streams is kept."""
    log = LogBook().open("e-1")
    written = [(STDOUT, b"a\n"), (STDERR, b"oops\n"), (STDOUT, b"b\n")]
    for chunk in written:
        log.write(*chunk)
    assert written == await everything(log.read())
    assert ("a\nb\n", "oops\n") == log.text()


async def test_a_follower_reads_to_the_end():
    """With follow a reader ends when the execution does."""
    log = LogBook().open("e-1")
    found: list[Chunk] = []
    log.write(STDOUT, b"first\n")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow_into, log, found)
        await trio.testing.wait_all_tasks_blocked()
        assert [(STDOUT, b"first\n")] == found
        log.write(STDOUT, b"second\n")
        log.write(STDERR, b"oops\n")
        await trio.testing.wait_all_tasks_blocked()
        log.close()
    assert [(STDOUT, b"first\nsecond\n"), (STDERR, b"oops\n")] == joined(found)


async def test_with_tail_only_what_comes_from_now_on():
    """The moment of the call counts, not that of the first look."""
    log = LogBook().open("e-1")
    log.write(STDOUT, b"first\n")
    reader = log.read(tail=True, follow=True)
    log.write(STDOUT, b"second\n")
    log.close()
    assert [(STDOUT, b"second\n")] == await everything(reader)


async def test_without_follow_only_what_there_was():
    """A reader of a running execution ends with what there was when it came."""
    log = LogBook().open("e-1")
    log.write(STDOUT, b"first\n")
    reader = log.read()
    log.write(STDOUT, b"second\n")
    assert [(STDOUT, b"first\n")] == await everything(reader)
    assert [] == await everything(log.read(tail=True))


async def test_a_finished_log_comes_whole():
    """Follow and tail make no difference to it; late writes are dropped."""
    log = LogBook().open("e-1")
    log.write(STDOUT, b"all\n")
    log.close()
    log.write(STDOUT, b"late\n")
    for tail in (False, True):
        for follow in (False, True):
            assert [(STDOUT, b"all\n")] == await everything(log.read(tail=tail, follow=follow))


async def test_an_empty_log_ends_at_once():
    """T057: a reader of nothing comes to its end."""
    log = LogBook().open("e-1")
    reader = log.read(follow=True)
    log.close()
    assert [] == await everything(reader)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(min_size=1, max_size=12)),
        st.integers(0, 2),  # This reader takes its next chunk, if it has come.
    ),
    max_size=40,
)


@settings(deadline=None)
@given(STEPS)
def test_every_reader_gets_every_byte_once_and_in_order(steps):
    """However writes and three readers interleave, each reader has the whole log at the end."""

    async def main() -> None:
        log = LogBook().open("e-1")
        readers = [log.read(follow=True) for _ in range(3)]
        found: list[list[Chunk]] = [[], [], []]
        written: list[Chunk] = []
        for step in steps:
            if isinstance(step, tuple):
                written.append(step)
                log.write(*step)
            else:
                with trio.move_on_after(0.01):
                    found[step].append(await anext(readers[step]))
        log.close()
        for reader, chunks in zip(readers, found, strict=True):
            chunks += [chunk async for chunk in reader]
            for stream in (STDOUT, STDERR):
                assert b"".join(data for of, data in written if of == stream) == b"".join(
                    data for of, data in chunks if of == stream
                )
        assert joined(written) == joined([chunk async for chunk in log.read()]) or not _is_text(written)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def _is_text(chunks: list[Chunk]) -> bool:
    """Whether no chunk cuts a character, which a reader would put together again."""
    try:
        for _, data in chunks:
            data.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None)
@given(st.text(max_size=30), st.lists(st.integers(0, 120), max_size=6))
def test_characters_are_never_cut(text, cuts):
    """However a text is split when it is written, every chunk that is read is text."""
    data = text.encode()
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})

    async def main() -> None:
        log = LogBook().open("e-1")
        reader = log.read(follow=True)
        found = []
        for start, end in pairwise(edges):
            log.write(STDOUT, data[start:end])
            with trio.move_on_after(0.01):
                found.append((await anext(reader))[1].decode())
        log.close()
        found += [chunk.decode() async for _, chunk in reader]
        assert text == "".join(found)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_bytes_that_are_no_text_come_all_the_same():
    """An unfinished character at the end is not lost."""
    log = LogBook().open("e-1")
    log.write(STDOUT, b"\xff\xfe a \xe2\x98")
    log.write(STDERR, b"\xc3")
    log.close()
    found = [chunk async for chunk in log.read()]
    assert b"\xff\xfe a \xe2\x98" == b"".join(data for stream, data in found if stream == STDOUT)
    assert b"\xc3" == b"".join(data for stream, data in found if stream == STDERR)


# ---- threads, time and memory ------------------------------------------------------------------------------


async def test_threads_wake_a_follower():
    """Writers are threads; all they write arrives, and the first bytes before the next are written."""
    log = LogBook().open("e-1")

    def write() -> None:
        log.write(STDOUT, b"line\n")
        assert first.wait(60)
        for _ in range(1000):
            log.write(STDOUT, b"line\n")
        log.close()

    first = threading.Event()
    count = 0
    async with trio.open_nursery() as nursery:
        reader = log.read(follow=True)
        nursery.start_soon(trio.to_thread.run_sync, write)
        async for _, data in reader:
            first.set()
            count += data.count(b"\n")
    assert 1001 == count


async def test_a_slow_reader_holds_up_nobody():
    """The writer never waits, the memory is bounded, and the reader goes on with the oldest bytes that are kept."""
    book = LogBook(stream_bytes=1000, running_bytes=4000)
    log = book.open("e-1")
    reader = log.read(follow=True)
    for number in range(100):
        log.write(STDOUT, b"%03d" % number * 33 + b"\n")
    assert book.statistics()["kept_bytes"] <= 4000 + 1024
    log.close()
    found = b"".join([data async for _, data in reader])
    assert b"".join(b"%03d" % number * 33 + b"\n" for number in range(60, 100)) == found
    assert 1000 + 1024 == book.statistics()["kept_bytes"]


async def test_a_hundred_thousand_lines_wait_for_a_reader_that_comes_late():
    """Even long ones: all of them are there until the execution is over, and until it has read them."""
    log = LogBook().open("e-1")
    lines = [b"%0300d\n" % number for number in range(100_000)]
    for line in lines:
        log.write(STDOUT, line)
    reader = log.read(follow=True)
    log.close()
    assert [(STDOUT, b"".join(lines))] == await everything(reader)


async def test_a_reader_that_went_away_costs_nothing():
    """An abandoned reader does not keep the larger history alive, nor does a cancelled one stay in the queue."""
    book = LogBook(stream_bytes=10, running_bytes=1000)
    log = book.open("e-1")
    with trio.move_on_after(0):
        await everything(log.read(follow=True))
    await trio.lowlevel.checkpoint()  # Until then trio holds the reader's frame.
    gc.collect()
    log.write(STDOUT, b"x" * 100)
    log.close()
    assert "x" * 10 == log.text()[0]


async def test_what_was_kept_for_a_reader_goes_when_it_is_closed():
    """A client that leaves in the middle of a finished log leaves no more than any other."""
    book = LogBook(stream_bytes=10, running_bytes=1000)
    log = book.open("e-1")
    log.write(STDOUT, b"x" * 100)
    reader = log.read(follow=True)
    log.close()
    assert 100 + 1024 == book.statistics()["kept_bytes"]
    reader.close()
    assert 10 + 1024 == book.statistics()["kept_bytes"]


async def test_one_mebibyte_of_each_stream_is_kept():
    """A finished log comes whole up to that size; of a longer one the end is kept."""
    log = LogBook().open("e-1")
    mib = 1024 * 1024
    log.write(STDOUT, b"o" * mib)
    log.write(STDERR, b"cut" + b"e" * mib)
    log.close()
    assert ("o" * mib, "e" * mib) == log.text()


# ---- the book ----------------------------------------------------------------------------------------------


async def test_the_oldest_finished_logs_go_first():
    """All logs together have a bound; running ones stay."""
    book = LogBook(total_bytes=3 * 1024 + 250)
    for number in range(3):
        book.open(f"e-{number}").write(STDOUT, b"x" * 80)
    book.finish("e-1")
    book.finish("e-0")
    book.open("e-3").write(STDOUT, b"y" * 10)
    assert [True, False, True, True] == [book.get(f"e-{number}") is not None for number in range(4)]
    assert {"logs": 3, "finished": 1, "kept_bytes": 3 * 1024 + 170} == book.statistics()


async def test_without_finished_logs_the_writer_pays():
    """A running log loses its own oldest bytes rather than another's, or the bound."""
    book = LogBook(total_bytes=2 * 1024 + 100)
    quiet, chatty = book.open("e-0"), book.open("e-1")
    quiet.write(STDOUT, b"q" * 40)
    chatty.write(STDOUT, b"a" * 60)
    chatty.write(STDERR, b"b" * 20)
    assert ("q" * 40, "a" * 40, "b" * 20) == (quiet.text()[0], *chatty.text())


async def test_a_reader_of_a_log_that_goes_comes_to_its_end():
    """Nobody waits for bytes that are no more."""
    book = LogBook(total_bytes=1024 + 10)
    log = book.open("e-0")
    log.write(STDOUT, b"x" * 10)
    log.close()
    reader = log.read()
    book.open("e-1").write(STDOUT, b"y" * 10)
    assert None is book.get("e-0")
    assert [] == await everything(reader)


async def test_a_log_can_go_on():
    """An execution that is started again writes on in its log."""
    book = LogBook()
    book.open("e-1").write(STDOUT, b"one\n")
    book.finish("e-1")
    log = book.open("e-1")
    log.write(STDOUT, b"two\n")
    assert (False, "one\ntwo\n") == (log.is_closed, log.text()[0])
    assert 0 == book.statistics()["finished"]


async def test_a_simulated_programs_output_comes_at_once():
    """Finished texts are a log as well, which stays open until the program's end."""
    book = LogBook()
    book.write_texts("e-1", "out\n", "err\n")
    log = book.get("e-1")
    assert log is not None
    assert [(STDOUT, b"out\n"), (STDERR, b"err\n")] == await everything(log.read())
    assert not log.is_closed
    book.finish("e-1")
    book.finish("e-unknown")
    assert log.is_closed


async def test_waiting_for_a_log_that_is_not_there_yet(autojump_clock):
    """Who asks between acceptance and start waits; who gives up leaves nothing."""
    book = LogBook()
    found: list[ExecutionLog] = []

    async def wait() -> None:
        found.append(await book.wait_opened("e-1"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        with trio.move_on_after(5) as scope:
            await book.wait_opened("e-2")
        log = book.open("e-1")
    assert scope.cancelled_caught
    assert [log, log] == found
    assert {} == book._awaited


# ---- finished executions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stdout", "stderr", "lines"),
    [
        ("stdout line 1\nstdout line 2", "", [(STDOUT, "stdout line 1\n"), (STDOUT, "stdout line 2\n")]),
        ("a\nno newline", "e\n", [(STDOUT, "a\n"), (STDOUT, "no newline\n"), (STDERR, "e\n")]),
        ("a\n\nb\n", "", [(STDOUT, "a\n"), (STDOUT, "\n"), (STDOUT, "b\n")]),
        ("", "", []),
    ],
)
def test_lines_of_a_finished_execution(stdout, stderr, lines):
    """T051, T053: stdout before stderr, each line with its newline; nothing for no output."""
    assert lines == list(finished_lines(stdout, stderr))
    assert lines == list(result_lines(RunCommandResult(stdout, False, stderr, False, 0)))


@given(st.lists(st.text(alphabet="a\r\u2028\n", max_size=4000), max_size=12).map("\n".join))
def test_a_long_finished_log_comes_whole_in_pieces_of_whole_lines(text):
    """Line by line at its beginning, then many at once; nothing but a newline cuts."""
    pieces = [line for _, line in finished_lines(text, "")]
    assert text + "\n" * (text[-1:] not in ("", "\n")) == "".join(pieces)
    assert all(piece.endswith("\n") for piece in pieces)
    position = 0
    for piece in pieces:
        assert position >= 2048 or piece.count("\n") == 1
        position += len(piece)


def test_a_hundred_thousand_finished_lines_are_few_messages():
    """A message costs much more than a line."""
    assert 300 > len(list(finished_lines("1234567\n" * 100_000, "")))


def test_without_a_result_there_are_no_lines():
    """An execution that never ran has no output."""
    assert [] == list(result_lines(None))
