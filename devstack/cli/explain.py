"""`explain`: why a job's executions are where they are, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import click

from devstack.cli.flags import Command, option
from devstack.cli.options import object_flags
from devstack.cli.output import Column, Style, emit, render_table
from devstack.cli.settings import connect
from devstack.client import ApiError
from devstack.errors import DevstackError

__all__ = ["explain"]

Json = Mapping[str, Any]
_WHY_LIMIT: Final = 60


@click.command("explain", cls=Command, options_metavar="[FLAGS]")
@click.argument("job_id", metavar="JOB")
@option("--at", default="", metavar="TIME",
        help="Only until then: a duration since the job was submitted, such as 30s, or an RFC 3339 time.")  # fmt: skip
@option("--node", "node_id", default="", metavar="ID", help="Only this node.")
@object_flags(None)
def explain(job_id: str, at: str, node_id: str, output: str | None, pretty: bool) -> None:
    """Show why nodes were chosen for a job, or were not.

    For each choice: what led to it, what each rule said of each node, and the smallest change with which another node
    would have been chosen.
    """
    try:
        found = connect().explain(job_id, {"at": at or None, "node": node_id or None})
    except ApiError as exc:
        raise _as_ours(exc) from None
    if output is not None:
        emit(found, output, pretty=pretty)
        return
    for number, choice in enumerate(found["Choices"], 1):
        click.echo(("\n" if number > 1 else "") + _head(number, found["JobID"], choice))
        for reason in choice["Because"]:
            click.echo(f"  after {reason}")
        click.echo(render_table(_columns(choice["Nodes"]), choice["Nodes"], Style()), nl=False)


def _head(number: int, job_id: str, choice: Json) -> str:
    placed = ", ".join(f"{one['ExecutionID']} on {one['NodeID']}" for one in choice["Placed"])
    return f"Choice {number} for {job_id} at {choice['Time']}: {placed or 'no node'}"


def _columns(nodes: list[Json]) -> list[Column]:
    """The node, its rank, what each rule said, and what it all means."""
    rules: list[Json] = next((node["Rules"] for node in nodes if node["Rules"]), [])
    return [
        Column("node", lambda node: str(node["NodeID"])),
        Column("rank", _number(lambda node: node["Rank"])),
        *(Column(rule["Rule"], partial(_rank, at)) for at, rule in enumerate(rules)),
        Column("why", _why, _WHY_LIMIT, "soft"),
    ]


def _number(rank: Callable[[Json], int]) -> Callable[[Json], str]:
    return lambda node: "no" if rank(node) < 0 else str(rank(node))


def _rank(at: int, node: Json) -> str:
    return _number(lambda node: node["Rules"][at]["Rank"])(node) if node["Rules"] else ""


def _why(node: Json) -> str:
    parts = ["chosen"] if node["IsPlaced"] else [node["Reason"]] if node["Reason"] else []
    if node["Changes"]:
        parts.append(f"would have been chosen with {' and '.join(node['Changes'])}")
    return "; ".join(parts)


def _as_ours(error: ApiError) -> DevstackError:
    """A real network keeps no such thing."""
    if error.status in (404, 405) and error.message.removeprefix("code=404, message=") in ("Not Found", "not found"):
        return DevstackError("this server does not explain its choices", "only a stack of `up` does, no real network")
    return error
