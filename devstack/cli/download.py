"""Fetching the results of a job. Source: command line reference 2.6, client calls 7."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import click

from devstack.cli.settings import program
from devstack.cli.text import short_id
from devstack.client import ApiError, Client
from devstack.errors import AdapterError, UsageError
from devstack.models.gotext import parse_duration_ns

__all__ = ["fetch_results", "seconds"]

_DEFAULT_LIMIT_S: Final = 300.0
_APPENDED: Final = frozenset({"stdout", "stderr", "exitCode"})


def seconds(duration: str) -> float:
    """Seconds of a Go duration such as `5m0s`; a bare number is seconds too."""
    try:
        return float(duration) if duration.isdigit() else parse_duration_ns(duration) / 1e9
    except ValueError as exc:
        raise UsageError(f"--download-timeout-secs: {exc}") from None


def fetch_results(
    client: Client, job_id: str, *, folder: str = "", raw: bool = False, limit_s: float = _DEFAULT_LIMIT_S
) -> None:
    """The results of a job, or the one file of them that `ID/PATH` names, into a folder.

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
    target = _target(folder, job_id)
    _fetch_all(addresses, target, wanted, raw=raw, limit_s=limit_s)
    click.echo(f"Results for job '{job_id}' have been written to...\n{target}")


def _address_of(item: Mapping[str, Any]) -> str:
    """The URL of a result; empty if its kind has none."""
    kind, params = str(item.get("Type", "")).lower(), item.get("Params") or {}
    return str(params.get({"urldownload": "URL", "s3presigned": "PreSignedURL"}.get(kind, ""), ""))


def _target(folder: str, job_id: str) -> Path:
    if not folder:
        made = Path.cwd() / f"job-{short_id(job_id)}"
        made.mkdir(exist_ok=True)
        return made
    given = Path(folder).absolute()
    if not given.is_dir():
        raise UsageError(f"output dir does not exist: {folder}")
    return given


def _fetch_all(addresses: Iterable[str], target: Path, wanted: str, *, raw: bool, limit_s: float) -> None:
    archives = target / "raw"
    archives.mkdir(exist_ok=True)
    fetched = [_fetch(url, archives, limit_s) for url in addresses]
    if raw:
        return
    for archive in fetched:
        unpacked = archives / (archive.name + ".d")
        _unpack(archive, unpacked)
        if wanted and not (unpacked / wanted).exists():
            raise AdapterError(f"there is no {wanted} in the results", f"look with `tar tf {archive}`")
        _merge(unpacked, target, wanted)
    shutil.rmtree(archives)


def _fetch(url: str, folder: Path, limit_s: float) -> Path:
    parts = urlsplit(url)
    name = re.sub(r'[/\\:*?"<>|]', "_", parts.netloc + parts.path)
    # A proxy of the environment has no business between us and a stack on this machine.
    handlers = [urllib.request.ProxyHandler({})] if parts.hostname in ("127.0.0.1", "localhost", "::1") else []
    try:
        with (
            urllib.request.build_opener(*handlers).open(url, timeout=limit_s) as answer,
            (folder / name).open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
    except urllib.error.HTTPError as exc:
        raise AdapterError(f"could not fetch {url}: {exc.code} {exc.reason}") from None
    except (OSError, ValueError) as exc:
        raise AdapterError(f"could not fetch {url}: {getattr(exc, 'reason', exc)}") from None
    return folder / name


def _unpack(archive: Path, folder: Path) -> None:
    """Files and folders only, whatever else is in there; nothing lands outside the folder."""
    folder.mkdir()
    if not archive.name.endswith((".tar.gz", ".tgz")):
        shutil.copy(archive, folder / archive.name)
        return
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                if member.isfile() or member.isdir():
                    packed.extract(member, folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as exc:
        raise AdapterError(f"{archive.name} cannot be unpacked: {exc}", "keep it with --raw") from None


def _merge(unpacked: Path, target: Path, wanted: str) -> None:
    for source in sorted(path for path in unpacked.rglob("*") if _is_wanted(path.relative_to(unpacked), wanted)):
        name = source.relative_to(unpacked)
        place = target / name
        if source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif str(name) in _APPENDED and place.exists():
            with place.open("ab") as file:
                file.write(source.read_bytes())
        elif place.exists():
            raise AdapterError(f"cannot merge results as output already exists: {place}", "try --raw")
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, place)


def _is_wanted(name: Path, wanted: str) -> bool:
    path = PurePosixPath(wanted)
    return not wanted or PurePosixPath(name) == path or path in PurePosixPath(name).parents
