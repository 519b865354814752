"""The folder of cassettes that lies beside a scenario."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from devstack.adapters.cassette.cassette import Cassette, Recorded
from devstack.adapters.cassette.recipe import Recipe
from devstack.errors import AdapterError

__all__ = ["CassetteLibrary", "MissingCassetteError"]


class MissingCassetteError(AdapterError):
    """Replay was asked for something that nobody has recorded."""


class CassetteLibrary:
    """Finds and keeps cassettes.

    Args:
        folder: Made when the first cassette is kept.
        command: What a person types to record what is missing.
    """

    def __init__(self, folder: Path, command: str) -> None:
        self.folder, self._command = folder, command

    def find(self, recipe: Recipe) -> Recorded | None:
        """What was recorded for the run; None if nothing was.

        Raises:
            AdapterError: the file cannot be read, or is no cassette.
        """
        path = self.folder / recipe.file_name
        try:
            status = path.stat()
            return _read(path, status.st_mtime_ns, status.st_size).recorded
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise AdapterError(f"cannot read the cassette {path.name}: {exc.strerror}") from None

    def get(self, recipe: Recipe) -> Recorded:
        """The same, for those who cannot go on without it.

        Raises:
            MissingCassetteError: there is none; its text names the key and the command that records it.
        """
        recorded = self.find(recipe)
        if recorded is None:
            # The folder's own name only: this text gets into traces, which are the same in every checkout.
            raise MissingCassetteError(
                f"no cassette {recipe.file_name} in {self.folder.name}/ for the docker run `{recipe.summary}` "
                f"(key {recipe.key}); record it with: {self._command}",
                f"record it with: {self._command}",
            )
        return recorded

    def keep(self, recipe: Recipe, recorded: Recorded) -> Path:
        """Write the cassette; a reader never meets half of one.

        Raises:
            AdapterError: it cannot be written.
        """
        path = self.folder / recipe.file_name
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(Cassette(recipe, recorded).to_text(), "utf-8", newline="")
            unfinished.replace(path)
        except OSError as exc:
            with suppress(OSError):
                unfinished.unlink()
            raise AdapterError(f"cannot keep the cassette {path.name}: {exc.strerror}") from None
        return path


@lru_cache(maxsize=1024)
def _read(path: Path, modified_ns: int, size_bytes: int) -> Cassette:
    """A cassette is read once, however many seeds play it; one that has changed is read again."""
    return Cassette.from_text(path.read_bytes().decode("utf-8", errors="replace"), path.name)
