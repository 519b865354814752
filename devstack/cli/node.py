"""`node list`, `describe`, `approve`, `reject`, `delete`. Source: command line reference 1.6, 2.2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from devstack.cli.flags import Choice, Group, comma_list, option
from devstack.cli.options import list_flags, node_argument, object_flags, output_flags
from devstack.cli.output import Column, Style, emit, emit_list
from devstack.cli.selectors import parse_selector
from devstack.cli.settings import connect
from devstack.cli.text import human_size, short_node_id
from devstack.client import ApiError, Query
from devstack.errors import DevstackError, UsageError

__all__ = ["node"]

NodeState = Mapping[str, Any]

# The documentation's words for a node's health, and v1.4.0's for its connection.
_STATUS_WORDS: Final = {
    "healthy": "connected", "unhealthy": "disconnected", "unknown": "unknown",
    "connected": "connected", "disconnected": "disconnected",
}  # fmt: skip


@click.group("node", cls=Group)
def node() -> None:
    """Look at the nodes of the network, let them in or keep them out."""


def _groups(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    groups = comma_list(ctx, param, values)
    for group in groups:
        if group not in _COLUMN_GROUPS:
            raise click.BadParameter(f"it is a list of {', '.join(_COLUMN_GROUPS)}")
    return groups


@node.command("list")
@option(
    "--show",
    multiple=True,
    default=["labels,capacity"],
    callback=_groups,
    help="Columns: labels, version, features, capacity.",
)
@option("--labels", default="", metavar="SELECTOR", help="Only nodes with such labels.")
@option("--filter-approval", type=Choice("approved", "pending", "rejected", any_case=True), help="Only such nodes.")
@option("--filter-status", type=Choice(*_STATUS_WORDS, any_case=True), help="Only such nodes.")
@list_flags(0, "id, type, available_cpu, available_memory, available_disk, available_gpu, status")
@output_flags()
def node_list(
    show: tuple[str, ...],
    labels: str,
    filter_approval: str | None,
    filter_status: str | None,
    paging: Query,
    style: Style,
) -> None:
    """List the nodes of the network."""
    try:
        wanted = [str(requirement) for requirement in parse_selector(labels)]
    except UsageError as exc:
        raise UsageError(f"could not parse labels: {exc.message}") from None
    filters = {"filter-approval": filter_approval, "filter-status": _STATUS_WORDS.get(filter_status or "")}
    answer = connect().nodes({**paging, **filters, "labels": wanted})
    columns = [*_FIXED, *(column for group in show for column in _COLUMN_GROUPS[group])]
    emit_list(columns, answer.get("Nodes") or [], style)


@node.command("describe")
@node_argument
@object_flags()
def node_describe(node_id: str, output: str, pretty: bool) -> None:
    """Show everything about one node."""
    try:
        found = connect().node(node_id)["Node"]
    except ApiError as exc:
        raise exc.while_doing(f"could not get node {node_id}") from None
    emit(found, output, pretty=pretty)


def _action(name: str, text: str) -> Callable[..., None]:
    @node.command(name, help=text)
    @node_argument
    @option("-m", "--message", default="", help="Why, for the record.")
    def act(node_id: str, message: str) -> None:
        try:
            answer = connect().act_on_node(node_id, name, message)
        except ApiError as exc:
            raise exc.while_doing(f"could not {name} node {node_id}") from None
        if not answer.get("Success"):
            raise DevstackError(f"failed to {name} node {node_id}: {answer.get('Error') or 'no reason given'}")
        click.echo("Ok")

    return act


node_approve = _action("approve", "Let a node into the network.")
node_reject = _action("reject", "Keep a node out of the network.")
node_delete = _action("delete", "Take a node off the list.")


def _info(state: NodeState) -> Mapping[str, Any]:
    info: Mapping[str, Any] = state.get("Info") or {}
    return info


def _compute(state: NodeState) -> Mapping[str, Any]:
    compute: Mapping[str, Any] = _info(state).get("ComputeNodeInfo") or {}
    return compute


def _status(state: NodeState) -> str:
    return str(state.get("Connection") or "") if _compute(state) else ""


def _labels(state: NodeState) -> str:
    return " ".join(f"{key}={value}" for key, value in sorted((_info(state).get("Labels") or {}).items()))


def _version(key: str) -> Callable[[NodeState], str]:
    return lambda state: str((_info(state).get("BacalhauVersion") or {}).get(key) or "")


def _names(key: str) -> Callable[[NodeState], str]:
    return lambda state: " ".join(_compute(state).get(key) or [])


def _amount(key: str, show: Callable[[Any], str]) -> Callable[[NodeState], str]:
    """`available / maximum`; empty for a node that computes nothing."""

    def both(state: NodeState) -> str:
        compute = _compute(state)
        pair = [(compute.get(which) or {}).get(key) or 0 for which in ("AvailableCapacity", "MaxCapacity")]
        return " / ".join(show(amount) for amount in pair) if compute else ""

    return both


_FIXED: Final = (
    Column("id", lambda state: short_node_id(str(_info(state).get("NodeID", "")))),
    Column("type", lambda state: str(_info(state).get("NodeType") or "")),
    Column("approval", lambda state: str(state.get("Membership") or "")),
    Column("status", _status),
)
_COLUMN_GROUPS: Final = {
    "labels": (Column("labels", _labels, 50, "soft"),),
    "version": (
        Column("version", _version("GitVersion")),
        Column("architecture", _version("GOARCH")),
        Column("os", _version("GOOS")),
    ),
    "features": (
        Column("engines", _names("ExecutionEngines"), 7, "soft"),
        Column("inputs from", _names("StorageSources"), 15, "soft"),
        Column("outputs", _names("Publishers"), 6, "soft"),
    ),
    "capacity": (
        Column("cpu", _amount("CPU", lambda amount: f"{amount:.1f}"), 6, "soft"),
        Column("memory", _amount("Memory", human_size), 10, "soft"),
        Column("disk", _amount("Disk", human_size), 11, "soft"),
        Column("gpu", _amount("GPU", str), 4, "soft"),
    ),
}
