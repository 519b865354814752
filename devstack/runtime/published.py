"""What a simulated world has published: archives at addresses that only its own jobs can read.

All of it is plain data, so that a copy of the world has it as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from devstack.errors import AdapterError
from devstack.models.job import InputSource, SpecConfig

if TYPE_CHECKING:
    from devstack.runtime.ports import PreparedInput

__all__ = ["PublishedResults", "files_of", "packed", "result_url"]

# Nothing answers there, and the name can never be anybody's.
_ADDRESS: Final = "http://results.invalid"
_KIND: Final = "urldownload"


def result_url(execution_id: str) -> str:
    """Where the results of the publisher `local` are in a simulated world."""
    return f"{_ADDRESS}/{execution_id}.tar.gz"


class PublishedResults:
    """The archives by their addresses, and the input source that reads them."""

    def __init__(self) -> None:
        self._archives: dict[str, bytes] = {}

    def keep(self, execution_id: str, content: bytes) -> None:
        self._archives[result_url(execution_id)] = content

    def archive(self, url: str) -> bytes | None:
        return self._archives.get(url)

    def holds(self, source: SpecConfig) -> bool:
        """Whether the source is one of these archives."""
        return source.key == _KIND and str(source.param("URL", "")) in self._archives

    def size_bytes_here(self, source: SpecConfig) -> int:
        return len(self._content(source))

    def prepare_here(self, source: InputSource, directory: Path) -> PreparedInput:
        """The archive as it is, below the target under its own name, as after a download."""
        from devstack.runtime.ports import PreparedInput

        assert source.source is not None  # validation refuses an input without a source
        path = directory / str(source.source.param("URL", "")).rpartition("/")[2]
        path.write_bytes(self._content(source.source))
        target = f"{source.target.rstrip('/')}/{path.name}"
        return PreparedInput(path, target, alias=source.alias, input_target=source.target)

    def _content(self, source: SpecConfig) -> bytes:
        url = str(source.param("URL", ""))
        if (content := self._archives.get(url)) is None:
            raise AdapterError(f"nothing is published at {url}")
        return content


def packed(folder: Path) -> bytes:
    """The folder as the publisher `local` packs it."""
    import io

    from devstack.adapters import archive

    content = io.BytesIO()
    archive.pack(folder, content, compresses=False)
    return content.getvalue()


def files_of(content: bytes) -> dict[str, bytes]:
    """The plain files of a published archive, by path.

    Raises:
        AdapterError: it is no archive.
    """
    import io
    import tarfile

    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as opened:
            files = [(entry.name, opened.extractfile(entry)) for entry in opened if entry.isfile()]
            return {name: file.read() for name, file in files if file is not None}
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise AdapterError(f"the results are no gzipped tar archive: {exc}") from None
