"""Spreads work over processes that share nothing but their orders.

A worker reads orders from its standard input, one JSON list each, and answers each of its items with a line of JSON.
It ends when its input ends, so that nothing is left behind whatever happens to the parent.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Final

from devstack.errors import InvariantError

__all__ = ["CHUNK", "collecting_seldom", "cores", "spread"]

# Items a worker is given at a time: enough to keep it busy, few enough that none waits long for the last one.
CHUNK: Final = 16
# Objects made and not freed between two looks for garbage; a world is about 5,000, or 5 MB with what is cached.
_COLLECT_EVERY: Final = 50_000


def cores() -> int:
    """How many processes can run at once here."""
    return len(os.sched_getaffinity(0))


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Within it, garbage is looked for once in some ten worlds: while one lives, next to nothing of it is garbage."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def spread(
    command: Sequence[str], items: Sequence[Any], jobs: int, *, opening: str = "", chunk: int = CHUNK
) -> Iterator[Any]:
    """Answers as they come, from `jobs` processes of that command; each hears the `opening` line first, if any.

    Raises:
        InvariantError: a process has died.
    """
    answers: SimpleQueue[Any] = SimpleQueue()
    chunks = iter([list(items[at : at + chunk]) for at in range(0, len(items), chunk)])
    lock = threading.Lock()

    def next_chunk() -> list[Any] | None:
        with lock:
            return next(chunks, None)

    workers = [_Worker(command, opening) for _ in range(jobs)]
    threads = [threading.Thread(target=worker.feed, args=(next_chunk, answers), daemon=True) for worker in workers]
    try:
        for thread in threads:
            thread.start()
        for _ in items:
            answer = answers.get()
            if isinstance(answer, Exception):
                raise answer
            yield answer
    finally:
        for worker in workers:
            worker.end()
        for thread in threads:
            thread.join()


class _Worker:
    def __init__(self, command: Sequence[str], opening: str) -> None:
        self._opening = opening
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def feed(self, next_chunk: Callable[[], list[Any] | None], answers: SimpleQueue[Any]) -> None:
        """Have it work off one chunk after the other."""
        to, source = self._process.stdin, self._process.stdout
        assert to is not None and source is not None  # Both are pipes.
        try:
            to.write(f"{self._opening}\n" if self._opening else "")
            while (chunk := next_chunk()) is not None:
                to.write(json.dumps(chunk) + "\n")
                to.flush()
                for _ in chunk:
                    answers.put(json.loads(source.readline()))
        except (OSError, ValueError):  # It died, or somebody has given up on all of this.
            answers.put(InvariantError("a worker process has died", "run again with --jobs 1"))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except OSError:
                continue  # What was still to be written has no reader any more.
