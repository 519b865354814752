"""`agent alive`, `agent node`, `agent version`. Source: command line reference 2.6."""

from __future__ import annotations

import click

from devstack.cli.flags import Group
from devstack.cli.options import object_flags
from devstack.cli.output import emit
from devstack.cli.settings import connect

__all__ = ["agent"]


@click.group("agent", cls=Group)
def agent() -> None:
    """Ask the node that serves the API about itself."""


@agent.command("alive")
@object_flags()
def agent_alive(output: str, pretty: bool) -> None:
    """Is it alive?"""
    emit(connect().agent("alive"), output, pretty=pretty)


@agent.command("node")
@object_flags()
def agent_node(output: str, pretty: bool) -> None:
    """What node is it, and what can it do?"""
    emit(connect().agent("node"), output, pretty=pretty)


@agent.command("version")
@object_flags(None)
def agent_version(output: str | None, pretty: bool) -> None:
    """Which version does it run?"""
    version = connect().agent("version")
    if output is not None:
        emit(version, output, pretty=pretty)
        return
    click.echo(f"Bacalhau {version.get('GitVersion', '')}")
    click.echo(f"BuildDate {version.get('BuildDate', '')}")
    click.echo(f"GitCommit {version.get('GitCommit', '')}")
