"""`docker run`. Source: command line reference 4."""

from __future__ import annotations

from typing import Any

import click

from devstack.cli.flags import Group, comma_list, option
from devstack.cli.options import Runtime, runtime_flags
from devstack.cli.run_flags import JobFlags, download_flags, job_flags, job_of, variable
from devstack.cli.running import Download, run
from devstack.errors import UsageError

__all__ = ["docker"]


@click.group("docker", cls=Group)
def docker() -> None:
    """Run a job in a container."""


@docker.command("run")
@click.argument("image")
@click.argument("parameters", nargs=-1, metavar="[COMMAND] [ARG...]")
@job_flags
@runtime_flags
@download_flags
@option("-w", "--workdir", default="", metavar="PATH", help="Working directory in the container.")
@option("--entrypoint", multiple=True, callback=comma_list, help="Instead of the image's entry point; a comma list.")
@option("-e", "--env", multiple=True, callback=comma_list, metavar="K=V", help="Environment variables.")
def docker_run(
    image: str,
    parameters: tuple[str, ...],
    flags: JobFlags,
    runtime: Runtime,
    workdir: str,
    entrypoint: tuple[str, ...],
    env: tuple[str, ...],
    download: bool,
    output_dir: str,
    raw: bool,
) -> None:
    """Run IMAGE in a container. Flags for the program in it come after `--`."""
    engine = {"Type": "docker", "Params": _params(image, parameters, workdir, entrypoint, env)}
    wanted = Download(output_dir, raw) if download or output_dir or raw else None
    run(job_of(flags, engine), runtime, attempt="failed to submit job", download=wanted)


def _params(
    image: str, parameters: tuple[str, ...], workdir: str, entrypoint: tuple[str, ...], env: tuple[str, ...]
) -> dict[str, Any]:
    """All five keys are always there, as Bacalhau's client sends them."""
    if not image:
        raise UsageError("the image is empty: name one, such as ubuntu:latest")
    if workdir and not workdir.startswith("/"):
        raise UsageError(f"--workdir {workdir}: it must contain absolute path, one that starts with /")
    for text in env:
        variable("--env", text)
    return {
        "Entrypoint": list(entrypoint) or None,
        "EnvironmentVariables": list(env) or None,
        "Image": image,
        "Parameters": list(parameters) or None,
        "WorkingDirectory": workdir,
    }
