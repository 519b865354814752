"""The folder that a module sees as `/`: one real folder, with the inputs and the result folders in their places.

WASI opens files relative to an open folder, and programs may name any input from `/`, so mounts will not do: every
input has to lie in the one tree. Inputs that nobody else uses are linked into it, the user's own files are copied
(a program that writes to them changes its copy). Result folders move to the results when the program has ended.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

from devstack.errors import AdapterError
from devstack.models.job import ResultPath
from devstack.runtime.ports import PreparedInput

__all__ = ["GuestRoot", "Layout"]


@attrs.frozen
class Layout:
    """Where things are inside: absolute, normalised guest paths."""

    inputs: tuple[tuple[str, PreparedInput], ...]
    results: tuple[tuple[str, str], ...]  # (guest path, folder below the results)
    aliases: tuple[tuple[str, str], ...]  # (guest path, the guest path that it stands for)

    @classmethod
    def of(
        cls,
        inputs: Iterable[PreparedInput],
        results: Iterable[ResultPath],
        *,
        results_by_name: bool,
        url_input_at_target: bool,
    ) -> Layout:
        """The places of a task's inputs and results.

        Raises:
            AdapterError: a result without name or path, or two things at one place.
        """
        placed = [(_guest_path((url_input_at_target and one.input_target) or one.target), one) for one in inputs]
        kept = [(_guest_path(one.name if results_by_name else one.path), _result_name(one)) for one in results]
        _refuse_twice([path for path, _ in placed] + [path for path, _ in kept])
        taken = {path for path, _ in [*placed, *kept]}
        names = [(_guest_path(name), path) for path, name in kept]
        return cls(tuple(placed), tuple(kept), tuple((name, path) for name, path in names if name not in taken))


def _guest_path(text: str) -> str:
    return posixpath.normpath("/" + text.lstrip("/"))


def _result_name(result: ResultPath) -> str:
    if not result.name:
        raise AdapterError(f"output volume has no name: {result}")
    if not result.path:
        raise AdapterError(f"output volume has no path: {result}")
    return _guest_path(result.name).lstrip("/")


def _refuse_twice(paths: list[str]) -> None:
    for index, path in enumerate(paths):
        if path in paths[:index]:
            raise AdapterError(f'a filesystem with prefix "{path}" is already mounted')


class GuestRoot:
    """The folder itself; `remove` it in any case."""

    def __init__(self, layout: Layout, results_dir: Path) -> None:
        self._layout = layout
        self._results_dir = results_dir
        try:  # Beside the results, so that moving a result folder is a rename.
            path = tempfile.mkdtemp(prefix=f".{results_dir.name}-root-", dir=results_dir.parent)
        except OSError as exc:
            raise AdapterError(f"cannot make a folder for the module's files: {exc}") from exc
        self.path: Final = Path(path).resolve()

    def fill(self) -> None:
        """Put everything in its place, outer things first.

        Raises:
            AdapterError: an input cannot be copied.
        """
        try:
            for path, source in sorted(self._layout.inputs, key=lambda item: item[0]):
                _place(source, self._host_path(path))
            for path, _ in self._layout.results:
                self._host_path(path).mkdir(parents=True, exist_ok=True)
            for name, path in self._layout.aliases:
                self._alias(name, path)
        except (OSError, ValueError, shutil.Error) as exc:  # A ValueError is about a zero byte in a name.
            raise AdapterError(f"cannot lay out the module's files: {exc}") from exc

    def move_results(self) -> None:
        """Move the result folders to the results; one that the program took away is empty.

        Raises:
            AdapterError: a folder cannot be moved.
        """
        try:
            for path, _ in self._layout.inputs:
                if self._is_below_a_result(path):
                    self._discard(self._host_path(path))
            for path, name in sorted(self._layout.results, key=lambda item: item[0], reverse=True):
                self._move_result(self._host_path(path), self._results_dir / name)
        except (OSError, shutil.Error) as exc:
            raise AdapterError(f"cannot keep the module's results: {exc}") from exc

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def remove_if_empty(self) -> bool:
        """Remove the folder if nothing is in it; whether it is gone."""
        try:
            self.path.rmdir()
        except OSError:
            return False
        return True

    def _host_path(self, guest_path: str) -> Path:
        return self.path / guest_path.lstrip("/")

    def _alias(self, name: str, path: str) -> None:
        link = self._host_path(name)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(posixpath.relpath(path, posixpath.dirname(name)))

    def _is_below_a_result(self, path: str) -> bool:
        return any(path.startswith(result.rstrip("/") + "/") for result, _ in self._layout.results)

    def _is_ours(self, path: Path) -> bool:
        """Whether the path is still inside: the program may have put a link in its way."""
        return path.parent.resolve().is_relative_to(self.path) and not path.is_symlink() and path.exists()

    def _discard(self, path: Path) -> None:
        if self._is_ours(path):
            _remove(path)

    def _move_result(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source == self.path or not self._is_ours(source):
            target.mkdir(exist_ok=True)
            return
        if target.exists():
            _remove(target)
        shutil.move(source, target)


def _place(source: PreparedInput, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    copy = shutil.copy2 if source.keep else _link_or_copy
    if source.path.is_dir():
        shutil.copytree(source.path, target, copy_function=copy, dirs_exist_ok=True)
        return
    if target.is_file():
        target.unlink()
    copy(source.path, target)


def _link_or_copy(source: str | Path, target: str | Path) -> object:
    with suppress(OSError):
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
