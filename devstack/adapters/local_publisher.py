"""Publishing results as archives in a folder of this machine, which a small file server hands out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from devstack.adapters import archive
from devstack.errors import AdapterError
from devstack.models.job import SpecConfig

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["LocalPublisher", "NoopPublisher", "local_publisher_app"]

_CHUNK_BYTES: Final = 1024 * 1024  # Each is read in a thread, which for small ones would cost more than the reading.
_SUFFIX: Final = ".tar.gz"
_SHOWN_NAME: Final = 200  # letters
_PLAIN_NAME: Final = re.compile(r"\w[\w.-]*", re.ASCII)


class NoopPublisher:
    """Publishes nothing; the results are thrown away."""

    key = "noop"

    async def publish(
        self, spec: SpecConfig, execution_id: str, job_id: str, node_id: str, results_dir: Path
    ) -> SpecConfig:
        return SpecConfig("")


class LocalPublisher:
    """Keeps each execution's results as `<directory>/<execution id>.tar.gz`. Source: compute reference 9.

    Args:
        directory: Made when it is first needed.
        base_url: Where `local_publisher_app` of the same directory is served, such as `http://127.0.0.1:6001`.
    """

    key = "local"

    def __init__(self, directory: Path, base_url: str) -> None:
        self._directory = directory
        self._base_url = base_url.rstrip("/")

    async def publish(
        self, spec: SpecConfig, execution_id: str, job_id: str, node_id: str, results_dir: Path
    ) -> SpecConfig:
        """Pack the folder off the event loop; a reader never meets half an archive.

        Raises:
            AdapterError: a file could not be read, or the archive not be written.
        """
        assert _PLAIN_NAME.fullmatch(execution_id), execution_id
        name = execution_id + _SUFFIX
        try:
            await trio.to_thread.run_sync(self._pack, results_dir, name)
        except OSError as exc:
            raise AdapterError(f"cannot pack the results of {execution_id}: {_reason(exc, results_dir)}") from exc
        return SpecConfig("urlDownload", {"URL": f"{self._base_url}/{name}"})

    def _pack(self, results_dir: Path, name: str) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        unfinished = self._directory / f".{name}.part"
        try:
            with unfinished.open("wb") as file:
                # It travels within this machine alone: to compress it would take longer than all the rest.
                archive.pack(results_dir, file, check=trio.from_thread.check_cancelled, compresses=False)
            unfinished.replace(self._directory / name)
        finally:
            unfinished.unlink(missing_ok=True)


def _reason(error: OSError, results_dir: Path) -> str:
    """What went wrong, and with which of the results; a program can nest folders to names of any length."""
    name = str(error.filename or "").removeprefix(f"{results_dir}/")
    short = name if len(name) <= _SHOWN_NAME else f"{name[:_SHOWN_NAME]}..."
    reason = error.strerror or str(error)
    return f"{reason}: {short}" if short else reason


def local_publisher_app(directory: Path) -> Starlette:
    """The file server of a publisher's directory: its archives by name, with ranges, and nothing else."""
    from starlette.applications import Starlette
    from starlette.responses import FileResponse, PlainTextResponse
    from starlette.routing import Route

    class ArchiveResponse(FileResponse):
        chunk_size = _CHUNK_BYTES

    async def archive_file(request: Request) -> Response:
        name = request.path_params["name"]
        path = directory / name
        if not _PLAIN_NAME.fullmatch(name) or not name.endswith(_SUFFIX) or not path.is_file():
            return PlainTextResponse("404 page not found\n", status_code=404)
        return ArchiveResponse(path, media_type="application/gzip", stat_result=path.stat())

    return Starlette(routes=[Route("/{name}", archive_file, methods=["GET", "HEAD"])])
