"""A live stack for tests and notebooks that talk HTTP: in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import attrs
import trio

from devstack.live import StackOptions, open_stack

__all__ = ["Bacalhau", "StackThread", "live_stack"]

END_LIMIT_S: Final = 10.0


@attrs.frozen
class Bacalhau:
    """Where a live stack answers."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What comes before `/api/v1`."""
        return f"http://{self.host}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which Bacalhau's clients find it."""
        return {"BACALHAU_API_HOST": self.host, "BACALHAU_API_PORT": str(self.port)}


@contextmanager
def live_stack(options: StackOptions) -> Iterator[Bacalhau]:
    """A stack for the length of a block.

    Raises:
        DevstackError: an option cannot be met.
    """
    thread = StackThread(options)
    try:
        yield thread.wait_ready()
    finally:
        thread.end()


class StackThread:
    """Owns the event loop of one stack; a caller that blocks on a socket does not block it."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._is_settled = threading.Event()
        self._error: BaseException | None = None
        self._stack: Bacalhau | None = None
        self._ask_for_end: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="devstack", daemon=True)
        self._thread.start()

    def wait_ready(self) -> Bacalhau:
        """Where it answers, once it does. Raises what kept it from starting."""
        self._is_settled.wait()
        if self._stack is None:
            assert self._error is not None
            raise self._error
        return self._stack

    def end(self) -> None:
        """Close the stack; what went wrong while it ran comes out here."""
        self._ask_for_end()
        self._thread.join(END_LIMIT_S)
        assert not self._thread.is_alive(), f"the stack has not ended after {END_LIMIT_S:g} s"
        if self._stack is not None and self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as exc:  # Whatever it is, the caller's thread must hear of it.
            self._error = _single(exc)
        finally:
            self._is_settled.set()

    async def _serve(self) -> None:
        end = trio.Event()
        token = trio.lowlevel.current_trio_token()
        async with open_stack(self._options) as stack:
            self._ask_for_end = lambda: _tell(token, end)
            self._stack = Bacalhau(stack.host, stack.port)
            self._is_settled.set()
            await end.wait()


def _tell(token: trio.lowlevel.TrioToken, end: trio.Event) -> None:
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(end.set)


def _single(error: BaseException) -> BaseException:
    """The error itself, out of the groups that nurseries have put around it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
