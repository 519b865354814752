"""Fetching the results of a job. Source: command line reference 2.6, client calls 7, compute reference 9.

A folder gets its results whole or not at all: archives and trees are fetched into `raw`, unpacked beside, looked
through for what could clash, and only then moved to their places.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

import click

from devstack.cli.fetching import fetch, fetch_ipfs, file_name
from devstack.cli.progress import byte_bar
from devstack.cli.settings import program
from devstack.cli.text import short_id
from devstack.client import ApiError, Client
from devstack.errors import AdapterError, UsageError
from devstack.models.gotext import parse_duration_ns

__all__ = ["fetch_results", "seconds"]

_DEFAULT_LIMIT_S: Final = 300.0
_APPENDED: Final = frozenset({"stdout", "stderr", "exitCode"})
_ARCHIVE_ENDINGS: Final = (".tar.gz", ".tgz")
_URL_PARAMS: Final = {"urldownload": "URL", "s3presigned": "PreSignedURL"}
_IPFS: Final = "ipfs"
_IPFS_SCHEME: Final = "ipfs://"
_READ_BYTES: Final = 1024 * 1024
_SHOWN_NAMES: Final = 5


def seconds(duration: str) -> float:
    """Seconds of a Go duration such as `5m0s`; a bare number is seconds too."""
    try:
        return float(duration) if duration.isdigit() else parse_duration_ns(duration) / 1e9
    except ValueError as exc:
        raise UsageError(f"--download-timeout-secs: {exc}") from None


def fetch_results(
    client: Client, job_id: str, *, folder: str = "", raw: bool = False, limit_s: float = _DEFAULT_LIMIT_S
) -> None:
    """The results of a job, or the one file or folder of them that `ID/PATH` names, into a folder.

    Raises:
        ApiError: the server does not give the results away.
        AdapterError: a file cannot be fetched, or two results hold the same file.
    """
    job_id, _, wanted = job_id.partition("/")
    click.echo(f"Fetching results of job '{job_id}'...", err=True)
    try:
        items = client.results(job_id).get("Items") or []
    except ApiError as exc:
        raise exc.while_doing(f"could not get results for job {job_id}") from None
    if not items:
        click.echo("No results found\nThe job has published nothing. What it has printed:")
        click.echo(f"\t{program()} job logs {job_id}")
        return
    addresses = [_address_of(item) for item in items]
    if "" in addresses:
        click.echo("These results are nothing that can be downloaded from here:", err=True)
        click.echo(json.dumps(items, indent=4, ensure_ascii=False), err=True)
        return
    target, is_new = _target(folder, job_id)
    try:
        _fetch_all(client, addresses, target, PurePosixPath(wanted), raw=raw, limit_s=limit_s)
    finally:
        if is_new:
            _remove_if_empty(target)
    click.echo(f"Results for job '{job_id}' have been written to...\n{target}")


def _address_of(item: Mapping[str, Any]) -> str:
    """The URL of a result, `ipfs://CID` for one that is there; empty if its kind has none."""
    kind, params = str(item.get("Type", "")).lower(), item.get("Params") or {}
    if kind == _IPFS:
        cid = str(params.get("CID", ""))
        return cid and _IPFS_SCHEME + cid
    return str(params.get(_URL_PARAMS.get(kind, ""), ""))


def _target(folder: str, job_id: str) -> tuple[Path, bool]:
    """The folder, and whether it was made for this."""
    if folder:
        given = Path(folder).absolute()
        if not given.is_dir():
            raise UsageError(f"output dir does not exist: {folder}")
        return given, False
    made = Path.cwd() / f"job-{short_id(job_id)}"
    is_new = not made.exists()
    _make_folder(made)
    return made, is_new


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(exist_ok=True)
    except OSError as exc:
        raise AdapterError(f"cannot make the folder {path}: {exc.strerror}") from None


def _fetch_all(
    client: Client, addresses: Sequence[str], target: Path, wanted: PurePosixPath, *, raw: bool, limit_s: float
) -> None:
    archives = target / "raw"
    is_new = not archives.exists()
    _make_folder(archives)
    try:
        fetched = list(_fetched(client, addresses, archives, limit_s))
    finally:
        _remove_if_empty(archives)  # What broke off stays, to be gone on with.
    if raw:
        return
    unpacked = archives / ".unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        _merge(_unpack_all(fetched, unpacked, wanted), target)
    except OSError as exc:
        raise AdapterError(f"cannot keep the results in {target}: {exc.strerror or exc}") from None
    except AdapterError:
        shutil.rmtree(archives if is_new else unpacked, ignore_errors=True)
        raise
    shutil.rmtree(archives)


def _fetched(client: Client, addresses: Sequence[str], folder: Path, limit_s: float) -> Iterator[Path]:
    taken: set[str] = set()
    for number, url in enumerate(dict.fromkeys(addresses), 1):
        name = file_name(url)
        if name in taken:  # Two versions of one object have one name.
            name = f"{number}_{name}"
        taken.add(name)
        with byte_bar(f"{number} of {len(addresses)}") as advance:
            if url.startswith(_IPFS_SCHEME):
                cid = url.removeprefix(_IPFS_SCHEME)
                fetch_ipfs(cid, folder / name, client.address.base_url, limit_s, advance)
            else:
                fetch(url, folder / name, limit_s, advance)
        yield folder / name


# ---- unpacking ---------------------------------------------------------------------------------------------


def _unpack_all(archives: Iterable[Path], folder: Path, wanted: PurePosixPath) -> list[Path]:
    """Each in a folder of its own, with nothing but what is wanted."""
    folder.mkdir()
    places, left_out = [], []
    for number, archive in enumerate(archives):
        place = folder / str(number)
        place.mkdir()
        if archive.is_dir():
            _pick(archive, place, wanted)
        elif archive.name.endswith(_ARCHIVE_ENDINGS):
            left_out += _unpack(archive, place, wanted)
        elif _is_wanted(archive.name, wanted):
            shutil.copy(archive, place / archive.name)
        places.append(place)
    if wanted.parts and not any(any(place.iterdir()) for place in places):
        raise AdapterError(f"there is no {wanted} in the results", "look with --raw and `tar tf`")
    if left_out:
        more = ", ..." if len(left_out) > _SHOWN_NAMES else ""
        names = ", ".join(left_out[:_SHOWN_NAMES])
        click.echo(f"Left out, for only files and folders are fetched: {names}{more}", err=True)
    return places


def _pick(tree: Path, folder: Path, wanted: PurePosixPath) -> None:
    """What is wanted of a tree, which stays as it is: the next try may need it."""
    for source in sorted(tree.rglob("*")):
        name = source.relative_to(tree)
        if not _is_wanted(name.as_posix(), wanted):
            continue
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            place.mkdir(exist_ok=True)
        else:
            shutil.copy(source, place)


def _unpack(archive: Path, folder: Path, wanted: PurePosixPath) -> list[str]:
    """Files and folders; nothing lands outside the folder. Returns the names of links and pipes, left out."""
    left_out = []
    try:
        with gzip.open(archive) as zipped, tarfile.open(fileobj=zipped, mode="r:") as packed:
            for member in packed:
                _check(member, archive)
                if not _is_wanted(member.name, wanted):
                    continue
                if member.isfile() or member.isdir():
                    packed.extract(member, folder, filter="data")
                else:
                    left_out.append(member.name)
            while zipped.read(_READ_BYTES):  # At its very end is the sum of all bytes.
                pass
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as exc:
        raise AdapterError(f"{archive.name} cannot be unpacked: {exc}", "keep it with --raw") from None
    return left_out


def _check(member: tarfile.TarInfo, archive: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise AdapterError(f"{archive.name} holds the name {member.name!r}, which leads out of the folder")
    if member.ischr() or member.isblk():
        raise AdapterError(f"{archive.name} holds a device file, {member.name!r}")


def _is_wanted(name: str, wanted: PurePosixPath) -> bool:
    path = PurePosixPath(name)
    return path == wanted or wanted in path.parents


# ---- moving ------------------------------------------------------------------------------------------------


def _merge(folders: Iterable[Path], target: Path) -> None:
    """All of them into one, after a look at what would clash; output is appended."""
    files: dict[Path, list[Path]] = {}
    for folder in folders:
        for source in sorted(folder.rglob("*")):
            files.setdefault(source.relative_to(folder), []).append(source)
    for name, sources in files.items():
        _refuse_clash(name, sources, target / name)
    for name, sources in files.items():
        for source in sources:
            _move(source, target / name)


def _refuse_clash(name: Path, sources: Sequence[Path], place: Path) -> None:
    there = [*sources, *([place] if place.exists() or place.is_symlink() else [])]
    if len(there) == 1 or all(one.is_dir() for one in there):
        return
    if str(name) in _APPENDED and all(one.is_file() and not one.is_symlink() for one in there):
        return
    raise AdapterError(
        f"cannot merge results as output already exists: {place}. "
        "Try --raw to download raw results instead of merging them"
    )


def _move(source: Path, place: Path) -> None:
    if source.is_dir():
        place.mkdir(exist_ok=True)
    elif place.exists():
        with source.open("rb") as more, place.open("ab") as file:
            shutil.copyfileobj(more, file)
    else:
        source.replace(place)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
