"""Steps of waiting as lines: live with a spinner on a terminal, once each when finished in a pipe.

Source: command line reference 3.5 for the layout.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from shutil import get_terminal_size
from typing import Final

import click

from devstack.cli.text import clock

__all__ = ["NoProgress", "Progress", "byte_bar"]

_FRAME_S: Final = 0.08
_MARKS: Final = {"done": "done ✅", "err": "err  ❌", "wait": "wait ⏳"}


class Progress:
    """Shows one step after the other; `pause` waits and keeps the spinner turning."""

    def __init__(self, width: int = 30, *, now: Callable[[], float] = time.monotonic) -> None:
        self._width = width
        self._now = now
        self._live = sys.stdout.isatty()
        self._frames = cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
        self._step = ""
        self._detail = ""
        self._since_s = 0.0

    def step(self, text: str) -> None:
        """The current step is done and this one begins; the same step again changes nothing."""
        if text == self._step:
            return
        self.end("done")
        self._step, self._detail, self._since_s = text, "", self._now()
        self._draw()

    def detail(self, text: str) -> None:
        """More about the current step; in a pipe it is a line of its own, written once."""
        if text and text != self._detail and self._step:
            self._detail = text
            if not self._live:
                click.echo(f"\t{'':>{self._width}}  {text}")

    def end(self, mark: str) -> None:
        """The current step has ended well (`done`), badly (`err`) or goes on without us (`wait`)."""
        if not self._step:
            return
        line = f"\t{self._step:>{self._width}}  {'.' * 16}  {_MARKS[mark]}  {clock(self._now() - self._since_s)}"
        click.echo(("\r\x1b[K" if self._live else "") + line)
        self._step = ""

    def pause(self, seconds: float) -> None:
        end_s = self._now() + seconds
        while (left_s := end_s - self._now()) > 0:
            time.sleep(min(left_s, _FRAME_S))
            self._draw()

    def _draw(self) -> None:
        if not (self._live and self._step):
            return
        text = f"\t{self._step:>{self._width}}  {next(self._frames)} {clock(self._now() - self._since_s)}"
        room = max(0, get_terminal_size().columns - len(text.expandtabs()) - 3)
        click.echo(f"\r\x1b[K{text}  {self._detail[:room]}", nl=False)


class NoProgress(Progress):
    """Says nothing, for `--id-only`."""

    def step(self, text: str) -> None:
        pass

    def _draw(self) -> None:
        pass


@contextmanager
def byte_bar(text: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a transfer, told how many bytes are here and how many there are (0: nobody knows); on a terminal."""
    if not sys.stderr.isatty():
        yield lambda here, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(text, total=None)
        yield lambda here, total: bars.update(task, completed=here, total=total or None)
