"""`job describe --output text`: one job as a report for people. Source: command line reference 2.5."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import click

from devstack.cli.job_columns import event_text, history_state
from devstack.cli.output import Column, Style, render_table
from devstack.cli.text import elapsed, moment, parse_moment, short_id, short_node_id, state

__all__ = ["print_report"]

Item = Mapping[str, Any]

_PLAIN: Final = Style(no_style=True)


def print_report(answer: Mapping[str, Any], now: Callable[[], int] = time.time_ns) -> None:
    """Everything that `GET job` with its executions and history says."""
    job = answer["Job"]
    events: Sequence[Item] = (answer.get("History") or {}).get("Items") or []
    executions: Sequence[Item] = (answer.get("Executions") or {}).get("Items") or []
    newest_first = sorted(executions, key=lambda item: (-item.get("CreateTime", 0), item.get("ID", "")))
    _print_head(job)
    _print_summary(executions)
    _print_history("Job History", [event for event in events if event.get("Type") == "JobLevel"])
    if newest_first:
        _heading("Executions")
        click.echo(render_table(_executions(now()), newest_first, _PLAIN), nl=False)
    for execution in newest_first:
        own = [event for event in events if event.get("ExecutionID") == execution["ID"]]
        _print_history(f"Execution {short_id(execution['ID'])} History", own)
    _print_output(newest_first)


def _heading(text: str) -> None:
    click.echo("\n" + click.style(text, bold=True))


def _print_head(job: Item) -> None:
    pairs = {
        "ID": job.get("ID"),
        "Name": job.get("Name"),
        "Namespace": job.get("Namespace"),
        "Type": job.get("Type"),
        "State": (job.get("State") or {}).get("StateType"),
        "Message": (job.get("State") or {}).get("Message"),
        "Count": job.get("Count") if job.get("Type") in ("batch", "service") else None,
        "Created Time": moment(job.get("CreateTime") or 0),
        "Modified Time": moment(job.get("ModifyTime") or 0),
        "Version": job.get("Version"),
    }
    for key, value in pairs.items():
        if value not in (None, ""):
            click.echo(f"{key:<13} = {value}")


def _print_summary(executions: Sequence[Item]) -> None:
    _heading("Summary")
    numbers = [(execution.get("ComputeState") or {}).get("StateType", 0) for execution in executions]
    for number in sorted(set(numbers)):
        click.echo(f"{state(number)} = {numbers.count(number)}")


def _print_history(title: str, events: Sequence[Item]) -> None:
    if events:
        _heading(title)
        click.echo(render_table(_HISTORY, events, _PLAIN), nl=False)


_HISTORY: Final = (
    Column("Time", lambda item: f"{parse_moment(str(item.get('Time', ''))):%Y-%m-%d %H:%M:%S}", 20),
    Column("Rev.", lambda item: str(item.get("NewRevision", "")), 4),
    Column("State", history_state, 20),
    Column("Topic", lambda item: str((item.get("Event") or {}).get("Topic", "")), 15, "soft"),
    Column("Event", lambda item: event_text(item, styled=True), 60),
)


def _executions(now_ns: int) -> tuple[Column, ...]:
    return (
        Column("ID", lambda item: short_id(str(item.get("ID", ""))), 10),
        Column("Node ID", lambda item: short_node_id(str(item.get("NodeID", ""))), 10),
        Column("State", lambda item: state((item.get("ComputeState") or {}).get("StateType")), 17),
        Column("Desired", lambda item: state((item.get("DesiredState") or {}).get("StateType"), desired=True), 10),
        Column("Rev.", lambda item: str(item.get("Revision", "")), 4),
        Column("Created", lambda item: elapsed(item.get("CreateTime", 0), now_ns), 10),
        Column("Modified", lambda item: elapsed(item.get("ModifyTime", 0), now_ns), 10),
        Column("Comment", lambda item: str((item.get("ComputeState") or {}).get("Message") or ""), 40),
    )


def _print_output(executions: Sequence[Item]) -> None:
    with_output = [item for item in executions if _output_text(item.get("RunOutput") or {})]
    if not with_output:
        return
    _heading("Standard Output")
    for execution in with_output:
        if len(with_output) > 1:
            click.echo(f"Execution {short_id(execution['ID'])}:")
        output = execution["RunOutput"]
        click.echo(_output_text(output))
        if output.get("StdoutTruncated") or output.get("StderrTruncated"):
            click.echo("...\nOutput truncated")


def _output_text(output: Item) -> str:
    parts = (str(output.get("Stdout") or ""), str(output.get("stderr") or ""))
    return "\n".join(part.removesuffix("\n") for part in parts if part)
