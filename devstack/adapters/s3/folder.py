"""What of a results folder may leave this machine: files, folders, and links that stay inside."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from devstack.adapters import archive
from devstack.errors import AdapterError

__all__ = ["check_results", "loose_files", "shown"]

_SHOWN_NAME = 200  # letters


def check_results(folder: Path) -> None:
    """Refuse results that lead out of their folder, or are no files.

    Raises:
        AdapterError: a link to somewhere else, a device, a pipe or a socket, by its name.
    """
    inside = os.path.realpath(folder)
    for name, path in archive.walk(folder):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            if not Path(os.path.realpath(path)).is_relative_to(inside):
                raise AdapterError(
                    f"the result {shown(name)} is a link that leads out of the results", "copy the file instead"
                )
        elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise AdapterError(f"the result {shown(name)} is no file but a device, a pipe or a socket")


def loose_files(folder: Path) -> list[tuple[str, Path | None]]:
    """The results one by one, as names and files; an empty folder has a name with a slash at its end and no file.

    A link is the file that it leads to.

    Raises:
        AdapterError: a link that leads to no file; see `check_results`.
    """
    check_results(folder)
    found: list[tuple[str, Path | None]] = []
    for name, path in archive.walk(folder):
        if path.is_symlink() and not path.is_file():
            raise AdapterError(
                f"the result {shown(name)} is a link that leads to no file", "publish it in an archive (Compress)"
            )
        if path.is_file():
            found.append((name, path.resolve()))
        elif name != "." and not any(path.iterdir()):
            found.append((f"{name}/", None))
    return found


def shown(name: str) -> str:
    """The name for people: a program can nest folders to names of any length."""
    return name if len(name) <= _SHOWN_NAME else f"{name[:_SHOWN_NAME]}..."
