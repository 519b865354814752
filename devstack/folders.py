"""Where a stack, live or simulated, keeps its files, and how they go when it does."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from devstack.adapters.docker.leftovers import is_gone, this_stack_id
from devstack.errors import UsageError
from devstack.machine import remove_tree

__all__ = ["EXECUTIONS", "remove_abandoned", "scenario_folder", "stack_folder"]

EXECUTIONS: Final = "executions"
PREFIX: Final = "devstack-"
_NAME: Final = re.compile(rf"{PREFIX}(?:scenario-)?(\d+-\d+)-\w+")


@contextmanager
def stack_folder(repo: Path | None, stack_id: str, keep_results: bool = False) -> Iterator[Path]:
    """The folder of one stack: `repo`, of which what is published stays, or a temporary one.

    Args:
        keep_results: Leave the results of executions in `repo`, and those of earlier stacks.

    Raises:
        UsageError: it cannot be made, or another stack uses it.
    """
    try:
        folder = _temporary(stack_id) if repo is None else _made(repo)
    except OSError as exc:
        where = repo or tempfile.gettempdir()
        raise UsageError(
            f"cannot keep the stack's files in {where}: {exc.strerror}", "name another folder: --repo DIR"
        ) from None
    with _held(folder):
        doomed = folder if repo is None else folder / EXECUTIONS
        if repo is not None and not keep_results:
            remove_tree(doomed)
        try:
            yield folder
        finally:
            if repo is None or not keep_results:
                remove_tree(doomed)


def scenario_folder() -> Path:
    """A new folder for one simulated world. Before the first one, what killed processes have left is removed.

    Raises:
        OSError: it cannot be made.
    """
    _remove_abandoned_once()
    return _temporary(f"scenario-{this_stack_id()}").resolve()


def _temporary(stack_id: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{stack_id}-"))


def _made(repo: Path) -> Path:
    (repo / EXECUTIONS).mkdir(parents=True, exist_ok=True)
    return repo.resolve()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder is ours alone, for as long as this process lives."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise UsageError(f"another stack keeps its files in {folder}", "give each stack a --repo of its own") from None
    try:
        yield
    finally:
        os.close(descriptor)


def remove_abandoned() -> None:
    """Remove the temporary folders of stacks and scenarios whose process is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        named = _NAME.fullmatch(folder.name)
        if named and is_gone(named[1]) and _is_ours(folder):
            remove_tree(folder)


@cache
def _remove_abandoned_once() -> None:
    remove_abandoned()


def _is_ours(folder: Path) -> bool:
    try:
        return folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
    except OSError:
        return False
