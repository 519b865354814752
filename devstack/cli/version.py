"""`version`: ours and the server's. Source: command line reference 2.6, client calls 3."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import click

from devstack import __version__
from devstack.cli.flags import Command, switch
from devstack.cli.options import output_flags
from devstack.cli.output import Column, Style, emit, emit_list
from devstack.cli.settings import connect
from devstack.client import ApiError, UnreachableError

__all__ = ["version"]

_SERVER_LIMIT_S: Final = 3.0


@click.command("version", cls=Command)
@switch("--client", help="This client's version only; asks no server.")
@output_flags()
def version(client: bool, style: Style) -> None:
    """Show the versions of this client and of the server."""
    shown: dict[str, Any] = {"clientVersion": {"GitVersion": f"v{__version__}"}}
    if not client and (server := _server_version()):
        shown["serverVersion"] = server
    if style.output in ("json", "yaml"):
        emit(shown, style.output, pretty=style.pretty)
        return
    columns = [Column("client", lambda item: str(item["clientVersion"]["GitVersion"]))]
    if not client:
        columns.append(Column("server", lambda item: str(item.get("serverVersion", {}).get("GitVersion", ""))))
    emit_list(columns, [shown], style)


def _server_version() -> dict[str, Any]:
    # Bacalhau wants some id of 64 digits here. Ours says what we are and nothing about the user.
    client_id = sha256(b"devstack").hexdigest()
    try:
        return connect(_SERVER_LIMIT_S).server_version(client_id)
    except (ApiError, UnreachableError, KeyError, TypeError):
        return {}
