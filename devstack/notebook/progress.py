"""A progress bar for what takes over a second, where somebody is watching: on a terminal, or in a notebook.

Where a run is interrupted (Ctrl-C, or the notebook's stop button) it stops between two events, so that nothing is left
half done.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from html import escape
from types import FrameType, TracebackType
from typing import Any, Final, Protocol, Self

from devstack.notebook.extra import needed

__all__ = ["Progress"]

PATIENCE_S: Final = 1.0
_EVERY_S: Final = 0.1


class _Bar(Protocol):
    def draw(self, share: float, text: str) -> None: ...

    def end(self) -> None: ...


class Progress:
    """`with Progress("running") as progress: ... progress.tell(0.5)`; nothing is shown in the first second."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: _Bar | None = None
        self._began_s = self._drawn_s = time.monotonic()
        self._is_interrupted = False
        self._handler: Any = None

    def tell(self, share: float, text: str = "") -> None:
        """So much of it is done, from 0 to 1. Raises KeyboardInterrupt: somebody wants it to stop."""
        if self._is_interrupted:
            raise KeyboardInterrupt
        now_s = time.monotonic()
        if now_s - self._began_s < PATIENCE_S or now_s - self._drawn_s < _EVERY_S:
            return
        self._drawn_s = now_s
        if self._bar is None:
            self._bar = _make_bar(self._title)
        self._bar.draw(max(0.0, min(1.0, share)), text)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        if self._bar is not None:
            self._bar.end()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._is_interrupted:
            raise KeyboardInterrupt  # The second time, whatever it leaves behind.
        self._is_interrupted = True


class _NoBar:
    def draw(self, share: float, text: str) -> None:
        pass

    def end(self) -> None:
        pass


class _TerminalBar:
    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        self._progress = RichProgress(console=Console(stderr=True), transient=True)
        self._progress.start()
        self._task = self._progress.add_task(title, total=1.0)
        self._title = title

    def draw(self, share: float, text: str) -> None:
        self._progress.update(self._task, completed=share, description=f"{self._title} {text}".strip())

    def end(self) -> None:
        self._progress.stop()


class _NotebookBar:
    """The browser's own progress element: no widgets have to be installed for it."""

    def __init__(self, title: str) -> None:
        shown = needed("IPython.display", "notebooks")
        self._html, self._title = shown.HTML, title
        self._handle = shown.display(shown.HTML(""), display_id=True)

    def draw(self, share: float, text: str) -> None:
        words = escape(f"{self._title} {text}".strip())
        self._handle.update(self._html(f'<progress value="{share:.3f}" max="1"></progress> {words}'))

    def end(self) -> None:
        self._handle.update(self._html(""))


def _make_bar(title: str) -> _Bar:
    if _is_notebook():
        return _NotebookBar(title)
    return _TerminalBar(title) if sys.stderr.isatty() else _NoBar()


def _is_notebook() -> bool:
    """Whether a kernel of a notebook runs us; who has not imported IPython has none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
