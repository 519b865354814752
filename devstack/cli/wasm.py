"""`wasm run` and `wasm validate`. Source: command line reference 2.6 and 4, client calls 4."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from devstack.cli.flags import Group, comma_list, option
from devstack.cli.inline import inline_source
from devstack.cli.options import Runtime, file_argument, runtime_flags
from devstack.cli.run_flags import JobFlags, download_flags, job_flags, job_of, variable
from devstack.cli.running import Download, run
from devstack.errors import UsageError

__all__ = ["wasm"]

Spec = dict[str, Any]

_CID: Final = re.compile(r"Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{58,}")


@click.group("wasm", cls=Group)
def wasm() -> None:
    """Run a WebAssembly job."""


@wasm.command("run")
@file_argument("module", metavar="CID_OR_FILE")
@click.argument("parameters", nargs=-1, metavar="[ARG...]")
@job_flags
@runtime_flags
@download_flags
@option("--entry-point", default="_start", help="The function that is called.")
@option("-e", "--env", multiple=True, callback=comma_list, metavar="K=V", help="Environment variables.")
@option("-U", "--import-module-urls", multiple=True, callback=comma_list, metavar="URL", help="Modules to import.")
@option(
    "-I", "--import-module-volumes", multiple=True, callback=comma_list, metavar="CID:PATH", help="Modules to import."
)
def wasm_run(
    module: str,
    parameters: tuple[str, ...],
    flags: JobFlags,
    runtime: Runtime,
    entry_point: str,
    env: tuple[str, ...],
    import_module_urls: tuple[str, ...],
    import_module_volumes: tuple[str, ...],
    download: bool,
    output_dir: str,
    raw: bool,
) -> None:
    """Run the module in a local file or with an IPFS CID. Flags for the module itself come after `--`."""
    imports = [_imported_url(url) for url in import_module_urls]
    imports += [_imported_volume(volume) for volume in import_module_volumes]
    params = {
        "EntryModule": _entry_module(module),
        "Entrypoint": entry_point,
        "EnvironmentVariables": dict(variable("wasm env vars invalid", text) for text in env),
        "ImportModules": imports,
        "Parameters": list(parameters),
    }
    wanted = Download(output_dir, raw) if download or output_dir or raw else None
    run(job_of(flags, {"Type": "wasm", "Params": params}), runtime, attempt="failed to submit job", download=wanted)


@wasm.command("validate", asks_a_server=False)
@file_argument("file")
@option("--entry-point", default="_start", help="The function that would be called.")
def wasm_validate(file: str, entry_point: str) -> None:
    """Check that the module in FILE can run: its format, imports and entry point."""
    if not Path(file).is_file():
        raise UsageError(f"there is no file {file}")
    from devstack.adapters.wasm.validation import check_module

    check_module(Path(file), entry_point)
    click.echo("OK")


def _entry_module(module: str) -> Spec:
    if _CID.fullmatch(module):
        return _module("ipfs", {"CID": module}, f"ipfs://{module}", "")
    path = Path(module)
    if not path.exists():
        raise UsageError(f'"{module}" is not a valid CID or local file')
    if not path.is_file():
        raise UsageError(f'"{module}" should point to a single file')
    url = inline_source(path)
    return _module("inline", {"URL": url}, url, "")


def _imported_url(url: str) -> Spec:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.path.strip("/"):
        raise UsageError(f"--import-module-urls {url}: write http(s)://HOST/PATH")
    return _module("urlDownload", {"URL": url}, url, "/inputs")


def _imported_volume(volume: str) -> Spec:
    cid, colon, path = volume.partition(":")
    if not (cid and colon and path) or ":" in path:
        raise UsageError(f"--import-module-volumes {volume}: write CID:PATH")
    return _module("ipfs", {"CID": cid}, f"ipfs://{cid}", path)


def _module(kind: str, params: Spec, alias: str, target: str) -> Spec:
    return {"Alias": alias, "Source": {"Params": params, "Type": kind}, "Target": target}
