"""What is said about a job when the waiting is over. Source: command line reference 3.6."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Mapping
from shutil import get_terminal_size
from typing import Any, Final

import click

from devstack.cli.settings import program
from devstack.cli.text import short_node_id
from devstack.client import Client

__all__ = ["print_follow_ups", "print_node_details", "print_problems"]

Item = Mapping[str, Any]

# Execution states that may carry the reason of a failure: bid rejected, completed, failed, cancelled.
_TELLING: Final = frozenset({6, 7, 8, 9})
_DISCARDED: Final = frozenset({4, 6, 8, 9})
_WIDTH_UNKNOWN: Final = 127


def print_problems(client: Client, job: Item) -> None:
    """Why the job did not complete, on standard error; hints where the network has some."""
    items = client.history(job["ID"], {"event_type": "execution"}).get("Items") or []
    told = _distinct(sorted((item for item in items if _tells(item)), key=lambda item: str(item.get("Time", ""))))
    if not told:
        message = (job.get("State") or {}).get(
            "Message"
        ) or f"job {job['ID']} ended {job['State']['StateType'].lower()}"
        told = {message: ""}
    for message, hint in told.items():
        _print_wrapped("Error: ", message, "red")
        if hint:
            _print_wrapped("Hint: ", hint, "green", indent=7)


def _tells(item: Item) -> bool:
    details = (item.get("Event") or {}).get("Details") or {}
    return details.get("FailsExecution") == "true" or (item.get("ExecutionState") or {}).get("New") in _TELLING


def _distinct(items: Iterable[Item]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items:
        event = item.get("Event") or {}
        if event.get("Message"):
            found.setdefault(event["Message"], (event.get("Details") or {}).get("Hint", ""))
    return found


def _print_wrapped(head: str, text: str, colour: str, indent: int = 0) -> None:
    width = get_terminal_size().columns if sys.stderr.isatty() else _WIDTH_UNKNOWN
    room = max(20, width - indent - len(head))
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, room) or [""]] or [""]
    click.echo(" " * indent + click.style(head, fg=colour) + lines[0], err=True)
    for line in lines[1:]:
        click.echo(" " * (indent + len(head)) + line, err=True)


def print_node_details(client: Client, job_id: str) -> None:
    """What the executions left behind, one line for each text and its nodes."""
    click.echo("\nJob Results By Node:")
    groups: dict[str, list[Item]] = {}
    for execution in client.executions(job_id).get("Items") or []:
        if text := _outcome(execution).strip():
            groups.setdefault(text, []).append(execution)
    for text, executions in groups.items():
        nodes = {str(execution["NodeID"]) for execution in executions}
        who = (
            f"Node {short_node_id(min(nodes))}"
            if len(executions) == 1
            else f"{len(executions)} runs on {len(nodes)} nodes"
        )
        click.echo(f"• {who}: {text}", err=True)


def _outcome(execution: Item) -> str:
    output = execution.get("RunOutput")
    if output:
        return str(
            output.get("ErrorMsg")
            or (output.get("stderr") if output.get("ExitCode", 0) > 0 else output.get("Stdout"))
            or ""
        )
    state = execution.get("ComputeState") or {}
    return str(state.get("Message") or "") if state.get("StateType") in _DISCARDED else ""


def print_follow_ups(job_id: str, *, has_results: bool) -> None:
    """The commands that show more."""
    follow_ups = [
        ("get more details about the run", f"job describe {job_id}"),
        ("get more details about the run executions", f"job executions {job_id}"),
    ]
    if has_results:
        follow_ups.append(("download the results", f"job get {job_id}"))
    for purpose, command in follow_ups:
        click.echo(f"\nTo {purpose}, execute:\n\t{program()} {command}")
