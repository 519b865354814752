"""The `job` group: thin commands over the client. Source: command line reference 1.6, 2.2 to 2.6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from devstack.cli import job_columns, job_file
from devstack.cli.flags import Choice, Group, option, switch
from devstack.cli.options import (
    Runtime,
    file_argument,
    job_argument,
    list_flags,
    object_flags,
    output_flags,
    runtime_flags,
)
from devstack.cli.output import Style, emit, emit_list
from devstack.cli.progress import NoProgress, Progress
from devstack.cli.selectors import parse_selector
from devstack.cli.settings import connect, program
from devstack.cli.waiting import TERMINAL, state_of
from devstack.client import ApiError, Query
from devstack.errors import DevstackError, UsageError

__all__ = ["job"]


@click.group("job", cls=Group)
def job() -> None:
    """Submit, watch and stop jobs."""


@job.command("run")
@file_argument("file", required=False)
@runtime_flags
@switch("--show-warnings", help="Show the server's warnings about the job.")
@switch("--no-template", help="Take the file as it is, without filling in variables.")
@option("-V", "--template-vars", multiple=True, metavar="K=V", help="Value of a variable in the file.")
@option("-E", "--template-envs", default="", metavar="REGEX", help="Environment variables that the file may use.")
def job_run(
    file: str | None,
    runtime: Runtime,
    show_warnings: bool,
    no_template: bool,
    template_vars: tuple[str, ...],
    template_envs: str,
) -> None:
    """Submit the job in FILE (JSON or YAML), or from standard input."""
    from devstack.cli.running import invalid_job, run

    if file in (None, "-"):
        file = None
        click.echo("Reading from /dev/stdin; send Ctrl-d to stop.", err=True)
    with invalid_job():
        text = job_file.read_text(file)
        if not no_template and "{{" in text:
            from devstack.cli.template import fill_in, variables

            text = fill_in(text, variables(template_vars, template_envs))
        content, notes = job_file.unwrap(job_file.parse(text))
    run(content, runtime, attempt="failed request", show_warnings=show_warnings, notes=notes)


@job.command("validate")
@file_argument("file")
def job_validate(file: str) -> None:
    """Check the job in FILE without submitting it."""
    from devstack.cli.running import invalid_job, ready

    with invalid_job():
        content, notes = job_file.unwrap(job_file.parse(job_file.read_text(file)))
    for warning in [*notes, *ready(content)[1]]:
        click.echo(f"Warning: {warning}", err=True)
    click.echo("OK")


@job.command("list")
@option("--labels", default="bacalhau_canary != true", metavar="SELECTOR", help="Only jobs with such labels.")
@list_flags(10, "id, created_at")
@output_flags()
def job_list(labels: str, paging: Query, style: Style) -> None:
    """List jobs."""
    try:
        wanted = [str(requirement) for requirement in parse_selector(labels)]
    except UsageError as exc:
        raise UsageError(f"could not parse labels: {exc.message}") from None
    try:
        answer = connect().jobs({**paging, "labels": wanted})
    except ApiError as exc:
        raise exc.while_doing("failed request") from None
    emit_list(job_columns.JOBS, answer.get("Items") or [], style)
    if answer.get("NextToken"):
        click.echo(f"\nThere are more jobs: use --next-token {answer['NextToken']}", err=True)


@job.command("describe")
@job_argument()
@object_flags("yaml", "text")
def job_describe(job_id: str, output: str, pretty: bool) -> None:
    """Show everything about one job; `--output text` for a report."""
    try:
        answer = connect().job(job_id, include="executions,history")
    except ApiError as exc:
        raise exc.while_doing(f"could not get job {job_id}") from None
    if output == "text":
        from devstack.cli.job_report import print_report

        print_report(answer)
    else:
        emit(answer, output, pretty=pretty)


@job.command("executions")
@job_argument()
@list_flags(20, "modify_time, create_time, id, state")
@output_flags()
def job_executions(job_id: str, paging: Query, style: Style) -> None:
    """List the executions of a job."""
    answer = _asked(f"could not list the executions of job {job_id}", connect().executions, job_id, paging)
    emit_list(job_columns.EXECUTIONS, answer.get("Items") or [], style)


@job.command("history")
@job_argument()
@option("--event-type", type=Choice("all", "job", "execution"), default="all", help="Only such events.")
@option("--execution-id", default="", help="Only events of this execution.")
@option("--node-id", default="", help="Only events of this node.")
@list_flags(0, "nothing yet; events come by time")
@output_flags()
def job_history(job_id: str, event_type: str, execution_id: str, node_id: str, paging: Query, style: Style) -> None:
    """List what has happened to a job."""
    query = {**paging, "event_type": event_type, "execution_id": execution_id, "node_id": node_id}
    answer = _asked(f"could not get the history of job {job_id}", connect().history, job_id, query)
    emit_list(job_columns.history(styled=style.output == "table"), answer.get("Items") or [], style)


@job.command("logs")
@job_argument(or_input=True)
@option("-e", "--execution-id", default="", help="The execution to read; else the latest.")
@switch("-f", "--follow", help="Go on until the job ends.")
@switch("-t", "--tail", help="Only what is printed from now on.")
def job_logs(job_id: str, execution_id: str, follow: bool, tail: bool) -> None:
    """Print what a job has printed."""
    from devstack.cli.log_stream import log_lines

    query: Query = {"execution_id": execution_id, "follow": follow, "tail": tail}
    try:
        for line in log_lines(connect(), job_id, query):
            click.echo(line, nl=False)
    except ApiError as exc:
        raise exc.while_doing(f"cannot read the logs of job {job_id}") from None


@job.command("stop")
@job_argument(or_input=True)
@switch("--quiet", help="Print nothing; the exit code tells.")
def job_stop(job_id: str, quiet: bool) -> None:
    """Stop a job."""
    try:
        _stop(job_id, NoProgress() if quiet else Progress(width=21), quiet=quiet)
    except DevstackError:
        if not quiet:
            raise
        raise SystemExit(1) from None


@job.command("get")
@job_argument("JOB_ID[/PATH]", or_input=True)
@switch("--raw", help="Keep the archives as they come.")
@option("--download-timeout-secs", default="5m0s", metavar="DURATION", help="How long one file may take.")
@option("--output-dir", default="", metavar="DIR", help="Existing folder for the results; else ./job-ID.")
@option("--ipfs-connect", default="", hidden=True, expose_value=False)
def job_get(job_id: str, raw: bool, download_timeout_secs: str, output_dir: str) -> None:
    """Download the results of a job, or one file of them."""
    from devstack.cli.download import fetch_results, seconds

    limit_s = seconds(download_timeout_secs)
    fetch_results(connect(), job_id, folder=output_dir, raw=raw, limit_s=limit_s)


def _asked(attempt: str, ask: Any, *args: Any) -> Mapping[str, Any]:
    try:
        answer: Mapping[str, Any] = ask(*args)
    except ApiError as exc:
        raise exc.while_doing(attempt) from None
    return answer


def _stop(job_id: str, progress: Progress, *, quiet: bool) -> None:
    if not quiet:
        click.echo("Checking job status\n")
    client = connect()
    progress.step("Connecting to network")
    found = _asked(f"could not get job {job_id}", client.job, job_id)["Job"]
    progress.step("Verifying job state")
    if state_of(found) in TERMINAL:
        progress.end("err")
        raise DevstackError(
            f"job {job_id} is already in a terminal state: {state_of(found)}",
            f"see `{program()} job describe {job_id}`",
        )
    progress.step("Stopping job")
    # The full id: v1.4.0 takes a short one here for several jobs.
    answer = _asked(f"could not stop job {job_id}", client.stop, found.get("ID") or job_id, "Stopped at user request")
    progress.end("done")
    if not quiet:
        click.echo(f"\nJob stop successfully submitted with evaluation ID: {answer.get('EvaluationID', '')}")
