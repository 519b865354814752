"""Submit a job and stay with it as long as the flags say. Source: command line reference 3.4 to 3.6."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import attrs
import click

from devstack.cli import ending, spec
from devstack.cli.options import Runtime
from devstack.cli.output import yaml_text
from devstack.cli.progress import NoProgress, Progress
from devstack.cli.settings import connect, program
from devstack.cli.waiting import state_of, wait_until_ended, wait_until_started
from devstack.client import ApiError, Client
from devstack.errors import DevstackError, InvalidJobError

__all__ = ["Download", "invalid_job", "ready", "run"]

_AFTER_LOGS_S: Final = 60.0


@attrs.frozen
class Download:
    """Results that a run command fetches after success."""

    folder: str = ""
    raw: bool = False


def run(
    content: Mapping[str, Any],
    runtime: Runtime,
    *,
    attempt: str,
    show_warnings: bool = True,
    download: Download | None = None,
    notes: Iterable[str] = (),
) -> None:
    """Check the job, then print it or submit it and wait.

    Raises:
        DevstackError: the job is invalid, or the server refuses it.
    """
    job, warnings = ready(content)
    _warn([*notes, *warnings])
    if runtime.dry_run:
        click.echo(yaml_text(job), nl=False)
        return
    client = connect()
    job_id = _submit(client, job, attempt, show_warnings=show_warnings)
    try:
        ended_well = _stay(client, job_id, job, runtime)
    except KeyboardInterrupt:
        _say_farewell(job_id, aside=runtime.id_only)
        return
    if not ended_well:
        raise SystemExit(1)
    if download is not None:
        from devstack.cli.download import fetch_results

        fetch_results(client, job_id, folder=download.folder, raw=download.raw)


def ready(content: Mapping[str, Any]) -> tuple[spec.Spec, list[str]]:
    """The job as it will be sent, and warnings about what will not."""
    with invalid_job():
        job = spec.normalise(content)
        warnings = [*spec.unknown_fields(content), *spec.sanitise(job)]
        spec.validate(job)
    return job, warnings


@contextmanager
def invalid_job() -> Iterator[None]:
    """Heads what is wrong with a job by the words that say so."""
    try:
        yield
    except InvalidJobError as exc:
        raise InvalidJobError(f"the job provided is invalid: {exc.message}") from None


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


def _submit(client: Client, job: spec.Spec, attempt: str, *, show_warnings: bool) -> str:
    try:
        answer = client.submit(job)
    except ApiError as exc:
        raise exc.while_doing(attempt) from None
    if show_warnings:
        _warn(answer.get("Warnings") or [])
    return str(answer["JobID"])


def _stay(client: Client, job_id: str, job: spec.Spec, runtime: Runtime) -> bool:
    """Whether the job has ended as it should, or nobody waits for its end."""
    if not runtime.wait or runtime.id_only:
        click.echo(job_id)
    if not runtime.wait:
        return True
    if runtime.follow:
        return _follow(client, job_id, runtime)
    return _watch(client, job_id, job, runtime)


def _watch(client: Client, job_id: str, job: spec.Spec, runtime: Runtime) -> bool:
    progress = NoProgress() if runtime.id_only else Progress()
    if not runtime.id_only:
        click.echo(f"Job successfully submitted. Job ID: {job_id}")
        click.echo("Checking job status... (Ctrl-C leaves the job running):\n")
    ended = wait_until_ended(client, job_id, runtime.wait_timeout_secs, progress)
    ended_well = state_of(ended) in ("Completed", "Running")
    if not ended_well:
        click.echo(err=True)
        ending.print_problems(client, ended)
    if (not ended_well or runtime.node_details) and not runtime.id_only:
        ending.print_node_details(client, job_id)
    if not runtime.id_only:
        ending.print_follow_ups(job_id, has_results=bool(job["Tasks"][0]["Publisher"]["Type"]))
    return ended_well


def _follow(client: Client, job_id: str, runtime: Runtime) -> bool:
    from devstack.cli.log_stream import log_lines

    quiet = NoProgress()
    click.echo(f"Job successfully submitted. Job ID: {job_id}")
    click.echo("Waiting for logs... (Ctrl-C leaves the job running)\n")
    wait_until_started(client, job_id, runtime.wait_timeout_secs, quiet)
    failure: DevstackError | None = None
    try:
        for line in log_lines(client, job_id, {"follow": True}):
            click.echo(line, nl=False)
    except ApiError as exc:
        # A job that failed before it ran has no logs; why it failed matters more than that.
        failure = exc.while_doing(f"cannot read the logs of job {job_id}")
    ended = wait_until_ended(client, job_id, _AFTER_LOGS_S, quiet)
    if state_of(ended) not in ("Completed", "Running"):
        ending.print_problems(client, ended)
        return False
    if failure is not None:
        raise failure
    return True


def _say_farewell(job_id: str, *, aside: bool) -> None:
    click.echo("\n\nPrintout canceled (the job is still running).", err=aside)
    for purpose, command in (("see how it goes", "describe"), ("stop it", "stop")):
        click.echo(f"\nTo {purpose}, execute:\n\t{program()} job {command} {job_id}", err=aside)
